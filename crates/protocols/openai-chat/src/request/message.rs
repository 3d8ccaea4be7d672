//! Messages.

use serde_json::{Map, Value};
use ultraai_core::{Message, Part, Reasoning, Result, Role, ToolCall, ToolResult, VendorState};
use ultraai_protocol_common::{Entries, Fields, Place};

use super::{
    part,
    tool::{self, cache},
};
use crate::{NAME, cite, state};

pub(super) fn read(mut fields: Fields<'_>) -> Result<Message> {
    let role = match &*fields.needed_word("role")? {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => Role::Other(other.to_owned()),
    };
    let mut content = content(&mut fields)?;
    let mut message = Message::new(role, Vec::new());
    match message.role {
        Role::Tool => {
            let mut result = ToolResult::new(fields.text("tool_call_id")?.unwrap_or_default(), content);
            result.name = fields.text("name")?;
            content = vec![Part::ToolResult(result)];
        }
        Role::Assistant => {
            annotations(&mut fields, &mut content);
            let mut said = reasoning(&mut fields)?;
            said.append(&mut content);
            content = said;
            if fields.look("refusal").is_some_and(Value::is_string) {
                content.extend(fields.text("refusal")?.map(Part::refusal));
            }
            for (place, call) in fields.list("tool_calls")?.unwrap_or_default() {
                content.push(self::call(place, call)?);
            }
        }
        _ => {}
    }
    message.content = content;
    message.name = fields.text("name")?;
    message.extra = fields.rest();
    if message.role == Role::Assistant {
        // What an SDK made of the text.
        message.extra.remove("parsed");
    }
    Ok(message)
}

/// What is said: a text, parts, or nothing.
fn content(fields: &mut Fields<'_>) -> Result<Vec<Part>> {
    let content = fields.any("content");
    let place = || fields.place().field("content");
    Ok(match content {
        None => Vec::new(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text)],
        Some(Value::Array(list)) => Entries::of(list, place())
            .map(|(place, value)| part::read(place, value))
            .collect::<Result<_>>()?,
        Some(_) => return Err(place().wrong("a text or a list of parts")),
    })
}

/// Where the text is taken from; what has no text to stand beside stays.
fn annotations(fields: &mut Fields<'_>, content: &mut [Part]) {
    let text = content.iter_mut().rfind(|part| matches!(part, Part::Text { .. }));
    let is_list = fields.look("annotations").and_then(Value::as_array);
    match (is_list, text) {
        (Some(list), None) if list.is_empty() => drop(fields.any("annotations")),
        (Some(_), Some(text)) => {
            if let Some(Value::Array(list)) = fields.any("annotations") {
                text.annotate(|notes| notes.citations.extend(list.into_iter().map(cite::read)));
            }
        }
        _ => {}
    }
}

fn reasoning(fields: &mut Fields<'_>) -> Result<Vec<Part>> {
    let mut text = String::new();
    for key in ["reasoning_content", "reasoning"] {
        if text.is_empty() && fields.look(key).is_some_and(Value::is_string) {
            text = fields.text(key)?.unwrap_or_default();
        }
    }
    let details = fields.list("reasoning_details")?.unwrap_or_default();
    let details = details.into_iter().map(|(_, entry)| entry).collect();
    Ok(with_states(text, state::from_details(details, NAME)))
}

/// Reasoning with what vendors want back with it: the first one's beside the text.
pub(crate) fn with_states(text: String, states: Vec<VendorState>) -> Vec<Part> {
    let mut states = states.into_iter();
    let mut first = Reasoning::new(text);
    first.state = states.next();
    let others = states.map(|state| {
        let mut reasoning = Reasoning::default();
        reasoning.state = Some(state);
        reasoning
    });
    let all = std::iter::once(first).chain(others);
    all.filter(|part| !part.text.is_empty() || part.state.is_some()).map(Part::Reasoning).collect()
}

fn call(place: Place, value: Value) -> Result<Part> {
    let whole = tool::whole(&value);
    let mut fields = Fields::of(value, place)?;
    let kind = fields.word("type")?;
    if !matches!(kind.as_deref(), None | Some("function")) || !fields.has("function") {
        return Ok(Part::Vendor(VendorState::new(NAME, whole)));
    }
    let id = fields.text("id")?.unwrap_or_default();
    let Some(mut function) = fields.object("function")? else {
        return Err(fields.place().missing("function"));
    };
    let arguments = match function.any("arguments") {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(json) => json.to_string(),
    };
    let mut call = ToolCall::new(id, function.needed_text("name")?, arguments);
    call.state = fields.any("extra_content").map(|value| state::from_extra_content(value, NAME));
    let marker = cache(&mut fields);
    let mut extra: Map<String, Value> = fields.rest();
    let mut inner = function.rest();
    // OpenAI's SDKs leave in calls that they read their place in the stream and the arguments once more.
    extra.remove("index");
    inner.remove("parsed_arguments");
    if !inner.is_empty() {
        extra.insert("function".to_owned(), inner.into());
    }
    let mut part = Part::ToolCall(call);
    part.annotate(|notes| {
        notes.cache = marker;
        notes.extra = part::extra(extra);
    });
    Ok(part)
}
