//! Reads a request.

mod blocks;
mod options;

use std::collections::HashMap;

use ultraai_core::{ChatRequest, Delivery, Message, ModelName, Part, Result, Role};
use ultraai_protocol_common::{Fields, Place};

use crate::NAME;

/// Reads the body of a request. What the vocabulary has no words for stands in `extra` and in vendor parts; a form of the
/// protocol that says the model in the path is read by it.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn decode(path: &str, body: &[u8]) -> Result<ChatRequest> {
    let mut fields = Fields::parse(body)?;
    let mut request = ChatRequest::default();
    request.origin = Some(NAME);
    // Which form of the protocol it is is no part of what is asked.
    drop(fields.any("anthropic_version"));
    let model = fields.text("model")?.or_else(|| model_of(path));
    request.model = model
        .map(|model| {
            ModelName::new(model).map_err(|_| Place::top().field("model").wrong("the name of a model"))
        })
        .transpose()?;
    request.max_tokens = fields.count("max_tokens")?;
    request.temperature = fields.number("temperature")?;
    request.top_p = fields.number("top_p")?;
    request.top_k = fields.count("top_k")?;
    request.stop_sequences = fields.texts("stop_sequences")?.unwrap_or_default();
    request.service_tier = fields.text("service_tier")?;
    if fields.flag("stream")?.unwrap_or_default() || path.contains(":streamRawPredict") {
        request.delivery = Delivery::Live;
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        request.user = metadata.text("user_id")?;
        request.metadata = metadata.rest();
    }
    options::read_tools(&mut fields, &mut request)?;
    options::read_output(&mut fields, &mut request)?;

    let mut conversation = Conversation::default();
    if let Some(system) = fields.any("system") {
        let parts = conversation.content(system, &Place::top().field("system"))?;
        conversation.messages.push(Message::new(Role::System, parts));
    }
    for message in fields.objects("messages")?.ok_or_else(|| Place::top().missing("messages"))? {
        conversation.turn(message?)?;
    }
    request.messages = conversation.messages;
    request.extra.extend(fields.rest());
    Ok(request)
}

/// The model in `…/models/MODEL:rawPredict`.
fn model_of(path: &str) -> Option<String> {
    let (_, rest) = path.rsplit_once("/models/")?;
    let (model, method) = rest.split_once(':')?;
    (!model.is_empty() && method.to_ascii_lowercase().contains("rawpredict"))
        .then(|| model.replace("%40", "@"))
}

/// The messages so far.
#[derive(Default)]
struct Conversation {
    messages: Vec<Message>,
    /// The names of the tools that were called, by the ids of the calls.
    called: HashMap<String, String>,
}

impl Conversation {
    /// Reads a turn. Results of tools that it begins with are a message of their own.
    fn turn(&mut self, mut fields: Fields<'_>) -> Result<()> {
        let role = match &*fields.needed_word("role")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => Role::Other(other.to_owned()),
        };
        let content = fields.any("content").unwrap_or_default();
        let mut parts = self.content(content, &fields.place().field("content"))?;
        let extra = fields.rest();
        let results = parts.iter().take_while(|part| matches!(part, Part::ToolResult(_))).count();
        let role = match role {
            Role::User if results > 0 => {
                let said = parts.split_off(results);
                let mut message = Message::new(Role::Tool, parts);
                parts = said;
                message.extra.clone_from(&extra);
                self.messages.push(message);
                if parts.is_empty() {
                    return Ok(());
                }
                self.messages.push(Message::new(Role::User, parts));
                return Ok(());
            }
            role => role,
        };
        let mut message = Message::new(role, parts);
        message.extra = extra;
        self.messages.push(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
