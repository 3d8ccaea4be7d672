//! What is answered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Native, Part, RawFields, message::join_text};

/// One model's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The model that answered, in the provider's words; it may differ from the one that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was answered, in order.
    pub content: Vec<Part>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What it used; `None` where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The provider's own id of the exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The stop sequence that it ended at, where the vendor tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// How it was served, in the vendor's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The tokens of the text with their probabilities, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<TokenLogprob>,
    /// The further answers, where several were asked for: the second one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Choice>,
    /// Fields that this version does not know, kept as they came.
    #[serde(skip_serializing_if = "is_empty")]
    pub raw: RawFields,
    /// The protocol that the answer was read from. What stands in `raw` is a field of that protocol then.
    #[serde(skip)]
    pub origin: Option<&'static str>,
    /// The answer as it came, where the request was sent as it came too: who asked in that protocol gets it untouched.
    /// Whatever edits the answer clears it.
    #[serde(skip)]
    pub native: Option<Native>,
}

/// One of several answers to one request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Choice {
    /// What was answered, in order.
    pub content: Vec<Part>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The tokens of the text with their probabilities, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<TokenLogprob>,
}

/// How probable a token of an answer was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TokenLogprob {
    /// The token.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes, where it is no text by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens at its place, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_logprobs: Vec<TokenLogprob>,
}

impl ChatResponse {
    /// A complete answer of one text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { content: vec![Part::text(text)], ..Self::default() }
    }

    /// Sets the usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Sets why it ended.
    #[must_use]
    pub fn with_finish_reason(mut self, finish_reason: FinishReason) -> Self {
        self.finish_reason = finish_reason;
        self
    }

    /// The fields of `raw`, for those who write the answer in `protocol`: those of another protocol mean nothing there.
    pub fn raw_of(&self, protocol: &str) -> Option<&Map<String, Value>> {
        self.origin.is_none_or(|origin| origin == protocol).then(|| &*self.raw)
    }

    /// The text parts, one after the other.
    pub fn text(&self) -> String {
        join_text(&self.content)
    }

    /// Whether nothing was said: no text but white space, no tool call, no refusal, and nothing that only its vendor has words
    /// for. Whether that is an error hangs on why it ended: an answer that [is not complete](Self::is_complete) or ended at a
    /// stop sequence may be empty.
    pub fn is_empty(&self) -> bool {
        !self.content.iter().any(Part::is_answer)
    }

    /// Whether the model declined.
    pub fn is_refusal(&self) -> bool {
        self.content.iter().any(|part| matches!(part, Part::Refusal { .. }))
    }

    /// Whether it ended by itself, and not at `max_tokens`, at a filter, or to be continued.
    pub fn is_complete(&self) -> bool {
        self.finish_reason.is_complete()
    }

    /// A good answer is complete, not empty and no refusal; it is what a quorum counts.
    pub fn is_good(&self) -> bool {
        self.is_complete() && !self.is_empty() && !self.is_refusal()
    }
}

fn is_empty(raw: &RawFields) -> bool {
    raw.is_empty()
}

/// Anthropic's word for an answer that its server stopped in the middle and that the caller is to let go on. No other word
/// says the same; it is kept, so that who speaks that protocol can hear it.
const PAUSED: &str = "pause_turn";

/// Our own word for an answer that broke off before its end.
const INTERRUPTED: &str = "interrupted";

/// Why an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// By itself, or at a stop sequence.
    #[default]
    Stop,
    /// At `max_tokens` or the model's limit: incomplete.
    Length,
    /// The model waits for tools.
    ToolCalls,
    /// The provider cut it off.
    ContentFilter,
    /// A word that this version does not know, kept as it came.
    Other(String),
}

impl FinishReason {
    /// That of an answer whose end did not come, as an error's [`partial`](crate::Error::partial) holds it.
    pub(crate) fn interrupted() -> Self {
        Self::Other(INTERRUPTED.to_owned())
    }

    /// Whether the answer ended by itself, and not at `max_tokens`, at a filter, or to be continued.
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Length | Self::ContentFilter => false,
            Self::Other(word) => word != PAUSED && word != INTERRUPTED,
            _ => true,
        }
    }

    /// OpenAI's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

/// Tokens of one exchange, as the GenAI conventions count them: `input_tokens` holds the cached ones,
/// `output_tokens` holds the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the request.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Of the input: read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Of the input: written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Of the output: reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// Who counted.
    pub source: UsageSource,
}

impl Usage {
    /// What the provider reported.
    pub fn reported(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens, ..Self::default() }
    }

    /// Whether somebody counted: servers that do not count report nothing but zeros.
    pub(crate) fn is_counted(&self) -> bool {
        self.input_tokens > 0 || self.output_tokens > 0
    }

    /// What was estimated here.
    pub fn estimated(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens, source: UsageSource::Estimated, ..Self::default() }
    }
}

/// Who counted the tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider.
    #[default]
    Reported,
    /// UltraAI, from bytes.
    Estimated,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Reasoning, VendorState};

    #[test]
    fn a_good_answer_is_complete_not_empty_and_no_refusal() {
        assert!(ChatResponse::from_text("yes").is_good());
        assert!(!ChatResponse::from_text(" \n").is_good());
        assert!(!ChatResponse::from_text("ye").with_finish_reason(FinishReason::Length).is_good());
        let ended =
            |word: &str| ChatResponse::from_text("ye").with_finish_reason(FinishReason::Other(word.into()));
        assert!(!ended("pause_turn").is_good());
        assert!(ended("unknown").is_good());
        let refusal = ChatResponse { content: vec![Part::refusal("no")], ..Default::default() };
        assert!(!refusal.is_good());
        assert!(!refusal.is_empty());
    }

    #[test]
    fn what_only_its_vendor_has_words_for_is_an_answer_unless_it_is_silent() {
        let of = |part| ChatResponse {
            content: vec![Part::Reasoning(Reasoning::new("hm")), part],
            ..Default::default()
        };
        let call = json!({ "type": "custom_tool_call", "name": "x" });
        assert!(of(Part::Vendor(VendorState::new("openai-responses", call))).is_good());
        let hidden = json!({ "type": "redacted_thinking", "data": "x" });
        assert!(of(Part::Vendor(VendorState::silent("anthropic", hidden))).is_empty());
    }
}
