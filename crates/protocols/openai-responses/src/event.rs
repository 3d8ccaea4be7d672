//! Events of a stream, as they are read: all fields of all kinds of events that matter, in one pass.

use serde_json::{Value, value::RawValue};
use ultraai_protocol_common::{Number, Text, Unknown, object};

object! {
    /// An event.
    #[derive(Debug, Default)]
    pub(crate) struct Event<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) delta: Text<'a> = "delta",
        pub(crate) output_index: Number = "output_index",
        pub(crate) item: Option<&'a RawValue> = "item",
        pub(crate) part: Option<&'a RawValue> = "part",
        pub(crate) logprobs: Option<&'a RawValue> = "logprobs",
        pub(crate) annotation: Option<Value> = "annotation",
        pub(crate) arguments: Text<'a> = "arguments",
        pub(crate) response: Option<&'a RawValue> = "response",
        pub(crate) error: Option<&'a RawValue> = "error",
    }
    known: "sequence_number", "item_id", "content_index", "summary_index", "annotation_index", "obfuscation", "text", "refusal",
        "name", "code", "message", "param";
    others: pub(crate) unknown: Unknown;
}

object! {
    /// The little of an answer that its beginning tells.
    #[derive(Debug, Default)]
    pub(crate) struct Beginning<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) model: Text<'a> = "model",
    }
    known:;
    others: others: Unknown;
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Beginning,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    Text,
    Refusal,
    Reasoning,
    Arguments,
    ArgumentsDone,
    Annotation,
    /// Says nothing that the other events do not say.
    Redundant,
    End,
    Error,
    Unknown,
}

impl Kind {
    pub(crate) fn of(word: &str) -> Self {
        match word.strip_prefix("response.").unwrap_or(word) {
            "output_text.delta" => Self::Text,
            "reasoning_summary_text.delta" | "reasoning_text.delta" => Self::Reasoning,
            "function_call_arguments.delta" => Self::Arguments,
            "refusal.delta" => Self::Refusal,
            "created" | "in_progress" | "queued" => Self::Beginning,
            "output_item.added" => Self::ItemAdded,
            "output_item.done" => Self::ItemDone,
            "content_part.added" => Self::PartAdded,
            "content_part.done" => Self::PartDone,
            "function_call_arguments.done" => Self::ArgumentsDone,
            "output_text.annotation.added" => Self::Annotation,
            "output_text.done"
            | "refusal.done"
            | "reasoning_text.done"
            | "reasoning_summary_text.done"
            | "reasoning_summary_part.added"
            | "reasoning_summary_part.done" => Self::Redundant,
            "completed" | "incomplete" | "failed" | "cancelled" => Self::End,
            "error" => Self::Error,
            _ => Self::Unknown,
        }
    }
}
