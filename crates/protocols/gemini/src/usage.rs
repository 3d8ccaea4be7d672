//! Tokens and finish reasons.

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, FinishReason, Result, Usage};
use ultraai_protocol_common::{Number, Text, Unknown, object, parse};

use crate::skip::Skip;

object! {
    /// The object `usageMetadata`. What it says of modalities and traffic is read from the last one alone.
    #[derive(Debug, Default)]
    pub(crate) struct UsageMetadata<'a> {
        prompt: Number = "promptTokenCount",
        cached: Number = "cachedContentTokenCount",
        candidates: Number = "candidatesTokenCount",
        thoughts: Number = "thoughtsTokenCount",
        tool_use: Number = "toolUsePromptTokenCount",
        pub(crate) service_tier: Text<'a> = "serviceTier",
        _prompt_details: Skip = "promptTokensDetails",
        _cached_details: Skip = "cacheTokensDetails",
        _candidates_details: Skip = "candidatesTokensDetails",
        _tool_use_details: Skip = "toolUsePromptTokensDetails",
    }
    known: "totalTokenCount", "trafficType";
    others: pub(crate) unknown: Unknown;
}

/// The counts that [`Usage`] has too.
const COUNTS: &[&str] =
    &["promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount"];

object! {
    /// An answer of which only the usage is looked at.
    #[derive(Debug, Default)]
    struct Counted<'a> {
        usage: Option<Value> = "usageMetadata",
    }
    known:;
    others: skipped: Unknown;
}

/// What the usage of an answer says besides the counts.
pub(crate) fn rest_of(answer: &[u8], usage: Option<Usage>) -> Map<String, Value> {
    let read = parse::<Counted<'_>>(answer, "the answer").ok().and_then(|counted| counted.usage);
    let Some(Value::Object(mut rest)) = read else { return Map::new() };
    // Counts that say no usage are kept as they came.
    let is_told = |key: &str| key == "serviceTier" || (usage.is_some() && COUNTS.contains(&key));
    rest.retain(|key, value| !value.is_null() && !is_told(key));
    let total = usage.map(|usage| usage.input_tokens + usage.output_tokens);
    if total.is_some() && rest.get("totalTokenCount").and_then(Value::as_u64) == total {
        rest.remove("totalTokenCount");
    }
    rest
}

impl UsageMetadata<'_> {
    /// The usage; `None` where it does not say what went in.
    pub(crate) fn read(&self) -> Option<Usage> {
        // What the vendor's own tools read stands beside the prompt, and thoughts stand beside the candidates.
        let input = self.prompt.0? + self.tool_use.0.unwrap_or(0);
        let thoughts = self.thoughts.0;
        let mut usage = Usage::reported(input, self.candidates.0.unwrap_or(0) + thoughts.unwrap_or(0));
        usage.cache_read = self.cached.0;
        usage.reasoning = thoughts;
        Some(usage)
    }

    /// Whether it counts what came out. Chunks before the last may leave that out.
    pub(crate) fn has_output(&self) -> bool {
        self.candidates.0.is_some() || self.thoughts.0.is_some()
    }
}

/// The words of finish reasons that have the same number at the Gemini API and on Vertex AI; those from 6 to 8 say at both
/// that a filter broke the answer off.
fn by_number(word: &str) -> &str {
    match word {
        "0" => UNSPECIFIED,
        "1" => "STOP",
        "2" => "MAX_TOKENS",
        "3" => "SAFETY",
        "4" => "RECITATION",
        "5" => "OTHER",
        "6" | "7" | "8" => "BLOCKLIST",
        word => word,
    }
}

/// What Google's enums say by default.
const UNSPECIFIED: &str = "FINISH_REASON_UNSPECIFIED";

/// Whether the word says that the answer has not ended.
pub(crate) fn is_open(word: &str) -> bool {
    by_number(word) == UNSPECIFIED
}

/// Reads a finish reason, which is a word or its number.
///
/// # Errors
/// What went wrong, where the reason is that the model or the vendor failed.
pub(crate) fn finish_reason(word: &str) -> Result<FinishReason> {
    let failed =
        |kind, why: &str| Err(Error::new(kind, format!("the answer was broken off: {why} ({word})")));
    match by_number(word) {
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
        serde_json::from_str::<UsageMetadata<'_>>(json).unwrap().read()
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
            ("1", Ok(FinishReason::Stop)),
            ("7", Ok(FinishReason::ContentFilter)),
            ("99", Ok(FinishReason::Other("99".into()))),
            ("NEW_WORD", Ok(FinishReason::Other("NEW_WORD".into()))),
            ("MALFORMED_FUNCTION_CALL", Err(ErrorKind::ServerError)),
            ("OTHER", Err(ErrorKind::ServerError)),
        ] {
            assert_eq!(finish_reason(word).map_err(|error| error.kind()), expected, "{word}");
        }
    }
}
