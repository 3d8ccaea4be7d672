//! The settings of the mock.

use std::time::Duration;

use serde::{Deserialize, de::IntoDeserializer as _};
use ultraai_core::{Error, ErrorKind, Field, FinishReason, Result};

/// The settings of the mock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MockConfig {
    /// The text of answers; `{prompt}`, `{model}` and `{attempt}` in it are replaced. Default: a text that says
    /// that no model was asked.
    pub answer: Option<String>,
    /// Time to the first token, in seconds. Default: 0.
    pub latency_seconds: f64,
    /// Distribution that the time to the first token is drawn from, in place of `latency_seconds`. Default: none.
    pub latency: Option<LatencyDistribution>,
    /// Tokens a second after the first one. Default: all at once.
    pub tokens_per_second: Option<f64>,
    /// What each attempt does, in order. Default: none.
    pub failures: Vec<ScriptedAttempt>,
    /// Whether `failures` begins again at its end. Default: false.
    pub repeat_failures: bool,
    /// Share of the attempts beyond `failures` that fail, 0 to 1. Default: 0.
    pub failure_rate: f64,
    /// How those fail. Default: `server_error`.
    pub failure_kind: ErrorKind,
    /// Why answers end. Default: `stop`.
    pub finish_reason: FinishReason,
    /// Tokens of the answer that it reports. Default: as many as it has.
    pub tokens: Option<u64>,
    /// Seed of latencies and failures. Default: the orchestrator's, another for each provider.
    pub seed: Option<u64>,
}

impl Default for MockConfig {
    fn default() -> Self {
        Self {
            answer: None,
            latency_seconds: 0.0,
            latency: None,
            tokens_per_second: None,
            failures: Vec::new(),
            repeat_failures: false,
            failure_rate: 0.0,
            failure_kind: ErrorKind::ServerError,
            finish_reason: FinishReason::Stop,
            tokens: None,
            seed: None,
        }
    }
}

impl MockConfig {
    /// Every setting, for help texts and settings files.
    pub const FIELDS: &'static [Field] = &[
        field(
            "answer",
            "The text of answers, with `{prompt}`, `{model}` and `{attempt}` replaced. Default: it says that no model was asked.",
        ),
        field("latency_seconds", "Time to the first token, in seconds. Default: 0."),
        field(
            "latency",
            "Log-normal time to the first token: { p50_seconds = 0.4, p99_seconds = 3.0 }. Default: none.",
        ),
        field("tokens_per_second", "Tokens a second after the first one. Default: all at once."),
        field(
            "failures",
            "What each attempt does, in order: \"ok\" or an error's kind, such as \"rate_limited\". Default: none.",
        ),
        field("repeat_failures", "Whether `failures` begins again at its end. Default: false."),
        field("failure_rate", "Share of the attempts beyond `failures` that fail, 0 to 1. Default: 0."),
        field("failure_kind", "How those fail. Default: server_error."),
        field("finish_reason", "Why answers end: stop, length or content_filter. Default: stop."),
        field("tokens", "Tokens of the answer that it reports. Default: as many as it has."),
        field(
            "seed",
            "Seed of latencies and failures. Default: the orchestrator's, another for each provider.",
        ),
    ];

    /// Checks what no number may be.
    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        seconds("latency_seconds", self.latency_seconds)?;
        if let Some(latency) = self.latency {
            seconds("latency.p50_seconds", latency.p50_seconds)?;
            seconds("latency.p99_seconds", latency.p99_seconds)?;
            if latency.p50_seconds <= 0.0 || latency.p99_seconds < latency.p50_seconds {
                return wrong(
                    "`latency` must have a `p50_seconds` above 0 and a `p99_seconds` that is not below it"
                        .into(),
                );
            }
            if self.latency_seconds > 0.0 {
                return wrong("`latency_seconds` and `latency` say the same thing: set one of them".into());
            }
        }
        // Below one token in eleven days a duration between two would not fit.
        if let Some(rate) = self.tokens_per_second.filter(|rate| !rate.is_finite() || *rate < 1e-6) {
            return wrong(format!("`tokens_per_second` is {rate}: it must be a number above 0"));
        }
        if !(0.0..=1.0).contains(&self.failure_rate) {
            return wrong(format!(
                "`failure_rate` is {}: it must be a number from 0 to 1",
                self.failure_rate
            ));
        }
        if self.finish_reason == FinishReason::ToolCalls {
            return wrong("`finish_reason` is tool_calls, and the mock calls no tools: it must be stop, length or content_filter".into());
        }
        if self.repeat_failures && self.failures.is_empty() {
            return wrong("`repeat_failures` is set, and `failures` is empty: say what is repeated".into());
        }
        Ok(())
    }
}

const fn field(name: &'static str, doc: &'static str) -> Field {
    Field { name, doc }
}

fn seconds(name: &str, seconds: f64) -> Result<()> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(_) => Ok(()),
        Err(_) => {
            let message = format!("`{name}` is {seconds}: it must be a number of seconds from 0 up");
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}

/// A log-normal distribution of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyDistribution {
    /// The median, in seconds.
    pub p50_seconds: f64,
    /// The 99th percentile, in seconds.
    pub p99_seconds: f64,
}

/// What one attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ScriptedAttempt {
    /// It answers.
    Answers,
    /// It fails.
    Fails(ErrorKind),
}

impl TryFrom<String> for ScriptedAttempt {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        if word == "ok" {
            return Ok(Self::Answers);
        }
        ErrorKind::deserialize(word.as_str().into_deserializer()).map(Self::Fails).map_err(
            |_: serde::de::value::Error| {
                format!("`failures` holds {word:?}: write \"ok\" or an error's kind, such as \"rate_limited\" or \"timeout\"")
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(settings: Value) -> String {
        match serde_json::from_value::<MockConfig>(settings) {
            Ok(config) => config.validate().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (settings, name) in [
            (json!({ "latency_seconds": -1 }), "`latency_seconds` is -1"),
            (json!({ "latency": { "p50_seconds": 2.0, "p99_seconds": 1.0 } }), "`latency` must"),
            (json!({ "latency": { "p50_seconds": 0.0, "p99_seconds": 1.0 } }), "`latency` must"),
            (json!({ "latency": { "p50_seconds": 1e300, "p99_seconds": 1e300 } }), "`latency.p50_seconds`"),
            (
                json!({ "latency_seconds": 1, "latency": { "p50_seconds": 1.0, "p99_seconds": 1.0 } }),
                "set one of them",
            ),
            (json!({ "tokens_per_second": 0 }), "`tokens_per_second` is 0"),
            (json!({ "failure_rate": 1.5 }), "`failure_rate` is 1.5"),
            (json!({ "failures": ["ok", "nope"] }), "`failures` holds \"nope\""),
            (json!({ "finish_reason": "tool_calls" }), "`finish_reason`"),
            (json!({ "repeat_failures": true }), "`repeat_failures`"),
            (json!({ "failure_kind": "nope" }), "nope"),
        ] {
            let refusal = refusal(settings);
            assert!(refusal.contains(name), "{refusal}");
        }
    }

    #[test]
    fn every_setting_is_listed() {
        let config = json!({
            "answer": "a", "latency_seconds": 0, "latency": { "p50_seconds": 1.0, "p99_seconds": 2.0 },
            "tokens_per_second": 1, "failures": ["ok", "timeout"], "repeat_failures": true, "failure_rate": 0.5,
            "failure_kind": "timeout", "finish_reason": "length", "tokens": 3, "seed": 1,
        });
        let listed: Vec<_> = MockConfig::FIELDS.iter().map(|field| field.name).collect();
        let mut known: Vec<_> = config.as_object().unwrap().keys().map(String::as_str).collect();
        known.sort_by_key(|name| listed.iter().position(|other| other == name));
        assert_eq!(known, listed);
        serde_json::from_value::<MockConfig>(config).unwrap().validate().unwrap();
    }
}
