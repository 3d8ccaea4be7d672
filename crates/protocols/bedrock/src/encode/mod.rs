//! Writes a request.

mod block;
mod options;
mod tools;
mod turns;

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Error, ErrorKind, Losses, Part, ResponseFormat, Result};
use ultraai_protocol_common::{collision, is_harmless, model};

pub(crate) use self::{
    block::{Block, Context, block, citation},
    turns::Turns,
};
use self::{options::Options, tools::Tools};
use crate::{NAME, emulation, family};

/// Why something cannot be sent, for [`Losses::lose`].
pub(crate) const NO_FIELD: &str = "bedrock has no such field";

/// Writes the body of a request; the model and the delivery stand in its address.
///
/// # Errors
/// `Unsupported` without a model and for what cannot be sent, `InvalidRequest` for a key in `extra` that is sent already and
/// for arguments that are no JSON; each names the field.
pub fn encode(request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
    model("bedrock", request)?;
    let family = family::of(request.model.as_ref());
    check(request, losses)?;
    let turns = Turns::of(request, family, losses)?;
    let tools = Tools::of(request, family, losses)?;
    let options = Options::of(request, family, losses)?;
    let metadata = metadata(request, losses)?;
    let sent = Body { request, turns: &turns, tools: &tools, options: &options, metadata: &metadata };
    if sent.may_have_extra() {
        collision("extra", request.extra.keys(), |key| sent.has(key))?;
    }
    let text: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
    // Room for the text, some of it escaped, and for what stands around it.
    let mut body = Vec::with_capacity(text + text / 16 + 64 * request.messages.len() + 192);
    match serde_json::to_writer(&mut body, &sent) {
        Ok(()) => Ok(body),
        Err(error) => Err(Error::new(ErrorKind::InvalidRequest, "the request is no JSON").with_source(error)),
    }
}

/// What the protocol has no field for.
fn check(request: &ChatRequest, losses: &mut Losses) -> Result<()> {
    let format = match &request.response_format {
        Some(ResponseFormat::Vendor(state)) => state.vendor != NAME,
        _ => false,
    };
    // A penalty of nothing is what is done without one.
    let asks = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    if request.user.is_some() {
        // It changes no answer.
        losses.leave_out("`user`", NO_FIELD);
    }
    for (asked, field) in [
        (request.seed.is_some(), "`seed`"),
        (asks(request.frequency_penalty), "`frequency_penalty`"),
        (asks(request.presence_penalty), "`presence_penalty`"),
        (request.n.is_some_and(|choices| choices > 1), "`n`"),
        (request.logprobs == Some(true), "`logprobs`"),
        (request.top_logprobs.is_some_and(|most| most > 0), "`top_logprobs`"),
        // Several calls are what models do unasked.
        (request.parallel_tool_calls == Some(false) && !request.tools.is_empty(), "`parallel_tool_calls`"),
        (format, "`response_format`"),
    ] {
        if asked {
            losses.lose(field, NO_FIELD)?;
        }
    }
    if is_foreign(request) {
        for (key, value) in &request.extra {
            if !is_harmless(request.origin, key, value, NAME, losses) {
                losses.lose(&format!("`{key}`"), "it is a field of another protocol")?;
            }
        }
    }
    Ok(())
}

/// Whether what stands in `extra` are another protocol's fields.
pub(crate) fn is_foreign(request: &ChatRequest) -> bool {
    request.origin.is_some_and(|origin| origin != NAME)
}

/// A field of `extra`, where it is an object that more is sent in.
fn extra_object<'a>(request: &'a ChatRequest, key: &str) -> Option<&'a Map<String, Value>> {
    request.extra.get(key).filter(|_| !is_foreign(request))?.as_object()
}

/// What the vendor writes down: texts alone.
fn metadata<'a>(request: &'a ChatRequest, losses: &mut Losses) -> Result<Vec<(&'a str, &'a str)>> {
    let mut texts = Vec::new();
    for (key, value) in &request.metadata {
        match value.as_str() {
            Some(text) => texts.push((key.as_str(), text)),
            None => losses.lose(&format!("`metadata.{key}`"), "bedrock takes texts alone")?,
        }
    }
    Ok(texts)
}

struct Body<'a> {
    request: &'a ChatRequest,
    turns: &'a Turns<'a>,
    tools: &'a Tools<'a>,
    options: &'a Options<'a>,
    metadata: &'a [(&'a str, &'a str)],
}

/// Objects in which fields of the user's own may stand beside those that are sent.
const SHARED: &[&str] = &["inferenceConfig", "additionalModelRequestFields", "outputConfig", "toolConfig"];

impl Body<'_> {
    fn may_have_extra(&self) -> bool {
        !self.request.extra.is_empty() && !is_foreign(self.request)
    }

    /// Whether the body has the field besides `extra`.
    fn has(&self, field: &str) -> bool {
        match field {
            "modelId" | "messages" => true,
            "system" => !self.turns.system().is_empty(),
            "serviceTier" => self.request.service_tier.is_some(),
            "requestMetadata" => !self.metadata.is_empty(),
            _ => SHARED.contains(&field) && !self.request.extra[field].is_object(),
        }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("messages", self.turns)?;
        if !self.turns.system().is_empty() {
            map.serialize_entry("system", self.turns.system())?;
        }
        let Options { inference, additional, format } = self.options;
        if !inference.is_empty() {
            map.serialize_entry("inferenceConfig", inference)?;
        }
        if !self.tools.is_empty() {
            map.serialize_entry("toolConfig", self.tools)?;
        }
        if !additional.is_empty() {
            map.serialize_entry("additionalModelRequestFields", additional)?;
        }
        if !format.is_empty() {
            map.serialize_entry("outputConfig", format)?;
        }
        if let Some(tier) = &self.request.service_tier {
            map.serialize_entry("serviceTier", &One("type", tier))?;
        }
        if !self.metadata.is_empty() {
            map.serialize_entry("requestMetadata", &Texts(self.metadata))?;
        }
        if self.may_have_extra() {
            for (key, value) in &self.request.extra {
                if !SHARED.contains(&key.as_str()) {
                    map.serialize_entry(key, value)?;
                }
            }
        }
        map.end()
    }
}

/// An object of one field.
pub(crate) struct One<'a, T: ?Sized>(pub(crate) &'static str, pub(crate) &'a T);

impl<T: Serialize + ?Sized> Serialize for One<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, self.1)?;
        map.end()
    }
}

struct Texts<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Whether JSON is asked for as a tool's arguments, and that can be asked for.
fn emulates(request: &ChatRequest) -> bool {
    emulation::is_needed(request)
}
