//! Writes requests.

mod config;
mod parts;
mod piece;
mod tools;

use std::{ops::Range, sync::LazyLock};

use serde::{Serialize, Serializer, ser::SerializeMap};
use ultraai_core::{ChatRequest, Error, ErrorKind, Losses, Message, Part, Result, Role};
use ultraai_protocol_common::{CalledTools, collision, is_harmless, model};

use self::{
    config::{Config, check_config},
    tools::{Choice, Tools, check_tools, has_choice},
};
pub(crate) use self::{
    parts::{Parts, own},
    piece::{Fields, Piece, Written},
};
use crate::{
    NAME,
    media::MAX_REQUEST,
    model::checks_signatures,
    part::SIGNATURE,
    request::{CONFIG, TOOL_CONFIG},
};

/// Writes the body of a request. The model and the delivery stand in the path. `has_names` says whether media may have
/// names, as on Vertex AI.
pub(crate) fn encode(request: &ChatRequest, has_names: bool, losses: &mut Losses) -> Result<Vec<u8>> {
    model(NAME, request)?;
    let plan = Plan::of(request, has_names, losses)?;
    let extra = extra(request, &plan, losses)?;
    let config = check_config(request, extra, losses)?;
    check_tools(request, extra, losses)?;
    // Neither changes an answer.
    for (is_set, name, why) in [
        (request.user.is_some(), "user", "gemini has no such field"),
        (
            !request.metadata.is_empty(),
            "metadata",
            "gemini has no such field; Vertex AI has `labels`, in `extra`",
        ),
    ] {
        if is_set {
            losses.leave_out(&format!("`{name}`"), why);
        }
    }
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        let why = "gemini cannot be kept from calling several tools at once";
        losses.lose("`parallel_tool_calls`", why)?;
    }
    // Room for the text, some of it escaped, and for what stands around it.
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    let write = serde_json::to_writer(&mut body, &Body { request, plan: &plan, extra, config });
    if let Err(error) = write {
        return Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error));
    }
    if body.len() > MAX_REQUEST {
        let message = format!(
            "the request has {} bytes, and gemini takes {MAX_REQUEST} at most: upload media and name their `file_id`",
            body.len()
        );
        return Err(Error::new(ErrorKind::ContextTooLong, message));
    }
    Ok(body)
}

/// What stands in `extra` and is sent.
fn extra<'a>(request: &'a ChatRequest, plan: &Plan<'_>, losses: &mut Losses) -> Result<Option<&'a Fields>> {
    let wrong = |key: &str| {
        let message = format!("`{key}` in extra is no object: write its fields in one");
        Err(Error::new(ErrorKind::InvalidRequest, message))
    };
    if is_foreign(request) {
        for (key, value) in &request.extra {
            if !is_harmless(request.origin, key, value, NAME, losses) {
                losses.lose(&format!("`{key}` in `extra`"), "it is a field of another protocol")?;
            }
        }
        return Ok(None);
    }
    for key in [CONFIG, TOOL_CONFIG] {
        if request.extra.get(key).is_some_and(|value| !value.is_object()) {
            return wrong(key);
        }
    }
    let sent = |key: &str| match key {
        "contents" => true,
        "systemInstruction" => plan.has_system,
        "tools" => !request.tools.is_empty(),
        "serviceTier" => request.service_tier.is_some(),
        _ => false,
    };
    collision("extra", request.extra.keys(), sent)?;
    Ok(Some(&request.extra))
}

/// Whether what stands in `extra` maps is a field of another protocol.
fn is_foreign(request: &ChatRequest) -> bool {
    request.origin.is_some_and(|origin| origin != NAME)
}

fn is_system(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// The vendor's word for a role.
fn role_word(role: &Role) -> &str {
    match role {
        Role::Assistant => "model",
        Role::Other(word) => word,
        _ => "user",
    }
}

/// The conversation as it is written.
#[derive(Debug)]
struct Plan<'a> {
    parts: Vec<Written<'a>>,
    has_system: bool,
    system: Turn<'a>,
    turns: Vec<Turn<'a>>,
}

/// Messages of one role that follow each other: older models want the roles to alternate, and the results of tools stand in
/// one turn with what the user says then.
#[derive(Debug, Default)]
struct Turn<'a> {
    role: &'a str,
    parts: Range<usize>,
    extra: Option<&'a Fields>,
}

impl<'a> Plan<'a> {
    fn of(request: &'a ChatRequest, has_names: bool, losses: &mut Losses) -> Result<Self> {
        let is_foreign = is_foreign(request);
        // Who speaks this protocol knows what it wants.
        let wants_signatures = request.origin != Some(NAME)
            && request.model.as_ref().is_some_and(|model| checks_signatures(model.as_str()));
        let messages = &request.messages;
        let mut parts = Parts {
            out: Vec::with_capacity(messages.len() + 8),
            losses,
            is_request: true,
            has_names,
            called: CalledTools::default(),
        };
        let mut system = Turn::default();
        let mut turns: Vec<Turn<'a>> = Vec::with_capacity(messages.len());
        let rows = || messages.iter().enumerate();
        // The instructions stand before everything else, wherever they stood.
        let (first, then) = (rows().filter(|row| is_system(row.1)), rows().filter(|row| !is_system(row.1)));
        for (index, message) in first {
            let extra = message_extra(index, message, is_foreign, parts.losses)?;
            system.extra = system.extra.or(extra);
            parts.write(&message.content, |part| place(index, part))?;
            system.parts.end = parts.out.len();
        }
        for (index, message) in then {
            let extra = message_extra(index, message, is_foreign, parts.losses)?;
            let from = parts.out.len();
            if message.content.is_empty() {
                // A turn without parts is refused.
                parts.out.push(Written::new(Piece::Text("")));
            }
            parts.write(&message.content, |part| place(index, part))?;
            parts.called.add(message);
            if wants_signatures && message.role == Role::Assistant {
                sign(&mut parts.out[from..]);
            }
            let (role, end) = (role_word(&message.role), parts.out.len());
            match turns.last_mut() {
                _ if from == end => {}
                Some(turn) if turn.role == role && turn.extra.is_none() && extra.is_none() => {
                    turn.parts.end = end;
                }
                _ => turns.push(Turn { role, parts: from..end, extra }),
            }
        }
        let has_system = messages.iter().any(is_system);
        Ok(Self { parts: parts.out, has_system, system, turns })
    }
}

/// What Google takes for the signature of a call that another model made, or a person
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
static UNSIGNED: LazyLock<Fields> = LazyLock::new(|| {
    [(SIGNATURE.to_owned(), "skip_thought_signature_validator".into())].into_iter().collect()
});

/// Has the first call carry a signature where none does: without one the model refuses the conversation.
fn sign(parts: &mut [Written<'_>]) {
    let mut calls = parts.iter_mut().filter(|part| matches!(part.piece, Piece::Call { .. }));
    if let Some(first) = calls.next()
        && first.state.is_none()
        && calls.all(|call| call.state.is_none())
    {
        first.state = Some(&UNSIGNED);
    }
}

fn place(message: usize, part: usize) -> impl std::fmt::Display {
    std::fmt::from_fn(move |f| write!(f, "messages[{message}].content[{part}]"))
}

/// What stands beside a message, and what cannot.
fn message_extra<'a>(
    index: usize,
    message: &'a Message,
    is_foreign: bool,
    losses: &mut Losses,
) -> Result<Option<&'a Fields>> {
    if message.name.is_some() {
        losses.lose(&format!("`messages[{index}].name`"), "gemini has no names of speakers")?;
    }
    if message.extra.is_empty() {
        return Ok(None);
    }
    if is_foreign {
        losses.lose(&format!("`messages[{index}].extra`"), "its fields are of another protocol")?;
        return Ok(None);
    }
    let sent = |key: &str| matches!(key, "role" | "parts");
    collision("a message's `extra`", message.extra.keys(), sent)?;
    Ok(Some(&message.extra))
}

struct Body<'a> {
    request: &'a ChatRequest,
    plan: &'a Plan<'a>,
    extra: Option<&'a Fields>,
    config: Config<'a>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Self { request, plan, extra, ref config } = self;
        let mut map = serializer.serialize_map(None)?;
        if plan.has_system {
            map.serialize_entry("systemInstruction", &Content { plan, turn: &plan.system })?;
        }
        map.serialize_entry("contents", &Contents(plan))?;
        if !request.tools.is_empty() {
            map.serialize_entry("tools", &Tools(request))?;
        }
        if has_choice(request, extra) {
            map.serialize_entry(TOOL_CONFIG, &Choice { request, extra })?;
        }
        if !config.is_empty() {
            map.serialize_entry(CONFIG, config)?;
        }
        if let Some(tier) = &request.service_tier {
            map.serialize_entry("serviceTier", tier)?;
        }
        let is_written = |key: &String| key == CONFIG || key == TOOL_CONFIG;
        for (key, value) in extra.into_iter().flatten().filter(|(key, _)| !is_written(key)) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Contents<'a>(&'a Plan<'a>);

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.turns.iter().map(|turn| Content { plan: self.0, turn }))
    }
}

struct Content<'a> {
    plan: &'a Plan<'a>,
    turn: &'a Turn<'a>,
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.turn.role.is_empty() {
            map.serialize_entry("role", self.turn.role)?;
        }
        map.serialize_entry("parts", &self.plan.parts[self.turn.parts.clone()])?;
        for (key, value) in self.turn.extra.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
