//! Tokens and stop reasons.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use ultraai_core::{FinishReason, Usage};
use ultraai_protocol_common::{Number, object};

object! {
    /// The object `usage`.
    #[derive(Debug, Default)]
    pub(crate) struct UsageBody<'a> {
        input: Number = "inputTokens",
        output: Number = "outputTokens",
        read: Number = "cacheReadInputTokens",
        written: Number = "cacheWriteInputTokens",
    }
    known: "totalTokens", "cacheReadInputTokenCount", "cacheWriteInputTokenCount";
    others: pub(crate) others: Map<String, Value>;
}

impl UsageBody<'_> {
    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let cached = self.read.0.unwrap_or(0).saturating_add(self.written.0.unwrap_or(0));
        // The protocol counts the cached tokens beside the others, the conventions count them among them.
        let mut usage = Usage::reported(self.input.0?.saturating_add(cached), self.output.0?);
        usage.cache_read = self.read.0;
        usage.cache_write = self.written.0;
        Some(usage)
    }

    /// What else it says, such as how long what was written to the cache stays there.
    pub(crate) fn rest(self) -> Map<String, Value> {
        let mut rest = self.others;
        // Said of every model, and mostly nothing.
        rest.retain(|_, value| value.as_object().is_none_or(|object| !object.is_empty()));
        rest
    }
}

/// Usage as it is written, with what else is said there.
#[derive(Debug)]
pub(crate) struct Counts<'a> {
    pub(crate) usage: Usage,
    pub(crate) rest: Option<&'a Map<String, Value>>,
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Usage { input_tokens, output_tokens, cache_read, cache_write, .. } = self.usage;
        let cached = cache_read.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("inputTokens", &input_tokens.saturating_sub(cached))?;
        map.serialize_entry("outputTokens", &output_tokens)?;
        map.serialize_entry("totalTokens", &input_tokens.saturating_add(output_tokens))?;
        if let Some(read) = cache_read {
            map.serialize_entry("cacheReadInputTokens", &read)?;
        }
        if let Some(written) = cache_write {
            map.serialize_entry("cacheWriteInputTokens", &written)?;
        }
        for (key, value) in self.rest.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Reads a stop reason.
pub(crate) fn finish_reason(word: &str) -> FinishReason {
    match word {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        // The answer has come to its end, but nobody said why.
        "" => FinishReason::Other("unknown".into()),
        other => FinishReason::Other(other.to_owned()),
    }
}

/// Writes a stop reason; `stopped` is whether a stop sequence is known.
pub(crate) fn stop_reason(reason: &FinishReason, stopped: bool) -> &str {
    match reason {
        FinishReason::Stop if stopped => "stop_sequence",
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "content_filtered",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_part_of_the_input_and_stand_beside_it_again() {
        let json = r#"{"inputTokens":5,"cacheReadInputTokens":"100","cacheWriteInputTokens":20.0,"outputTokens":7,
            "totalTokens":132,"serverToolUsage":{},"cacheDetails":[{"ttl":"5m","inputTokens":20}]}"#;
        let body: UsageBody<'_> = serde_json::from_str(json).unwrap();
        let usage = body.read().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (125, 7));
        assert_eq!((usage.cache_read, usage.cache_write), (Some(100), Some(20)));
        let rest = body.rest();
        assert_eq!(rest.keys().collect::<Vec<_>>(), ["cacheDetails"]);
        let written = serde_json::to_value(Counts { usage, rest: Some(&rest) }).unwrap();
        assert_eq!((&written["inputTokens"], &written["totalTokens"]), (&Value::from(5), &Value::from(132)));
        assert_eq!(written["cacheDetails"][0]["ttl"], "5m");
        let half: UsageBody<'_> = serde_json::from_str(r#"{"outputTokens":7,"inputTokens":null}"#).unwrap();
        assert_eq!(half.read(), None);
    }

    #[test]
    fn a_stop_reason_that_is_unknown_is_kept() {
        for (word, reason) in [
            ("stop_sequence", FinishReason::Stop),
            ("model_context_window_exceeded", FinishReason::Length),
            ("guardrail_intervened", FinishReason::ContentFilter),
            ("malformed_tool_use", FinishReason::Other("malformed_tool_use".into())),
            ("", FinishReason::Other("unknown".into())),
        ] {
            assert_eq!(finish_reason(word), reason);
        }
        assert_eq!(
            stop_reason(&FinishReason::Other("malformed_tool_use".into()), false),
            "malformed_tool_use"
        );
        assert_eq!(stop_reason(&FinishReason::Stop, true), "stop_sequence");
    }
}
