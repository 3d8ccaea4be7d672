//! Items of a request, gathered into messages.

use std::collections::HashMap;

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, Message, Part, Result, Role, ToolResult, VendorState};
use ultraai_protocol_common::{Fields, Place};

use crate::{NAME, content, item};

/// Gathers items into messages: what the model said between two turns of others is one message, unless two items of the type
/// `message` follow each other.
#[derive(Debug)]
pub(crate) struct Input {
    /// The messages so far.
    pub(crate) messages: Vec<Message>,
    vendor: &'static str,
    /// The last item is a message of the assistant, and nothing says where the next one begins.
    said: bool,
    /// The names of the tools that were called, by the ids of the calls.
    called: HashMap<String, String>,
}

impl Input {
    pub(crate) fn new(vendor: &'static str) -> Self {
        Self { messages: Vec::new(), vendor, said: false, called: HashMap::new() }
    }

    /// Takes the request's own field for instructions.
    pub(crate) fn instructions(&mut self, text: String) {
        self.messages.push(Message::new(Role::System, vec![Part::text(text)]));
    }

    /// Takes the next item.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub(crate) fn push(&mut self, value: Value, place: &Place) -> Result<()> {
        let mut fields = Fields::of(value.clone(), place.clone())?;
        let kind = item::kind_of(&value);
        match kind {
            "message" | "" if fields.has("role") => self.message(value, fields),
            "function_call" => {
                let call = self.call(fields)?;
                self.model_says(Part::ToolCall(call));
                Ok(())
            }
            "function_call_output" => self.result(value, fields),
            "reasoning" => {
                self.model_says(Part::Reasoning(item::reasoning(fields.rest(), self.vendor)));
                Ok(())
            }
            // A reference to an item may say its id alone.
            "item_reference" => Err(reference(place)),
            "" if fields.has("id") => Err(reference(place)),
            "" => Err(place.missing("type")),
            kind => {
                match fields.look("role").and_then(Value::as_str) {
                    Some(word) => self.turn(Message::new(role(word), vec![item::vendor_part(value)])),
                    None if item::is_callers(kind) => {
                        self.turn(Message::new(Role::User, vec![item::vendor_part(value)]));
                    }
                    None => self.model_says(item::vendor_part(value)),
                }
                Ok(())
            }
        }
    }

    fn model_says(&mut self, part: Part) {
        self.said = false;
        match self.messages.last_mut().filter(|message| message.role == Role::Assistant) {
            Some(message) => message.content.push(part),
            None => self.messages.push(Message::new(Role::Assistant, vec![part])),
        }
    }

    fn turn(&mut self, message: Message) {
        self.said = false;
        self.messages.push(message);
    }

    fn message(&mut self, whole: Value, mut fields: Fields<'_>) -> Result<()> {
        let role = role(&fields.needed_word("role")?);
        let place = fields.place().field("content");
        let said = role == Role::Assistant;
        let Some(parts) = parts(&mut fields, said, &place)? else {
            match said {
                true => self.model_says(item::vendor_part(whole)),
                false => self.turn(Message::new(role, vec![item::vendor_part(whole)])),
            }
            return Ok(());
        };
        fields.any("type");
        let rest = fields.rest();
        if said {
            self.assistant(parts, &rest);
            return Ok(());
        }
        let mut message = Message::new(role, parts);
        message.extra = rest;
        // A request that has no `instructions` and begins with a system message must be told from one that has them.
        message.inline = self.messages.is_empty() && is_instructions(&message);
        self.turn(message);
        Ok(())
    }

    fn assistant(&mut self, parts: Vec<Part>, rest: &Map<String, Value>) {
        let mark = item::mark(rest, self.vendor).map(Part::Reasoning);
        if (self.said && mark.is_none())
            || self.messages.last().is_none_or(|last| last.role != Role::Assistant)
        {
            self.messages.push(Message::new(Role::Assistant, Vec::new()));
        }
        if let Some(message) = self.messages.last_mut() {
            message.content.extend(mark.into_iter().chain(parts));
        }
        self.said = true;
    }

    fn call(&mut self, mut fields: Fields<'_>) -> Result<ultraai_core::ToolCall> {
        let (id, name) = (fields.needed_text("call_id")?, fields.needed_text("name")?);
        let arguments = fields.text("arguments")?.unwrap_or_default();
        self.called.insert(id.clone(), name.clone());
        Ok(item::call(id, name, arguments, fields.rest(), self.vendor))
    }

    fn result(&mut self, whole: Value, mut fields: Fields<'_>) -> Result<()> {
        let id = fields.needed_text("call_id")?;
        let place = fields.place().field("output");
        let Some(parts) = parts_of(fields.any("output"), false, &place, "a text or a list")? else {
            self.turn(Message::new(Role::User, vec![item::vendor_part(whole)]));
            return Ok(());
        };
        let mut result = ToolResult::new(id, parts);
        result.name = self.called.get(&result.tool_call_id).cloned();
        fields.any("type");
        let rest = fields.rest();
        let mut part = Part::ToolResult(result);
        if !rest.is_empty() {
            part.annotate(|notes| notes.extra = Some(VendorState::new(NAME, Value::Object(rest))));
        }
        self.turn(Message::new(Role::Tool, vec![part]));
        Ok(())
    }
}

/// The error for an item that says where it is kept, and not what it is.
fn reference(place: &Place) -> Error {
    let message =
        format!("`{place}` refers to an item that was kept, and none is kept here: send the item itself");
    Error::new(ErrorKind::InvalidRequest, message)
}

/// Whether a leading message goes to the field `instructions`, unless it stands among the turns.
pub(crate) fn is_instructions(message: &Message) -> bool {
    let plain = matches!(&message.content[..], [Part::Text { notes: None, .. }]);
    message.role == Role::System && plain && message.name.is_none() && message.extra.is_empty()
}

fn role(word: &str) -> Role {
    match word {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => Role::Other(other.to_owned()),
    }
}

fn parts(fields: &mut Fields<'_>, said: bool, place: &Place) -> Result<Option<Vec<Part>>> {
    parts_of(fields.any("content"), said, place, "a text or a list")
}

/// The parts of a text or a list of content; `None` where a part of it can stand in no message of ours.
fn parts_of(content: Option<Value>, said: bool, place: &Place, wanted: &str) -> Result<Option<Vec<Part>>> {
    let list = match content {
        None => return Ok(Some(Vec::new())),
        Some(Value::String(text)) => return Ok(Some(vec![Part::text(text)])),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(place.wrong(wanted)),
    };
    let mut parts = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let logprobs = value
            .get("logprobs")
            .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
            .cloned();
        let Some(mut piece) = content::read(value, said, &place.entry(index))? else { return Ok(None) };
        if let Some(logprobs) = logprobs {
            piece.part.annotate(|notes| {
                let extra =
                    notes.extra.get_or_insert_with(|| VendorState::new(NAME, Value::Object(Map::new())));
                extra.data["logprobs"] = logprobs;
            });
        }
        parts.push(piece.part);
    }
    Ok(Some(parts))
}
