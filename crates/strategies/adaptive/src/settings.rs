//! What can be set, and its defaults.

use std::{fmt::Write as _, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{Error, ErrorKind, Field, Options, Result};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)*) => {
        /// The settings of `adaptive`.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct AdaptiveSettings {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl Default for AdaptiveSettings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl AdaptiveSettings {
            /// Every setting with what it means, its unit and its default.
            pub const FIELDS: &'static [Field] = &[$(Field { name: stringify!($name), doc: concat!($($doc),+) },)*];
        }
    };
}

settings! {
    /// What is chosen among: a strategy with options, each. Default: `fallback`, `parallel` with early stopping, `parallel` without, `simple` with a synthesis, as far as they are linked.
    arms: Vec<ArmSettings> = Vec::new(),
    /// Upper bound of the share of requests that try an arm that is not the best of what was seen, 0 to 0.5; while little was seen of a kind of task it is up to a half. With 0 nothing is ever tried. Default: 0.1.
    exploration: f64 = 0.1,
    /// After so many outcomes of a kind of task an outcome counts half. Default: 30.
    half_life: f64 = 30.0,
    /// What an answer that takes for ever costs in quality, 0 to 1. Default: 0.1.
    latency_weight: f64 = 0.1,
    /// The time that costs half of `latency_weight`, in seconds. Default: 10.
    latency_reference_seconds: f64 = 10.0,
    /// What an answer of boundless cost costs in quality, 0 to 1. Default: 0.1.
    cost_weight: f64 = 0.1,
    /// The cost that costs half of `cost_weight`, in US dollars. Default: 0.01.
    cost_reference_dollars: f64 = 0.01,
    /// Requests under way per candidate from which on only arms that ask few candidates are taken. Default: 4.
    busy_per_candidate: f64 = 4.0,
    /// With less time left, in seconds, only arms that end at the first good answer are taken. Default: 5.
    short_deadline_seconds: f64 = 5.0,
    /// Where what was seen is kept. Default: nowhere.
    state_file: Option<PathBuf> = None,
    /// Outcomes after which the state file is written again; so many can be lost. Default: 50.
    save_every: u64 = 50,
}

/// A strategy with options over it, to be chosen among others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ArmSettings {
    /// The registered name of the strategy.
    pub strategy: String,
    /// What traces and the state file call it. Default: the strategy, what `options` set, and a short hash in place of a template
    /// and of `settings`.
    #[serde(default)]
    pub name: Option<String>,
    /// Options over those in force; what the user set himself stays.
    #[serde(default)]
    pub options: Options,
    /// The strategy's own settings.
    #[serde(default)]
    pub settings: Value,
}

impl ArmSettings {
    /// The strategy `strategy` with `options`.
    pub fn new(strategy: impl Into<String>, options: Options) -> Self {
        Self { strategy: strategy.into(), options, ..Self::default() }
    }

    /// Sets what traces and the state file call it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the strategy's own settings.
    #[must_use]
    pub fn with_settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    /// What it is called.
    pub(crate) fn label(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let mut label = self.strategy.clone();
        let options = serde_json::to_value(&self.options).unwrap_or_default();
        for (key, value) in options.as_object().into_iter().flatten() {
            let _ = match value {
                Value::Bool(_) | Value::Number(_) => write!(label, " {key}={value}"),
                Value::String(name) if NAMES.contains(&key.as_str()) => write!(label, " {key}={name}"),
                _ => write!(label, " {key}=#{:08x}", fingerprint(value)),
            };
        }
        // Settings of a strategy may hold anything, a key among it.
        if self.settings.as_object().map_or(!self.settings.is_null(), |settings| !settings.is_empty()) {
            let _ = write!(label, " settings=#{:08x}", fingerprint(&self.settings));
        }
        label
    }
}

/// Options whose values are names that stand in traces anyway.
const NAMES: [&str; 4] = ["selector", "analysis_type", "analyst", "synthesizer"];

/// A number that is the same in every run of every build, and tells nothing of what it was made from: FNV-1a, folded.
fn fingerprint(value: &Value) -> u32 {
    fn hash(value: &Value, into: &mut u64) {
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain([&0]) {
                *into = (*into ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        match value {
            Value::Object(map) => {
                // The order of the keys depends on a feature of serde_json that another crate may turn on.
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                add(b"{");
                for (key, value) in entries {
                    hash(&Value::String(key.clone()), into);
                    hash(value, into);
                }
            }
            Value::Array(values) => {
                add(b"[");
                for value in values {
                    hash(value, into);
                }
            }
            value => add(value.to_string().as_bytes()),
        }
    }
    let mut whole = 0xcbf2_9ce4_8422_2325;
    hash(value, &mut whole);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (whole ^ (whole >> 32)) as u32;
    folded
}

impl AdaptiveSettings {
    /// Checks what no number may be.
    pub(crate) fn validate(&self) -> Result<()> {
        let within = |name: &str, value: f64, least: f64, most: f64| match (least..=most).contains(&value) {
            true => Ok(()),
            false => {
                let message = format!("`{name}` is {value}: it must be a number from {least} to {most}");
                Err(Error::new(ErrorKind::Config, message))
            }
        };
        within("exploration", self.exploration, 0.0, 0.5)?;
        within("half_life", self.half_life, 1.0, 10_000.0)?;
        within("latency_weight", self.latency_weight, 0.0, 1.0)?;
        within("latency_reference_seconds", self.latency_reference_seconds, 0.001, 1e6)?;
        within("cost_weight", self.cost_weight, 0.0, 1.0)?;
        within("cost_reference_dollars", self.cost_reference_dollars, 1e-9, 1e6)?;
        within("busy_per_candidate", self.busy_per_candidate, 0.0, 1e9)?;
        within("short_deadline_seconds", self.short_deadline_seconds, 0.0, 1e9)?;
        if self.save_every == 0 {
            return Err(Error::new(ErrorKind::Config, "`save_every` is 0: it must be at least 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_listed_with_its_default() {
        assert!(AdaptiveSettings::FIELDS.iter().all(|field| field.doc.contains("Default:")));
        AdaptiveSettings::default().validate().unwrap();
    }

    #[test]
    fn wrong_numbers_are_refused_by_name() {
        for (settings, name) in [
            (AdaptiveSettings { exploration: 0.9, ..AdaptiveSettings::default() }, "exploration"),
            (AdaptiveSettings { half_life: f64::NAN, ..AdaptiveSettings::default() }, "half_life"),
            (AdaptiveSettings { save_every: 0, ..AdaptiveSettings::default() }, "save_every"),
        ] {
            assert!(settings.validate().unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn an_arm_is_called_by_what_it_sets() {
        let mut options = Options::default();
        options.use_early_stopping = Some(true);
        assert_eq!(ArmSettings::new("parallel", options.clone()).label(), "parallel use_early_stopping=true");
        assert_eq!(ArmSettings::new("parallel", options).named("quick").label(), "quick");
    }

    #[test]
    fn texts_and_settings_stand_in_no_name_and_still_tell_arms_apart() {
        let with = |template: &str, key: &str| {
            let mut options = Options::default();
            options.selector = Some("latency".into());
            options.synthesis_template = Some(template.into());
            ArmSettings::new("simple", options)
                .with_settings(serde_json::json!({ "a": 1, "key": key }))
                .label()
        };
        let label = with("be rude", "sk-1234");
        assert!(label.starts_with("simple selector=latency synthesis_template=#"), "{label}");
        assert!(!label.contains("rude") && !label.contains("sk-1234"), "{label}");
        assert_eq!(label, with("be rude", "sk-1234"));
        assert!(label != with("be kind", "sk-1234") && label != with("be rude", "sk-1235"));
        assert_eq!(ArmSettings::new("simple", Options::default()).label(), "simple");
    }
}
