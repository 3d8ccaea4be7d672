//! The conversation.

use serde_json::{Map, Value};
use ultraai_core::{Message, Part, Reasoning, Result, Role, ToolCall, ToolResult, VendorState};
use ultraai_protocol_common::{Fields, Place};

use super::message;
use crate::{
    NAME, VENDOR, media,
    name::{fields, object},
    part::{CALL, RESULT, SIGNATURE, made_up_id},
};

/// The conversation so far. Calls may have no ids here, and results find theirs by the name of the tool; elsewhere ids are
/// needed, so that they are made up.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) messages: Vec<Message>,
    /// The calls with made up ids that have no result yet: the tool's name and the id.
    open: Vec<(String, String)>,
    made: usize,
}

impl Conversation {
    /// The instructions over the conversation, where there are any.
    pub(crate) fn system(&mut self, value: Value, place: &Place) -> Result<Option<Message>> {
        if let Value::String(text) = value {
            return Ok(Some(Message::system(text)));
        }
        let mut content = fields(value, place.clone())?;
        // It says nothing here.
        content.any("role");
        let mut parts = Vec::new();
        self.parts(&mut content, &mut parts)?;
        let extra = content.rest();
        if parts.is_empty() && extra.is_empty() {
            return Ok(None);
        }
        let mut message = Message::new(Role::System, parts);
        message.extra = extra;
        Ok(Some(message))
    }

    /// A turn. One of the user that begins with results of tools is a message of these and one of what follows.
    pub(crate) fn content(&mut self, value: Value, place: Place) -> Result<()> {
        let mut content = fields(value, place)?;
        let role = match content.text("role")?.as_deref() {
            None | Some("user" | "function" | "") => Role::User,
            Some("model") => Role::Assistant,
            Some(other) => Role::Other(other.to_owned()),
        };
        let mut parts = Vec::new();
        self.parts(&mut content, &mut parts)?;
        let extra = content.rest();
        let results = match role {
            Role::User => parts.iter().take_while(|part| matches!(part, Part::ToolResult(_))).count(),
            _ => 0,
        };
        let rest = parts.split_off(results);
        let (tool, rest) = match results {
            0 => (None, Some(Message::new(role, rest))),
            _ => (message(Role::Tool, parts), message(role, rest)),
        };
        let before = self.messages.len();
        self.messages.extend(tool.into_iter().chain(rest));
        if let Some(message) = self.messages.get_mut(before) {
            message.extra = extra;
        }
        Ok(())
    }

    fn parts(&mut self, content: &mut Fields<'_>, out: &mut Vec<Part>) -> Result<()> {
        for (place, value) in content.list("parts")?.unwrap_or_default() {
            self.part(value, place, out)?;
        }
        Ok(())
    }

    fn part(&mut self, value: Value, place: Place, out: &mut Vec<Part>) -> Result<()> {
        let mut part = fields(value, place)?;
        let thought = part.flag("thought")?.unwrap_or(false);
        if part.has("text") {
            let text = part.text("text")?.unwrap_or_default();
            push_text(text, thought, part.rest(), out);
            return Ok(());
        }
        if thought {
            // A thought that is no text is nobody else's business.
            let mut whole = part.rest();
            whole.insert("thought".into(), true.into());
            out.push(unknown(whole));
            return Ok(());
        }
        let is_in_pieces = |part: &mut Fields<'_>| {
            let call = part.look(CALL)?;
            let has = |key: &str| call.get(key).is_some_and(|value| !value.is_null() && *value != false);
            Some(has("partialArgs") || has("partial_args") || has("willContinue") || has("will_continue"))
        };
        if part.has(CALL) && is_in_pieces(&mut part) == Some(false) {
            return self.call(part, out);
        }
        if part.has(RESULT) {
            return self.result(part, out);
        }
        let mut whole = part.rest();
        let signature = whole.remove_entry(SIGNATURE);
        match media::read(whole) {
            Ok(part) => {
                out.push(part);
                out.extend(signature.map(|signature| signed(signature.1)));
            }
            Err(mut whole) => {
                whole.extend(signature);
                out.push(unknown(whole));
            }
        }
        Ok(())
    }

    fn call(&mut self, mut part: Fields<'_>, out: &mut Vec<Part>) -> Result<()> {
        let Some(mut fields) = object(&mut part, CALL)? else { return Ok(()) };
        let name = fields.needed_text("name")?;
        let arguments = fields
            .read("args", "an object", |value| value.is_object().then(|| value.to_string()))?
            .unwrap_or_else(|| "{}".to_owned());
        let id = match fields.text("id")?.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => {
                let id = made_up_id("", self.made);
                self.made += 1;
                self.open.push((name.clone(), id.clone()));
                id
            }
        };
        let mut call = ToolCall::new(id, name, arguments);
        let mut rest = part.rest();
        call.state =
            rest.remove_entry(SIGNATURE).map(|(key, value)| own([(key, value)].into_iter().collect()));
        fields.any("willContinue");
        let mut part = Part::ToolCall(call);
        keep(&mut part, CALL, fields.rest(), rest);
        out.push(part);
        Ok(())
    }

    fn result(&mut self, mut part: Fields<'_>, out: &mut Vec<Part>) -> Result<()> {
        let Some(mut fields) = object(&mut part, RESULT)? else { return Ok(()) };
        let name = fields.needed_text("name")?;
        let id = match fields.text("id")?.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => match self.open.iter().position(|(open, _)| *open == name) {
                Some(place) => self.open.remove(place).1,
                None => {
                    self.made += 1;
                    made_up_id("", self.made - 1)
                }
            },
        };
        let mut result = ToolResult::new(id, Vec::new());
        result.name = Some(name);
        let response = fields.read("response", "an object", |value| match value {
            Value::Object(response) => Some(response),
            _ => None,
        })?;
        let (texts, is_error) = said(response.unwrap_or_default());
        result.content = texts.into_iter().map(Part::text).collect();
        result.is_error = is_error;
        for (place, value) in fields.list("parts")?.unwrap_or_default() {
            let fields = self::fields(value, place)?.rest();
            result.content.push(media::read(fields).unwrap_or_else(unknown));
        }
        let mut result = Part::ToolResult(result);
        keep(&mut result, RESULT, fields.rest(), part.rest());
        out.push(result);
        Ok(())
    }
}

/// A text or a thought, with what stands beside it.
pub(crate) fn push_text(text: String, thought: bool, mut rest: Map<String, Value>, out: &mut Vec<Part>) {
    if thought {
        if text.is_empty() {
            rest.insert("thought".into(), true.into());
        }
        let mut reasoning = Reasoning::new(text);
        reasoning.state = (!rest.is_empty()).then(|| own(rest));
        out.push(Part::Reasoning(reasoning));
    } else if text.is_empty() && rest.contains_key(SIGNATURE) {
        // A signature that stands alone.
        rest.insert("text".into(), "".into());
        let mut reasoning = Reasoning::default();
        reasoning.state = Some(own(rest));
        out.push(Part::Reasoning(reasoning));
    } else {
        let signature = rest.remove(SIGNATURE);
        let mut part = Part::text(text);
        if !rest.is_empty() {
            part.annotate(|notes| notes.extra = Some(VendorState::new(NAME, Value::Object(rest))));
        }
        out.push(part);
        out.extend(signature.map(signed));
    }
}

/// The signature of the part before it: reasoning, which others may leave out.
pub(crate) fn signed(signature: Value) -> Part {
    let mut reasoning = Reasoning::default();
    reasoning.state = Some(own([(SIGNATURE.to_owned(), signature)].into_iter().collect()));
    Part::Reasoning(reasoning)
}

fn own(fields: Map<String, Value>) -> VendorState {
    VendorState::new(VENDOR, Value::Object(fields))
}

pub(crate) fn unknown(fields: Map<String, Value>) -> Part {
    Part::Vendor(VendorState::new(NAME, Value::Object(fields)))
}

/// Keeps what stands in the object `key` of a part and beside it.
fn keep(part: &mut Part, key: &str, inside: Map<String, Value>, mut beside: Map<String, Value>) {
    if !inside.is_empty() {
        beside.insert(key.to_owned(), Value::Object(inside));
    }
    if !beside.is_empty() {
        part.annotate(|notes| notes.extra = Some(VendorState::new(NAME, Value::Object(beside))));
    }
}

/// The texts of a tool's result, and whether it is an error: `output` and `error` are Google's names, and any other object is
/// the result itself (<https://ai.google.dev/api/caching#FunctionResponse>).
fn said(response: Map<String, Value>) -> (Vec<String>, bool) {
    let (mut texts, mut is_error) = (Vec::new(), false);
    if response.len() == 1
        && let Some((key, value)) = response.iter().next()
    {
        is_error = key == "error";
        match value {
            Value::String(text) if is_error || key == "output" => return (vec![text.clone()], is_error),
            Value::Array(list) if key == "output" && list.len() > 1 => {
                texts = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                if texts.len() == list.len() {
                    return (texts, false);
                }
                texts.clear();
            }
            _ => {}
        }
    }
    if !response.is_empty() {
        texts.push(Value::Object(response).to_string());
    }
    (texts, is_error)
}
