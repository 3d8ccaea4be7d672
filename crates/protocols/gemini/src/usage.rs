//! Tokens and finish reasons.

use serde::Deserialize;
use ultraai_core::{Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::Number;

/// The object `usageMetadata`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
pub(crate) struct UsageMetadata {
    prompt_token_count: Number,
    cached_content_token_count: Number,
    candidates_token_count: Number,
    thoughts_token_count: Number,
    tool_use_prompt_token_count: Number,
}

impl UsageMetadata {
    /// The usage; `None` where it does not say what went in.
    pub(crate) fn read(&self) -> Option<Usage> {
        // What the vendor's own tools read stands beside the prompt, and thoughts stand beside the candidates.
        let input = self.prompt_token_count.0? + self.tool_use_prompt_token_count.0.unwrap_or(0);
        let thoughts = self.thoughts_token_count.0;
        let mut usage =
            Usage::reported(input, self.candidates_token_count.0.unwrap_or(0) + thoughts.unwrap_or(0));
        usage.cache_read = self.cached_content_token_count.0;
        usage.reasoning = thoughts;
        Some(usage)
    }

    /// Whether it counts what came out. Chunks before the last may leave that out.
    pub(crate) fn has_output(&self) -> bool {
        self.candidates_token_count.0.is_some() || self.thoughts_token_count.0.is_some()
    }
}

/// Reads a finish reason.
///
/// # Errors
/// What went wrong, where the reason is that the model or the vendor failed.
pub(crate) fn finish_reason(word: &str) -> Result<FinishReason> {
    let failed =
        |kind, why: &str| Err(Error::new(kind, format!("the answer was broken off: {why} ({word})")));
    match word {
        "STOP" => Ok(FinishReason::Stop),
        "MAX_TOKENS" => Ok(FinishReason::Length),
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Ok(FinishReason::ContentFilter),
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MALFORMED_RESPONSE" => {
            failed(ErrorKind::ServerError, "the model wrote what nobody can read")
        }
        "OTHER" => failed(ErrorKind::ServerError, "the provider does not say why"),
        "MISSING_THOUGHT_SIGNATURE" => {
            failed(ErrorKind::Rejected, "the conversation lacks a signature of the model's thoughts")
        }
        other => Ok(FinishReason::Other(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Usage> {
        serde_json::from_str::<UsageMetadata>(json).unwrap().read()
    }

    #[test]
    fn tokens_are_counted_as_the_conventions_count_them() {
        let usage = read(
            r#"{"promptTokenCount": 5, "cachedContentTokenCount": 2, "candidatesTokenCount": 7, "thoughtsTokenCount": 3,
                "toolUsePromptTokenCount": 4, "totalTokenCount": 19, "trafficType": "ON_DEMAND"}"#,
        )
        .unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (9, 10));
        assert_eq!((usage.cache_read, usage.cache_write, usage.reasoning), (Some(2), None, Some(3)));
    }

    #[test]
    fn what_went_in_must_be_known() {
        assert_eq!(read(r#"{"candidatesTokenCount": 7}"#), None);
        assert_eq!(read(r#"{"trafficType": "ON_DEMAND"}"#), None);
        assert_eq!(read(r#"{"promptTokenCount": 7}"#), Some(Usage::reported(7, 0)));
    }

    #[test]
    fn a_reason_that_says_that_the_model_failed_is_an_error() {
        for (word, expected) in [
            ("STOP", Ok(FinishReason::Stop)),
            ("MAX_TOKENS", Ok(FinishReason::Length)),
            ("SPII", Ok(FinishReason::ContentFilter)),
            ("NEW_WORD", Ok(FinishReason::Other("NEW_WORD".into()))),
            ("MALFORMED_FUNCTION_CALL", Err(ErrorKind::ServerError)),
            ("OTHER", Err(ErrorKind::ServerError)),
        ] {
            assert_eq!(finish_reason(word).map_err(|error| error.kind()), expected, "{word}");
        }
    }
}
