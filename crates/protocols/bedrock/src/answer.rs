//! The JSON of answers and of the events of a stream.

use serde_json::{Map, Value, value::RawValue};
use ultraai_protocol_common::{Number, Text, Unknown, object};

use crate::usage::UsageBody;

object! {
    /// A whole answer.
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) output: Option<Output<'a>> = "output",
        pub(crate) stop_reason: Text<'a> = "stopReason",
        pub(crate) usage: Option<UsageBody<'a>> = "usage",
        pub(crate) service_tier: ServiceTier<'a> = "serviceTier",
    }
    known: ;
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// What stands in `output`.
    #[derive(Debug, Default)]
    pub(crate) struct Output<'a> {
        pub(crate) message: Option<Message<'a>> = "message",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// The message; its blocks are read one by one.
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) content: Option<Vec<&'a RawValue>> = "content",
    }
    known: "role";
    others: pub(crate) others: Unknown;
}

object! {
    /// The object `serviceTier`.
    #[derive(Debug, Default)]
    pub(crate) struct ServiceTier<'a> {
        pub(crate) kind: Text<'a> = "type",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// A block, as far as it is one of those that most answers are made of.
    #[derive(Debug, Default)]
    pub(crate) struct Block<'a> {
        pub(crate) text: Option<Text<'a>> = "text",
        pub(crate) tool_use: Option<ToolUse<'a>> = "toolUse",
        kind: Text<'a> = "type",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// A call of a tool, whole or at its start.
    #[derive(Debug, Default)]
    pub(crate) struct ToolUse<'a> {
        pub(crate) id: Text<'a> = "toolUseId",
        pub(crate) name: Text<'a> = "name",
        pub(crate) kind: Text<'a> = "type",
        pub(crate) input: Option<&'a RawValue> = "input",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

impl ToolUse<'_> {
    /// Whether it is a call of the caller's tools, and not of one that runs on the vendor's servers.
    pub(crate) fn is_callers(&self) -> bool {
        matches!(self.kind.as_str(), "" | "tool_use")
    }
}

object! {
    /// An event that belongs to a block.
    #[derive(Debug, Default)]
    pub(crate) struct BlockEvent<'a> {
        pub(crate) index: Number = "contentBlockIndex",
        pub(crate) delta: Piece<'a> = "delta",
        pub(crate) start: Option<&'a RawValue> = "start",
    }
    // A text of a random length, so that nobody learns the answer from the lengths of its pieces.
    known: "p";
    others: pub(crate) others: Unknown;
}

object! {
    /// More of a block.
    #[derive(Debug, Default)]
    pub(crate) struct Piece<'a> {
        pub(crate) text: Option<Text<'a>> = "text",
        pub(crate) tool_use: Option<Input<'a>> = "toolUse",
        pub(crate) reasoning: Option<Thought<'a>> = "reasoningContent",
        pub(crate) citation: Option<&'a RawValue> = "citation",
        pub(crate) tool_result: Option<&'a RawValue> = "toolResult",
        pub(crate) image: Option<&'a RawValue> = "image",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// More of a call's arguments.
    #[derive(Debug, Default)]
    pub(crate) struct Input<'a> {
        pub(crate) input: Text<'a> = "input",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// More of the reasoning.
    #[derive(Debug, Default)]
    pub(crate) struct Thought<'a> {
        pub(crate) text: Text<'a> = "text",
        pub(crate) signature: Text<'a> = "signature",
        pub(crate) redacted: Text<'a> = "redactedContent",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// What begins with a block.
    #[derive(Debug, Default)]
    pub(crate) struct Start<'a> {
        pub(crate) tool_use: Option<ToolUse<'a>> = "toolUse",
    }
    known: ;
    others: pub(crate) others: Unknown;
}

object! {
    /// The end of the message.
    #[derive(Debug, Default)]
    pub(crate) struct Stop<'a> {
        pub(crate) reason: Text<'a> = "stopReason",
    }
    known: "p";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// What is told when all is over.
    #[derive(Debug, Default)]
    pub(crate) struct Metadata<'a> {
        pub(crate) usage: Option<UsageBody<'a>> = "usage",
        pub(crate) service_tier: ServiceTier<'a> = "serviceTier",
    }
    known: "p";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// An event of which nothing is needed.
    #[derive(Debug, Default)]
    pub(crate) struct Nothing<'a> {}
    known: "role", "p", "contentBlockIndex";
    others: pub(crate) others: Unknown;
}
