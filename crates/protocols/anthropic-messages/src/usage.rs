//! Tokens and finish reasons, both ways.

use serde_json::{Map, Value};
use ultraai_core::{FinishReason, Usage};
use ultraai_protocol_common::{Number, Text, object};

use crate::{NAME, json::Json};

object! {
    /// The object `usage`.
    #[derive(Debug, Default)]
    pub(crate) struct UsageBody<'a> {
        /// What was neither read from the cache nor written to it.
        input: Number = "input_tokens",
        read: Number = "cache_read_input_tokens",
        written: Number = "cache_creation_input_tokens",
        output: Number = "output_tokens",
        details: Value = "output_tokens_details",
        tier: Text<'a> = "service_tier",
    }
    known: ;
    others: others: Map<String, Value>;
}

impl UsageBody<'_> {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            input: self.input.0,
            read: self.read.0,
            written: self.written.0,
            output: self.output.0,
            thinking: self.details.get(THINKING).and_then(Value::as_u64),
        }
    }

    /// The tier, and what the vocabulary has no words for.
    pub(crate) fn rest(mut self) -> (Option<String>, Map<String, Value>) {
        if let Value::Object(details) = &mut self.details {
            details.retain(|key, value| key != THINKING && !value.is_null());
            if !details.is_empty() {
                self.others.insert(DETAILS.to_owned(), self.details);
            }
        }
        (self.tier.filled(), self.others)
    }
}

const DETAILS: &str = "output_tokens_details";
const THINKING: &str = "thinking_tokens";

/// What is counted so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    read: Option<u64>,
    written: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let cached = self.read.unwrap_or(0).saturating_add(self.written.unwrap_or(0));
        // The protocol counts the cached tokens beside the others, the conventions count them among them.
        let mut usage = Usage::reported(self.input?.saturating_add(cached), self.output?);
        usage.cache_read = self.read;
        usage.cache_write = self.written;
        usage.reasoning = self.thinking;
        Some(usage)
    }

    /// What went in, before all of the output is counted; `None` where that is not said. Gateways that count at the end
    /// alone say zero here.
    pub(crate) fn read_early(&self) -> Option<Usage> {
        let early = Self { output: self.output.or(Some(0)), ..*self };
        early.read().filter(|usage| usage.input_tokens > 0)
    }

    /// Takes what a later event says; its counts are those of the whole answer so far.
    pub(crate) fn update(&mut self, later: Self) {
        for (known, later) in [
            (&mut self.input, later.input),
            (&mut self.read, later.read),
            (&mut self.written, later.written),
            (&mut self.output, later.output),
            (&mut self.thinking, later.thinking),
        ] {
            *known = later.or(*known);
        }
    }

    /// Whether it says what came out.
    pub(crate) fn counts_output(&self) -> bool {
        self.output.is_some()
    }
}

/// Reads a stop reason.
pub(crate) fn finish_reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | WINDOW => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        // Classifiers before the model stop the answer; the model itself declines in plain text.
        "refusal" => FinishReason::ContentFilter,
        // The answer has come to its end, but nobody said why.
        "" => FinishReason::Other("unknown".into()),
        other => FinishReason::Other(other.to_owned()),
    }
}

/// A stop reason that says more than its finish reason, to be kept as it came.
pub(crate) const WINDOW: &str = "model_context_window_exceeded";

/// A turn that the vendor paused, and that is to be sent back to be continued.
const PAUSED: &str = "pause_turn";

/// The stop reason that says why an answer ended, which was read from the protocol `origin`. `refused` is whether the model
/// declined in its own words. SDKs read it as an enumeration, so another protocol's word becomes the nearest one that does not
/// call an answer whole which may be cut.
pub(crate) fn stop_reason<'a>(
    reason: &'a FinishReason,
    origin: Option<&str>,
    has_sequence: bool,
    refused: bool,
    raw: &Map<String, Value>,
) -> &'a str {
    match reason {
        FinishReason::Stop if has_sequence => "stop_sequence",
        FinishReason::Stop if refused => "refusal",
        FinishReason::Length if raw.get("stop_reason").is_some_and(|word| word == WINDOW) => WINDOW,
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
        FinishReason::Other(word) if word == PAUSED => PAUSED,
        // It came to its end, and the protocol wants a word for it.
        FinishReason::Other(word) if word == "unknown" => "end_turn",
        FinishReason::Other(word) if origin == Some(NAME) => word,
        FinishReason::Stop => "end_turn",
        // It was cut off, or nobody knows that it was not.
        _ => "max_tokens",
    }
}

/// Writes the object `usage`, where nobody counted with zeros: the vendor's SDKs need one.
pub(crate) fn write_usage(
    usage: Option<&Usage>,
    tier: Option<&str>,
    raw: Option<&Map<String, Value>>,
    json: &mut Json,
) {
    let none = Usage::default();
    let usage = usage.unwrap_or(&none);
    let cached = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
    json.key("usage");
    json.begin(b'{');
    json.entry("input_tokens", &usage.input_tokens.saturating_sub(cached));
    for (key, count) in [
        ("cache_creation_input_tokens", usage.cache_write),
        ("cache_read_input_tokens", usage.cache_read),
        ("output_tokens", Some(usage.output_tokens)),
    ] {
        if let Some(count) = count {
            json.entry(key, &count);
        }
    }
    let more = raw.and_then(|raw| raw.get(DETAILS)).and_then(Value::as_object);
    if usage.reasoning.is_some() || more.is_some() {
        json.key(DETAILS);
        json.begin(b'{');
        if let Some(thinking) = usage.reasoning {
            json.entry(THINKING, &thinking);
        }
        if let Some(more) = more {
            more.iter().filter(|(key, _)| *key != THINKING).for_each(|(key, value)| json.field(key, value));
        }
        json.end(b'}');
    }
    let tier = match tier {
        // OpenAI's words: one has another name here, and the rest has none.
        Some("default") => Some("standard"),
        Some("auto" | "flex" | "scale") => None,
        tier => tier,
    };
    if let Some(tier) = tier {
        json.entry("service_tier", tier);
    }
    let known = |key: &str| {
        key == DETAILS
            || matches!(
                key,
                "input_tokens"
                    | "output_tokens"
                    | "cache_creation_input_tokens"
                    | "cache_read_input_tokens"
                    | "service_tier"
            )
    };
    for (key, value) in raw.into_iter().flatten().filter(|(key, _)| !known(key)) {
        json.field(key, value);
    }
    json.end(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(json: &str) -> Counts {
        serde_json::from_str::<UsageBody<'_>>(json).unwrap().counts()
    }

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let body = r#"{"input_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":"20","output_tokens":7,
            "output_tokens_details":{"thinking_tokens":3,"novel":1},"service_tier":"standard","server_tool_use":null,
            "inference_geo":"eu"}"#;
        let body: UsageBody<'_> = serde_json::from_str(body).unwrap();
        let usage = body.counts().read().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (125, 7));
        assert_eq!((usage.cache_read, usage.cache_write, usage.reasoning), (Some(100), Some(20), Some(3)));
        let (tier, rest) = body.rest();
        assert_eq!(tier.as_deref(), Some("standard"));
        let mut json = Json::default();
        json.begin(b'{');
        write_usage(Some(&usage), tier.as_deref(), Some(&rest), &mut json);
        json.end(b'}');
        let expected = r#"{"usage":{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,"output_tokens":7,"output_tokens_details":{"thinking_tokens":3,"novel":1},"service_tier":"standard","inference_geo":"eu"}}"#;
        assert_eq!(String::from_utf8_lossy(&json.into_bytes()), expected);
    }

    #[test]
    fn another_vendors_tier_is_told_in_this_ones_words() {
        for (tier, expected) in [("default", Some("standard")), ("batch", Some("batch")), ("flex", None)] {
            let mut json = Json::default();
            json.begin(b'{');
            write_usage(None, Some(tier), None, &mut json);
            json.end(b'}');
            let written: serde_json::Value = serde_json::from_slice(&json.into_bytes()).unwrap();
            assert_eq!(written["usage"]["service_tier"].as_str(), expected, "{tier}");
        }
    }

    #[test]
    fn half_a_count_is_no_count() {
        assert_eq!(counts("{}").read(), None);
        assert_eq!(counts(r#"{"output_tokens":7}"#).read(), None);
        assert_eq!(counts(r#"{"input_tokens":7,"cache_read_input_tokens":null}"#).read(), None);
    }

    #[test]
    fn a_later_count_replaces_an_earlier_one_where_it_says_something() {
        let mut usage = counts(r#"{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}"#);
        usage.update(counts(r#"{"output_tokens":7,"input_tokens":null}"#));
        assert_eq!(usage.read().unwrap().input_tokens, 7);
        usage.update(counts(r#"{"output_tokens":9,"input_tokens":11,"cache_read_input_tokens":0}"#));
        assert_eq!(usage.read().unwrap(), {
            let mut expected = Usage::reported(11, 9);
            expected.cache_read = Some(0);
            expected
        });
    }

    #[test]
    fn a_stop_reason_that_is_unknown_is_kept() {
        for (word, reason) in [
            ("stop_sequence", FinishReason::Stop),
            ("model_context_window_exceeded", FinishReason::Length),
            ("refusal", FinishReason::ContentFilter),
            ("pause_turn", FinishReason::Other("pause_turn".into())),
            ("", FinishReason::Other("unknown".into())),
        ] {
            assert_eq!(finish_reason(word), reason);
        }
        for word in
            ["end_turn", "stop_sequence", "max_tokens", WINDOW, "tool_use", "refusal", "pause_turn", "x"]
        {
            let raw = Map::from_iter([("stop_reason".to_owned(), Value::from(word))]);
            let reason = finish_reason(word);
            assert_eq!(stop_reason(&reason, Some(NAME), word == "stop_sequence", false, &raw), word);
        }
    }

    #[test]
    fn callers_are_told_why_in_words_that_they_know() {
        for (word, origin, expected) in [
            ("", Some("ollama"), "end_turn"),
            ("pause_turn", Some("bedrock"), "pause_turn"),
            ("weird", Some("openai-chat"), "max_tokens"),
            ("weird", None, "max_tokens"),
            ("weird", Some(NAME), "weird"),
        ] {
            let reason = finish_reason(word);
            assert_eq!(
                stop_reason(&reason, origin, false, false, &Map::new()),
                expected,
                "{word} of {origin:?}"
            );
        }
    }
}
