//! What a written answer has open: the items that more may be said of.

use serde_json::{Map, Value, json};
use ultraai_core::ToolCall;

use crate::{body::arguments, item};

/// An item that more may be said of.
#[derive(Debug)]
pub(crate) enum Open {
    Message(Message),
    Reasoning(Reasoning),
}

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// Where it stands in the output.
    pub(crate) at: usize,
    /// What the vendor keeps with it.
    pub(crate) fields: Map<String, Value>,
    /// The pieces that are complete.
    pub(crate) pieces: Vec<Value>,
    pub(crate) piece: Option<Piece>,
}

impl Message {
    /// The item, in this state.
    pub(crate) fn item(&self, status: &str) -> Value {
        let mut item = self.fields.clone();
        item.insert("type".to_owned(), "message".into());
        item.insert("id".to_owned(), self.id.as_str().into());
        item.insert("role".to_owned(), "assistant".into());
        item.entry("status").or_insert_with(|| status.into());
        item.insert("content".to_owned(), Value::Array(self.pieces.clone()));
        Value::Object(item)
    }
}

/// A piece of a message.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) refusal: bool,
    pub(crate) text: String,
    pub(crate) annotations: Vec<Value>,
    pub(crate) logprobs: Vec<Value>,
    pub(crate) extra: Map<String, Value>,
}

impl Piece {
    pub(crate) fn value(&self) -> Value {
        let mut piece = self.extra.clone();
        if self.refusal {
            piece.insert("type".to_owned(), "refusal".into());
            piece.insert("refusal".to_owned(), self.text.as_str().into());
        } else {
            piece.insert("type".to_owned(), "output_text".into());
            piece.insert("text".to_owned(), self.text.as_str().into());
            piece.insert("annotations".to_owned(), Value::Array(self.annotations.clone()));
            piece.insert("logprobs".to_owned(), Value::Array(self.logprobs.clone()));
        }
        Value::Object(piece)
    }
}

/// Reasoning.
#[derive(Debug)]
pub(crate) struct Reasoning {
    pub(crate) id: String,
    pub(crate) at: usize,
    pub(crate) text: String,
    pub(crate) fields: Option<Map<String, Value>>,
}

impl Reasoning {
    pub(crate) fn item(&self) -> Value {
        let mut item = self.fields.clone().unwrap_or_default();
        item.insert("type".to_owned(), "reasoning".into());
        item.entry("id").or_insert_with(|| self.id.as_str().into());
        item.entry("summary").or_insert_with(|| item::usual_summary(&self.text));
        Value::Object(item)
    }
}

/// A call of a tool.
#[derive(Debug)]
pub(crate) struct Call {
    /// Which of the answer's calls.
    pub(crate) index: u32,
    pub(crate) id: String,
    pub(crate) at: usize,
    pub(crate) fields: Map<String, Value>,
    pub(crate) said: ToolCall,
}

impl Call {
    pub(crate) fn item(&self, status: &str) -> Value {
        let arguments = if status == "in_progress" { "" } else { arguments(&self.said.arguments) };
        let mut item = self.fields.clone();
        item.entry("id").or_insert_with(|| self.id.as_str().into());
        item.entry("status").or_insert_with(|| status.into());
        for (key, value) in [
            ("type", json!("function_call")),
            ("call_id", json!(self.said.id)),
            ("name", json!(self.said.name)),
            ("arguments", json!(arguments)),
        ] {
            item.insert(key.to_owned(), value);
        }
        Value::Object(item)
    }
}
