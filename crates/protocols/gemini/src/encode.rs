//! Writes a request.

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Error, ErrorKind, Message, Part, Result, Role, VendorState};
use ultraai_protocol_common::{collision, model, text_and, unsupported};

use crate::{VENDOR, part::SIGNATURE};

/// What requests are refused in the name of.
const NAME: &str = "gemini";

/// The field of sampling; `extra` may add to it.
const CONFIG: &str = "generationConfig";

/// Writes the body of a request. The model and the delivery stand in the path.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent
/// already; each names the field.
pub fn encode(request: &ChatRequest) -> Result<Vec<u8>> {
    model(NAME, request)?;
    check(request)?;
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    match serde_json::to_writer(&mut body, &Body(request)) {
        Ok(()) => Ok(body),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error)),
    }
}

fn check(request: &ChatRequest) -> Result<()> {
    let several = |value: Option<&Value>| value.is_some_and(|count| count.as_u64() != Some(1));
    let more = [
        (several(request.extra.get("n")), "n"),
        (several(extra_config(request).and_then(|config| config.get("candidateCount"))), "candidateCount"),
        (request.messages.iter().any(|message| message.name.is_some()), "name"),
    ];
    text_and(NAME, request, &more, is_given_back)?;
    if request.extra.get(CONFIG).is_some_and(|config| !config.is_object()) {
        let message = format!("`{CONFIG}` in extra is no object: write its fields in one");
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let has_system = request.messages.iter().any(is_system);
    let sent = |key: &str| key == "contents" || (key == "systemInstruction" && has_system);
    collision("extra", request.extra.keys(), sent)?;
    let settings = settings(request);
    let sent = |key: &str| settings.iter().any(|(field, value)| *field == key && value.is_some());
    collision("extra's `generationConfig`", extra_config(request).into_iter().flat_map(Map::keys), sent)?;
    request.messages.iter().try_for_each(|message| {
        if is_system(message) && !message.extra.is_empty() {
            return Err(unsupported(NAME, format_args!("`extra` of a system message")));
        }
        let sent = |key: &str| matches!(key, "role" | "parts");
        collision("a message's `extra`", message.extra.keys(), sent)
    })
}

/// What the model itself said, which it wants back: its thoughts, and state that is Gemini's own.
fn is_given_back(message: &Message, part: &Part) -> bool {
    message.role == Role::Assistant
        && match part {
            Part::Reasoning(reasoning) => reasoning.state.as_ref().is_none_or(is_own),
            Part::Vendor(state) => is_own(state),
            _ => false,
        }
}

fn is_own(state: &VendorState) -> bool {
    state.vendor == VENDOR && state.data.is_object()
}

fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

fn extra_config(request: &ChatRequest) -> Option<&Map<String, Value>> {
    request.extra.get(CONFIG).and_then(Value::as_object)
}

/// The fields of sampling, each where it is asked for.
fn settings(request: &ChatRequest) -> [(&'static str, Option<Value>); 5] {
    let stop = (!request.stop_sequences.is_empty()).then(|| Value::from(request.stop_sequences.clone()));
    [
        ("maxOutputTokens", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("topP", request.top_p.map(Value::from)),
        ("stopSequences", stop),
        ("seed", request.seed.map(Value::from)),
    ]
}

struct Body<'a>(&'a ChatRequest);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.0;
        let (system, turns): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| is_system(message));
        let mut map = serializer.serialize_map(None)?;
        if !system.is_empty() {
            map.serialize_entry("systemInstruction", &Content { role: None, messages: &system })?;
        }
        map.serialize_entry("contents", &Contents(&turns))?;
        let (settings, more) = (settings(request), extra_config(request));
        if more.is_some() || settings.iter().any(|(_, value)| value.is_some()) {
            map.serialize_entry(CONFIG, &Config { settings: &settings, more })?;
        }
        for (key, value) in request.extra.iter().filter(|(key, _)| *key != CONFIG) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Config<'a> {
    settings: &'a [(&'static str, Option<Value>)],
    more: Option<&'a Map<String, Value>>,
}

impl Serialize for Config<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.settings.iter().filter_map(|(field, value)| Some((*field, value.as_ref()?)));
        let more = self.more.into_iter().flatten().map(|(field, value)| (field.as_str(), value));
        serializer.collect_map(settings.chain(more))
    }
}

/// The turns. Messages of one role that follow each other are one turn: older models want the roles to alternate.
struct Contents<'a>(&'a [&'a Message]);

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_one = |one: &&Message, other: &&Message| {
            one.role == other.role && one.extra.is_empty() && other.extra.is_empty()
        };
        let mut turns = Vec::with_capacity(self.0.len());
        for messages in self.0.chunk_by(is_one) {
            let role = messages.first().and_then(|message| role_word(&message.role));
            let role = role.ok_or_else(|| S::Error::custom("no such role"))?;
            turns.push(Content { role: Some(role), messages });
        }
        serializer.collect_seq(turns)
    }
}

/// The vendor's word for a role that can be sent.
fn role_word(role: &Role) -> Option<&str> {
    match role {
        Role::User => Some("user"),
        Role::Assistant => Some("model"),
        Role::Other(word) => Some(word),
        _ => None,
    }
}

struct Content<'a> {
    role: Option<&'a str>,
    messages: &'a [&'a Message],
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(role) = self.role {
            map.serialize_entry("role", role)?;
        }
        map.serialize_entry("parts", &Parts(self.messages))?;
        for (key, value) in self.messages.iter().flat_map(|message| &message.extra) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Parts<'a>(&'a [&'a Message]);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = Vec::new();
        for message in self.0 {
            if message.content.is_empty() {
                // A turn without parts is refused.
                parts.push(OnePart { part: None, signature: None });
            }
            let mut rest = message.content.iter().peekable();
            while let Some(part) = rest.next() {
                // A signature that came with a text goes back with it.
                let signed = matches!(part, Part::Text { .. });
                let signature =
                    rest.next_if(|next| signed && signature_of(next).is_some()).and_then(signature_of);
                parts.push(OnePart { part: Some(part), signature });
            }
        }
        serializer.collect_seq(parts)
    }
}

/// The signature that a part is, where it is nothing else.
fn signature_of(part: &Part) -> Option<&Value> {
    match part {
        Part::Vendor(state) => {
            let fields = state.data.as_object().filter(|fields| fields.len() == 1)?;
            fields.get(SIGNATURE)
        }
        _ => None,
    }
}

struct OnePart<'a> {
    part: Option<&'a Part>,
    signature: Option<&'a Value>,
}

impl Serialize for OnePart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.part {
            None => map.serialize_entry("text", "")?,
            Some(Part::Text { text, .. } | Part::Refusal { text, .. }) => {
                map.serialize_entry("text", text)?
            }
            Some(Part::Reasoning(reasoning)) => {
                map.serialize_entry("text", &reasoning.text)?;
                map.serialize_entry("thought", &true)?;
                write_state(&mut map, reasoning.state.as_ref())?;
            }
            Some(part @ Part::Vendor(state)) => {
                if signature_of(part).is_some() {
                    map.serialize_entry("text", "")?;
                }
                write_state(&mut map, Some(state))?;
            }
            Some(other) => {
                return Err(S::Error::custom(format_args!("a part of the kind `{}`", other.kind())));
            }
        }
        if let Some(signature) = self.signature {
            map.serialize_entry(SIGNATURE, signature)?;
        }
        map.end()
    }
}

fn write_state<M: SerializeMap>(map: &mut M, state: Option<&VendorState>) -> Result<(), M::Error> {
    let mut fields = state.and_then(|state| state.data.as_object()).into_iter().flatten();
    fields.try_for_each(|(key, value)| map.serialize_entry(key, value))
}

#[cfg(test)]
mod tests;
