//! Reads requests, as those who call a server write them.

mod config;
mod contents;
mod tools;

use serde_json::Value;
use ultraai_core::{ChatRequest, Message, ModelName, Part, Result, Role};
use ultraai_protocol_common::{Fields, Place};

use self::contents::Conversation;
use crate::{
    NAME,
    model::{asked, short},
    name::fields,
};

pub(crate) use self::config::{CONFIG, THINKING};
pub(crate) use self::tools::{CHOICE, FUNCTIONS, TOOL_CONFIG};

/// Reads a request that was sent to `path`, which says the model and the delivery.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn decode_request(path: &str, body: &[u8]) -> Result<ChatRequest> {
    let mut body = fields(Value::Object(Fields::parse(body)?.rest()), Place::top())?;
    let (named, delivery) = asked(path);
    let mut request = ChatRequest::default();
    request.origin = Some(NAME);
    request.delivery = delivery;
    request.model = match named {
        Some(name) => {
            // Some clients say it again.
            let is_same =
                body.look("model").and_then(Value::as_str).is_some_and(|it| short(it) == short(name));
            if is_same {
                body.any("model");
            }
            Some(ModelName::new(name).map_err(|_| Place::top().missing("model"))?)
        }
        None => match body.text("model")? {
            Some(name) => {
                let place = Place::top().field("model");
                let name = name.strip_prefix("models/").unwrap_or(&name);
                Some(ModelName::new(name).map_err(|_| place.wrong("the name of a model"))?)
            }
            None => None,
        },
    };
    let mut conversation = Conversation::default();
    if let Some(system) = body.any("systemInstruction") {
        request.messages.extend(conversation.system(system, &Place::top().field("systemInstruction"))?);
    }
    for (place, value) in body.list("contents")?.ok_or_else(|| Place::top().missing("contents"))? {
        conversation.content(value, place)?;
    }
    request.messages.append(&mut conversation.messages);
    tools::read(&mut body, &mut request)?;
    config::read(&mut body, &mut request)?;
    request.service_tier = body.text("serviceTier")?;
    // What tools and generationConfig hold besides stands there already.
    request.extra.extend(body.rest());
    Ok(request)
}

/// A message, unless nothing is in it.
fn message(role: Role, content: Vec<Part>) -> Option<Message> {
    (!content.is_empty()).then(|| Message::new(role, content))
}

#[cfg(test)]
mod tests;
