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
    /// What traces and the state file call it. Default: the strategy and what `options` and `settings` set.
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
        for map in [options.as_object(), self.settings.as_object()].into_iter().flatten() {
            for (key, value) in map {
                let _ = write!(label, " {key}={value}");
            }
        }
        label
    }
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
}
