//! The JSON of whole answers.

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, value::SeqAccessDeserializer},
};
use serde_json::{Map, Value};
use ultraai_core::{FinishReason, Part, Reasoning, TokenLogprob, VendorState};
use ultraai_protocol_common::{Any, FunctionCall, Reader, Text, object};

use crate::NAME;

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) message: Option<Message<'a>> = "message",
        pub(crate) finish_reason: Text<'a> = "finish_reason",
        pub(crate) usage: Map<String, Value> = "usage",
        pub(crate) logprobs: Option<Value> = "logprobs",
    }
    known: ;
    others: pub(crate) others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) content: Content<'a> = "content",
        pub(crate) tool_plan: Text<'a> = "tool_plan",
        pub(crate) tool_calls: Vec<FunctionCall<'a>> = "tool_calls",
        pub(crate) citations: Vec<Value> = "citations",
    }
    known: "role";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Item<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
    }
    known: ;
    others: others: Map<String, Value>;
}

impl Item<'_> {
    /// The part; `None` for one that says nothing.
    pub(crate) fn into_part(self) -> Option<Part> {
        let Self { kind, text, thinking, others, .. } = self;
        let mut part = match kind.as_str() {
            "text" | "" => Part::text(text.filled()?),
            "thinking" => Part::Reasoning(Reasoning::new(thinking.filled()?)),
            _ => {
                let mut whole = others;
                let known = [("type", kind), ("text", text), ("thinking", thinking)];
                whole.extend(
                    known
                        .into_iter()
                        .filter_map(|(key, value)| Some((key.to_owned(), value.filled()?.into()))),
                );
                return Some(Part::Vendor(VendorState::new(NAME, Value::Object(whole))));
            }
        };
        if !others.is_empty() {
            part.annotate(|notes| notes.extra = Some(VendorState::new(NAME, Value::Object(others))));
        }
        Some(part)
    }
}

/// What was said: items, or a text alone.
#[derive(Debug, Default)]
pub(crate) struct Content<'a>(pub(crate) Vec<Item<'a>>);

struct Read;

impl<'de> Reader<'de> for Read {
    type Value = Content<'de>;

    fn borrowed(text: &'de str) -> Content<'de> {
        Self::owned(text)
    }
    fn owned(text: &str) -> Content<'de> {
        Content(vec![Item { text: Text::from(text.to_owned()), ..Item::default() }])
    }
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Content<'de>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Content)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(Read))
    }
}

/// Why an answer ended; `None` where it failed.
pub(crate) fn finish_reason(word: &str) -> Option<FinishReason> {
    Some(match word {
        "COMPLETE" | "STOP_SEQUENCE" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        // The word of the protocol before this one, and this crate's where it has to say so.
        "ERROR_TOXIC" | "content_filter" => FinishReason::ContentFilter,
        "ERROR" | "TIMEOUT" => return None,
        // The answer has come to its end, but nobody said why.
        "" => FinishReason::Other("unknown".into()),
        other => FinishReason::Other(other.to_owned()),
    })
}

/// Tokens with their probabilities. An entry may hold several tokens and one text of them all, which the first one gets.
pub(crate) fn logprobs(value: &Value) -> Vec<TokenLogprob> {
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        entry => std::slice::from_ref(entry),
    };
    let mut tokens = Vec::new();
    for entry in entries {
        let mut text = entry["text"].as_str().unwrap_or_default();
        for logprob in entry["logprobs"].as_array().into_iter().flatten() {
            let mut token = TokenLogprob::default();
            std::mem::take(&mut text).clone_into(&mut token.token);
            token.logprob = logprob.as_f64().unwrap_or_default();
            tokens.push(token);
        }
    }
    tokens
}
