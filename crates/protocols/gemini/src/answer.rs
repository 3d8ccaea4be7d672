//! The JSON of answers; a chunk of a stream has the form of a whole one.

use serde_json::{Map, Value};
use ultraai_protocol_common::{Number, Text, object};

use crate::{few::Few, part::RawPart, usage::UsageMetadata};

object! {
    /// A whole answer or one chunk of a stream. What is mostly absent is boxed: the rest is moved for every chunk.
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) candidates: Few<Candidate<'a>> = "candidates",
        pub(crate) prompt_feedback: Option<Box<Value>> = "promptFeedback",
        pub(crate) usage: Option<UsageMetadata<'a>> = "usageMetadata",
        pub(crate) model: Text<'a> = "modelVersion",
        pub(crate) id: Text<'a> = "responseId",
        pub(crate) created: Text<'a> = "createTime",
        pub(crate) error: Option<Box<Value>> = "error",
    }
    known:;
    others: pub(crate) rest: Map<String, Value>;
}

impl Answer<'_> {
    /// Whether nothing in it is of this protocol.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.candidates.is_there
            && self.prompt_feedback.is_none()
            && self.usage.is_none()
            && self.model.as_str().is_empty()
            && self.id.as_str().is_empty()
    }

    /// Why the prompt was refused, in the vendor's word.
    pub(crate) fn block_reason(&self) -> Option<&str> {
        let feedback = self.prompt_feedback.as_ref()?;
        feedback.get("blockReason")?.as_str().filter(|reason| !reason.is_empty())
    }
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Candidate<'a> {
        pub(crate) content: Option<Content<'a>> = "content",
        pub(crate) finish_reason: Text<'a> = "finishReason",
        pub(crate) index: Number = "index",
    }
    known:;
    others: pub(crate) rest: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Content<'a> {
        pub(crate) parts: Few<RawPart<'a>> = "parts",
    }
    known: "role";
    others: pub(crate) rest: Map<String, Value>;
}
