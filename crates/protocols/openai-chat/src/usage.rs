//! Tokens and finish reasons, in the words of many vendors.

use serde::Deserialize;
use ultraai_core::{Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::Number;

/// The object `usage`, with the fields that vendors put beside OpenAI's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UsageBody {
    prompt_tokens: Number,
    completion_tokens: Number,
    total_tokens: Number,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    /// DeepSeek's cached tokens.
    prompt_cache_hit_tokens: Number,
    /// Moonshot's cached tokens.
    cached_tokens: Number,
    /// Anthropic's models behind a gateway.
    cache_creation_input_tokens: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
struct Details {
    cached_tokens: Number,
    cache_write_tokens: Number,
    reasoning_tokens: Number,
}

impl UsageBody {
    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let input = self.prompt_tokens.0?;
        let total = self.total_tokens.0;
        let mut output = self.completion_tokens.0.or_else(|| total?.checked_sub(input))?;
        let prompt = self.prompt_tokens_details.as_ref();
        let completion = self.completion_tokens_details.as_ref();
        let reasoning = completion.and_then(|details| details.reasoning_tokens.0);
        // Some vendors, such as xAI, count reasoning beside the completion; their total shows it.
        if let (Some(reasoning), Some(total)) = (reasoning, total)
            && reasoning > 0
            && input.checked_add(output).and_then(|sum| sum.checked_add(reasoning)) == Some(total)
        {
            output += reasoning;
        }
        let mut usage = Usage::reported(input, output);
        usage.reasoning = reasoning;
        let cached = prompt.and_then(|details| details.cached_tokens.0);
        usage.cache_read = cached.or(self.prompt_cache_hit_tokens.0).or(self.cached_tokens.0);
        let written = prompt.and_then(|details| details.cache_write_tokens.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Usage> {
        serde_json::from_str::<UsageBody>(json).unwrap().read()
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
    fn a_reason_that_says_that_the_vendor_failed_is_an_error() {
        assert_eq!(finish_reason("eos").unwrap(), FinishReason::Stop);
        assert_eq!(finish_reason("new_word").unwrap(), FinishReason::Other("new_word".into()));
        assert_eq!(finish_reason("error").unwrap_err().kind(), ErrorKind::ServerError);
    }
}
