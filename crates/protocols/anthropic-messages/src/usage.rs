//! Tokens and finish reasons.

use serde::Deserialize;
use ultraai_core::{FinishReason, Usage};
use ultraai_protocol_common::Number;

/// The object `usage`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UsageBody {
    /// What was neither read from the cache nor written to it.
    input_tokens: Number,
    cache_read_input_tokens: Number,
    cache_creation_input_tokens: Number,
    output_tokens: Number,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Number,
}

impl UsageBody {
    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let (read, written) = (self.cache_read_input_tokens.0, self.cache_creation_input_tokens.0);
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        // The protocol counts the cached tokens beside the others, the conventions count them among them.
        let mut usage = Usage::reported(self.input_tokens.0?.saturating_add(cached), self.output_tokens.0?);
        usage.cache_read = read;
        usage.cache_write = written;
        usage.reasoning = self.output_tokens_details.and_then(|details| details.thinking_tokens.0);
        Some(usage)
    }

    /// What went in, before all of the output is counted; `None` where that is not said. Gateways that count at the end
    /// alone say zero here.
    pub(crate) fn read_early(&self) -> Option<Usage> {
        let mut early = *self;
        early.output_tokens.0 = early.output_tokens.0.or(Some(0));
        early.read().filter(|usage| usage.input_tokens > 0)
    }

    /// Takes what a later event says; its counts are those of the whole answer so far.
    pub(crate) fn update(&mut self, later: &Self) {
        for (known, later) in [
            (&mut self.input_tokens, later.input_tokens),
            (&mut self.cache_read_input_tokens, later.cache_read_input_tokens),
            (&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens),
            (&mut self.output_tokens, later.output_tokens),
        ] {
            known.0 = later.0.or(known.0);
        }
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    /// Whether it says what came out.
    pub(crate) fn counts_output(&self) -> bool {
        self.output_tokens.0.is_some()
    }
}

/// Reads a stop reason.
pub(crate) fn finish_reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        // Classifiers before the model stop the answer; the model itself declines in plain text.
        "refusal" => FinishReason::ContentFilter,
        // The answer has come to its end, but nobody said why.
        "" => FinishReason::Other("unknown".into()),
        other => FinishReason::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> UsageBody {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn cached_tokens_are_part_of_the_input() {
        let usage = body(
            r#"{"input_tokens":5,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":7,
                "output_tokens_details":{"thinking_tokens":3},"service_tier":"standard","server_tool_use":null}"#,
        );
        let usage = usage.read().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (125, 7));
        assert_eq!((usage.cache_read, usage.cache_write, usage.reasoning), (Some(100), Some(20), Some(3)));
    }

    #[test]
    fn half_a_count_is_no_count() {
        assert_eq!(body("{}").read(), None);
        assert_eq!(body(r#"{"output_tokens":7}"#).read(), None);
        assert_eq!(body(r#"{"input_tokens":7,"cache_read_input_tokens":null}"#).read(), None);
    }

    #[test]
    fn a_later_count_replaces_an_earlier_one_where_it_says_something() {
        let mut usage = body(r#"{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}"#);
        usage.update(&body(r#"{"output_tokens":7,"input_tokens":null}"#));
        assert_eq!(usage.read().unwrap().input_tokens, 7);
        usage.update(&body(r#"{"output_tokens":9,"input_tokens":11,"cache_read_input_tokens":0}"#));
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
    }
}
