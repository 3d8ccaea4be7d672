//! The JSON of answers and of the events of a stream.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use ultraai_core::{Part, Reasoning, VendorState};
use ultraai_protocol_common::Text;

use crate::{VENDOR, usage::UsageBody};

/// A whole answer, or what an event says of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Message<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) model: Text<'a>,
    pub(crate) content: Option<Vec<Block<'a>>>,
    pub(crate) stop_reason: Text<'a>,
    pub(crate) usage: Option<UsageBody>,
    pub(crate) error: Option<Value>,
}

/// A block of content; which of its fields is filled depends on its type.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Block<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: Text<'a>,
    pub(crate) text: Text<'a>,
    pub(crate) thinking: Text<'a>,
    pub(crate) signature: Text<'a>,
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    pub(crate) input: Option<&'a RawValue>,
}

/// An event of a stream. What comes once or twice in a stream is boxed: the rest is moved for every piece.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Event<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: Text<'a>,
    pub(crate) delta: Option<Piece<'a>>,
    pub(crate) content_block: Option<Box<Block<'a>>>,
    pub(crate) message: Option<Box<Message<'a>>>,
    pub(crate) usage: Option<Box<UsageBody>>,
    pub(crate) error: Option<Value>,
}

/// More of a block or, in `stop_reason`, of the message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Piece<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: Text<'a>,
    pub(crate) text: Text<'a>,
    pub(crate) thinking: Text<'a>,
    pub(crate) signature: Text<'a>,
    pub(crate) partial_json: Text<'a>,
    pub(crate) stop_reason: Text<'a>,
}

/// What a block is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Thinking,
    ToolUse,
    /// Redacted thinking, what the server's own tools asked and found, and whatever comes later: opaque.
    Opaque,
}

impl Block<'_> {
    pub(crate) fn kind(&self) -> Kind {
        match self.kind.as_str() {
            "text" | "" => Kind::Text,
            "thinking" => Kind::Thinking,
            "tool_use" => Kind::ToolUse,
            _ => Kind::Opaque,
        }
    }

    /// The arguments of a tool call, as the model wrote them.
    pub(crate) fn arguments(&self) -> String {
        self.input.map_or("{}", RawValue::get).to_owned()
    }
}

/// An opaque block, which is given back unchanged.
pub(crate) fn opaque(block: Value) -> Part {
    Part::Vendor(VendorState::new(VENDOR, block))
}

/// The field of the signature, in blocks and in the state that is kept of it.
pub(crate) const SIGNATURE: &str = "signature";

/// What is given back with the thinking that was signed.
pub(crate) fn signed(signature: &str) -> VendorState {
    VendorState::new(VENDOR, serde_json::json!({ SIGNATURE: signature }))
}

/// Thinking as a part; `None` where there is neither text nor signature.
pub(crate) fn reasoning(thinking: Text<'_>, signature: Text<'_>) -> Option<Part> {
    let (text, state) = (thinking.filled(), signature.filled().map(|signature| signed(&signature)));
    if text.is_none() && state.is_none() {
        return None;
    }
    let mut reasoning = Reasoning::new(text.unwrap_or_default());
    reasoning.state = state;
    Some(Part::Reasoning(reasoning))
}
