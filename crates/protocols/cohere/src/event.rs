//! The JSON of a stream's events.

use serde_json::{Map, Value};
use ultraai_protocol_common::{FunctionCall, Number, Text, Unknown, object};

use crate::loose::Single;

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Event<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) id: Text<'a> = "id",
        pub(crate) index: Number = "index",
        pub(crate) delta: Delta<'a> = "delta",
        pub(crate) logprobs: Option<Value> = "logprobs",
    }
    known: ;
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Delta<'a> {
        pub(crate) message: Message<'a> = "message",
        pub(crate) finish_reason: Text<'a> = "finish_reason",
        pub(crate) error: Text<'a> = "error",
        pub(crate) usage: Map<String, Value> = "usage",
    }
    known: ;
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) content: Single<Piece<'a>> = "content",
        pub(crate) tool_plan: Text<'a> = "tool_plan",
        pub(crate) tool_calls: Single<FunctionCall<'a>> = "tool_calls",
        pub(crate) citations: Option<Value> = "citations",
    }
    known: "role";
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Piece<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) text: Text<'a> = "text",
        pub(crate) thinking: Text<'a> = "thinking",
    }
    known: ;
    others: unknown: Unknown;
}

impl Event<'_> {
    /// Whether it says more than what is read of it.
    pub(crate) fn is_unknown(&self) -> bool {
        let message = &self.delta.message;
        self.unknown.0
            || self.delta.unknown.0
            || message.unknown.0
            || message.content.0.as_ref().is_some_and(|piece| {
                piece.unknown.0 || !matches!(piece.kind.as_str(), "" | "text" | "thinking")
            })
            // The numbers of the tokens are not read.
            || self.logprobs.is_some()
    }
}
