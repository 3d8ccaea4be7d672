//! Tokens and finish reasons, in the words of many vendors.

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::{Number, ObjectWriter, Unknown, object};

use crate::NAME;

object! {
    /// The object `usage`, with the fields that vendors put beside OpenAI's.
    #[derive(Debug, Default)]
    pub(crate) struct UsageBody<'a> {
        prompt_tokens: Number = "prompt_tokens",
        completion_tokens: Number = "completion_tokens",
        total_tokens: Number = "total_tokens",
        prompt_tokens_details: Details<'a> = "prompt_tokens_details",
        completion_tokens_details: Details<'a> = "completion_tokens_details",
        /// DeepSeek's cached tokens.
        prompt_cache_hit_tokens: Number = "prompt_cache_hit_tokens",
        /// Moonshot's cached tokens.
        cached_tokens: Number = "cached_tokens",
        /// Anthropic's models behind a gateway.
        cache_creation_input_tokens: Number = "cache_creation_input_tokens",
    }
    known: ;
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    struct Details<'a> {
        cached_tokens: Number = "cached_tokens",
        cache_write_tokens: Number = "cache_write_tokens",
        reasoning_tokens: Number = "reasoning_tokens",
    }
    known: ;
    others: unknown: Unknown;
}

/// Takes what [`UsageBody`] reads out of the object and hands back the rest.
pub(crate) fn leftovers(mut usage: Map<String, Value>) -> Map<String, Value> {
    for key in [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_cache_hit_tokens",
        "cached_tokens",
        "cache_creation_input_tokens",
    ] {
        usage.remove(key);
    }
    for key in ["prompt_tokens_details", "completion_tokens_details"] {
        if let Some(Value::Object(details)) = usage.get_mut(key) {
            details.retain(|key, value| {
                !value.is_null()
                    && !matches!(key.as_str(), "cached_tokens" | "cache_write_tokens" | "reasoning_tokens")
            });
        }
    }
    usage.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty()));
    usage
}

/// Writes usage, with `others` beside what is counted.
pub(crate) fn write(object: &mut ObjectWriter<'_>, usage: &Usage, others: Option<&Map<String, Value>>) {
    let inner = |key: &str| others.and_then(|others| others.get(key)).and_then(Value::as_object);
    object.field("prompt_tokens", &usage.input_tokens);
    object.field("completion_tokens", &usage.output_tokens);
    object.field("total_tokens", &usage.input_tokens.saturating_add(usage.output_tokens));
    let prompt = inner("prompt_tokens_details");
    if usage.cache_read.is_some() || usage.cache_write.is_some() || prompt.is_some() {
        let mut details = object.object("prompt_tokens_details");
        details.optional("cached_tokens", usage.cache_read);
        details.optional("cache_write_tokens", usage.cache_write);
        details.entries(prompt.into_iter().flatten());
    }
    let completion = inner("completion_tokens_details");
    if usage.reasoning.is_some() || completion.is_some() {
        let mut details = object.object("completion_tokens_details");
        details.optional("reasoning_tokens", usage.reasoning);
        details.entries(completion.into_iter().flatten());
    }
    let known = |key: &str| matches!(key, "prompt_tokens_details" | "completion_tokens_details");
    object.entries(others.into_iter().flatten().filter(|(key, _)| !known(key)));
}

impl UsageBody<'_> {
    /// Whether it says more than is read.
    pub(crate) fn says_more(&self) -> bool {
        self.unknown.0 || self.prompt_tokens_details.unknown.0 || self.completion_tokens_details.unknown.0
    }

    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let input = self.prompt_tokens.0?;
        let total = self.total_tokens.0;
        let mut output = self.completion_tokens.0.or_else(|| total?.checked_sub(input))?;
        let prompt = &self.prompt_tokens_details;

        let reasoning = self.completion_tokens_details.reasoning_tokens.0;
        // Some vendors, such as xAI, count reasoning beside the completion; their total shows it.
        if let (Some(reasoning), Some(total)) = (reasoning, total)
            && reasoning > 0
            && input.checked_add(output).and_then(|sum| sum.checked_add(reasoning)) == Some(total)
        {
            output += reasoning;
        }
        let mut usage = Usage::reported(input, output);
        usage.reasoning = reasoning;
        let cached = prompt.cached_tokens.0;
        usage.cache_read = cached.or(self.prompt_cache_hit_tokens.0).or(self.cached_tokens.0);
        let written = prompt.cache_write_tokens.0;
        usage.cache_write = written.or(self.cache_creation_input_tokens.0);
        Some(usage)
    }
}

/// Reads a finish reason.
///
/// # Errors
/// What the vendor says went wrong, where its reason is that it failed.
pub(crate) fn finish_reason(word: &str) -> Result<FinishReason> {
    let failed = |kind, message: &str| Err(Error::new(kind, message));
    Ok(match word {
        "stop" | "eos" | "end_turn" | "stop_sequence" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "sensitive" | "safety" => FinishReason::ContentFilter,
        "error" | "network_error" => {
            return failed(
                ErrorKind::ServerError,
                "the provider broke the answer off because of an error of its own",
            );
        }
        "insufficient_system_resource" => {
            return failed(
                ErrorKind::Overloaded,
                "the provider broke the answer off because it is overloaded",
            );
        }
        "abort" | "cancelled" => {
            return failed(ErrorKind::Interrupted, "the provider broke the answer off");
        }
        // The answer has come to its end, but nobody said why.
        "" => FinishReason::Other("unknown".into()),
        other => FinishReason::Other(other.to_owned()),
    })
}

/// The word for why an answer that was read from the protocol `origin` ended. SDKs read it as an enumeration, so another
/// protocol's word becomes the nearest one that does not call an answer whole which may be cut.
pub(crate) fn word<'a>(reason: &'a FinishReason, origin: Option<&str>) -> &'a str {
    match reason {
        // It came to its end, and nobody said why.
        FinishReason::Other(word) if word == "unknown" => FinishReason::Stop.as_str(),
        FinishReason::Other(word) if origin == Some(NAME) => word,
        FinishReason::Other(_) => FinishReason::Length.as_str(),
        known => known.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Usage> {
        serde_json::from_str::<UsageBody<'_>>(json).unwrap().read()
    }

    #[test]
    fn tokens_are_counted_as_the_conventions_count_them() {
        let usage = read(
            r#"{"prompt_tokens": "5", "completion_tokens": 7, "total_tokens": 12, "queue_time": 0.1,
                "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 3}}"#,
        )
        .unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (5, 7));
        assert_eq!((usage.cache_read, usage.cache_write, usage.reasoning), (Some(2), None, Some(3)));
    }

    #[test]
    fn reasoning_that_was_counted_beside_the_output_is_part_of_it() {
        let usage = read(
            r#"{"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 15,
                "completion_tokens_details": {"reasoning_tokens": 3}}"#,
        );
        assert_eq!(usage.unwrap().output_tokens, 10);
    }

    #[test]
    fn half_a_count_is_no_count() {
        assert_eq!(read(r#"{"completion_tokens": 7}"#), None);
        assert_eq!(read(r#"{"prompt_tokens": 7, "prompt_tokens_details": null}"#), None);
        assert_eq!(read(r#"{"prompt_tokens": 7, "total_tokens": 9}"#), Some(Usage::reported(7, 2)));
        assert_eq!(read(r#"{"prompt_tokens": 7, "total_tokens": 5}"#), None);
    }

    #[test]
    fn callers_are_told_why_in_words_that_they_know() {
        let own = Some(NAME);
        for (reason, origin, expected) in [
            ("stop", None, "stop"),
            ("length", None, "length"),
            ("tool_calls", None, "tool_calls"),
            ("content_filter", None, "content_filter"),
            ("", Some("ollama"), "stop"),
            // Anthropic's, where the answer is to be continued; Google's, which says that it failed; and one that nobody knows.
            ("pause_turn", Some("anthropic-messages"), "length"),
            ("MALFORMED_FUNCTION_CALL", Some("gemini"), "length"),
            ("novel", None, "length"),
            ("novel", own, "novel"),
        ] {
            assert_eq!(word(&finish_reason(reason).unwrap(), origin), expected, "{reason} of {origin:?}");
        }
    }

    #[test]
    fn a_reason_that_says_that_the_vendor_failed_is_an_error() {
        assert_eq!(finish_reason("eos").unwrap(), FinishReason::Stop);
        assert_eq!(finish_reason("new_word").unwrap(), FinishReason::Other("new_word".into()));
        assert_eq!(finish_reason("error").unwrap_err().kind(), ErrorKind::ServerError);
    }
}
