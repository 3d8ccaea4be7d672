//! The JSON of answers and of the events of a stream.

use serde_json::{Map, Value, value::RawValue};
use ultraai_core::{Citation, Notes, Part, Reasoning, VendorState};
use ultraai_protocol_common::{Text, object};

use crate::{NAME, VENDOR, usage::UsageBody};

object! {
    /// A whole answer, or what an event says of one.
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) model: Text<'a> = "model",
        pub(crate) content: Option<Vec<Block<'a>>> = "content",
        pub(crate) stop_reason: Text<'a> = "stop_reason",
        pub(crate) stop_sequence: Text<'a> = "stop_sequence",
        pub(crate) usage: Option<UsageBody<'a>> = "usage",
        pub(crate) error: Option<Value> = "error",
    }
    known: "type", "role";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// A block of content; which of its fields is filled depends on its type.
    #[derive(Debug, Default)]
    pub(crate) struct Block<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) text: Text<'a> = "text",
        pub(crate) citations: Option<Vec<Value>> = "citations",
        pub(crate) thinking: Text<'a> = "thinking",
        pub(crate) signature: Text<'a> = "signature",
        pub(crate) id: Text<'a> = "id",
        pub(crate) name: Text<'a> = "name",
        pub(crate) input: Option<&'a RawValue> = "input",
    }
    known: ;
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// An event of a stream. What comes once or twice in a stream is boxed: the rest is moved for every piece.
    #[derive(Debug, Default)]
    pub(crate) struct Event<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) delta: Option<Piece<'a>> = "delta",
        pub(crate) content_block: Option<Box<Block<'a>>> = "content_block",
        pub(crate) message: Option<Box<Message<'a>>> = "message",
        pub(crate) usage: Option<Box<UsageBody<'a>>> = "usage",
        pub(crate) error: Option<Box<Value>> = "error",
    }
    known: "index";
    others: pub(crate) others: Map<String, Value>;
}

object! {
    /// More of a block or, in `stop_reason`, of the message.
    #[derive(Debug, Default)]
    pub(crate) struct Piece<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) text: Text<'a> = "text",
        pub(crate) thinking: Text<'a> = "thinking",
        pub(crate) signature: Text<'a> = "signature",
        pub(crate) partial_json: Text<'a> = "partial_json",
        pub(crate) citation: Option<Box<Value>> = "citation",
        pub(crate) stop_reason: Text<'a> = "stop_reason",
        pub(crate) stop_sequence: Text<'a> = "stop_sequence",
    }
    known: ;
    others: pub(crate) others: Map<String, Value>;
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

/// Thinking that nobody may read.
pub(crate) const REDACTED: &str = "redacted_thinking";

/// An opaque block, which is given back unchanged. What was redacted is the vendor's and says nothing; all else is the protocol's.
pub(crate) fn opaque(block: Value) -> Part {
    Part::Vendor(match block["type"] == REDACTED {
        true => VendorState::silent(VENDOR, block),
        false => VendorState::new(NAME, block),
    })
}

/// The field of the signature, in blocks and in the state that is kept of it.
pub(crate) const SIGNATURE: &str = "signature";

/// What is given back with the thinking that was signed.
pub(crate) fn signed(signature: impl Into<Value>) -> VendorState {
    let fields = Map::from_iter([(SIGNATURE.to_owned(), signature.into())]);
    VendorState::new(VENDOR, Value::Object(fields))
}

/// What is given back with a call, such as which of the vendor's tools made it.
pub(crate) fn called(fields: Map<String, Value>) -> Option<VendorState> {
    (!fields.is_empty()).then(|| VendorState::new(VENDOR, Value::Object(fields)))
}

/// What a block has that the vocabulary has not.
pub(crate) fn beside(fields: Map<String, Value>) -> Option<VendorState> {
    (!fields.is_empty()).then(|| VendorState::new(NAME, Value::Object(fields)))
}

/// A text as a part; `None` where it says nothing.
pub(crate) fn said(text: String, citations: Vec<Value>, fields: Map<String, Value>) -> Option<Part> {
    let citations: Vec<_> = citations.into_iter().map(citation).collect();
    let mut notes = Notes::default();
    (notes.citations, notes.extra) = (citations, beside(fields));
    let says = !text.is_empty() || notes != Notes::default();
    says.then(|| {
        let mut part = Part::text(text);
        part.annotate(|empty| *empty = notes);
        part
    })
}

/// Thinking as a part; `None` where it says nothing.
pub(crate) fn thought(text: String, signature: Option<String>, fields: Map<String, Value>) -> Option<Part> {
    if text.is_empty() && signature.is_none() && fields.is_empty() {
        return None;
    }
    let mut reasoning = Reasoning::new(text);
    reasoning.state = signature.map(signed);
    let mut part = Part::Reasoning(reasoning);
    part.annotate(|notes| notes.extra = beside(fields));
    Some(part)
}

/// Reads a citation, of whatever it cites.
pub(crate) fn citation(value: Value) -> Citation {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut citation = Citation::default();
    // The source of a search result is mostly an address.
    citation.url = text("url").or_else(|| text("source"));
    citation.title = text("title").or_else(|| text("document_title"));
    citation.cited_text = text("cited_text");
    citation.native = Some(VendorState::new(NAME, value));
    citation
}
