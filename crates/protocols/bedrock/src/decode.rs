//! Reads a whole answer.

use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, ChatResponse, Error, ErrorKind, FinishReason, Part, Result, ToolCall};
use ultraai_protocol_common::{Place, at_the_top, parse, with_usage};

use crate::{
    answer::{Answer, Block},
    emulation,
    part::{Owner, parts},
    usage::{UsageBody, finish_reason},
};

/// Reads a whole answer of a status that says success, in the light of its request: JSON that was asked for as a tool's
/// arguments is the answer's text.
///
/// # Errors
/// What the vendor says went wrong, or `Undecodable` for what is no answer; with the usage, where it is told all the same.
pub fn decode(request: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
    let mut answer: Answer<'_> = parse(body, "the answer")?;
    let usage = answer.usage.as_ref().and_then(UsageBody::read);
    let content = answer.output.take().and_then(|output| output.message).map(|message| message.content);
    let content = match content {
        Some(blocks) => read_blocks(request, &blocks.unwrap_or_default()),
        None => Err(no_content(body)),
    };
    let content = content.map_err(|error| with_usage(error, usage, None))?;
    let mut response = ChatResponse::default();
    response.content = content;
    response.finish_reason = finish_reason(answer.stop_reason.as_str());
    response.usage = usage;
    response.service_tier = answer.service_tier.kind.filled();
    response.raw = answer.others.into();
    if let Some(rest) = answer.usage.map(UsageBody::rest).filter(|rest| !rest.is_empty()) {
        response.raw.insert("usage".to_owned(), Value::Object(rest));
    }
    // The answer says it where a router chose; else the one that was asked has answered.
    let asked = || request.model.as_ref().map(|model| model.as_str().to_owned());
    response.model = invoked_model(&response.raw).or_else(asked);
    response.stop_sequence = stop_sequence(&mut response.raw);
    if emulation::is_needed(request) {
        emulation::undo(&mut response);
    }
    Ok(response)
}

/// The model that a router chose.
fn invoked_model(raw: &Map<String, Value>) -> Option<String> {
    let chosen = raw.get("trace")?.get("promptRouter")?.get("invokedModelId")?;
    chosen.as_str().map(str::to_owned)
}

/// The field that holds what a model says besides, where it was asked for.
pub(crate) const MODEL_FIELDS: &str = "additionalModelResponseFields";

/// Takes the stop sequence, which Anthropic's models tell where they are asked to.
pub(crate) fn stop_sequence(raw: &mut Map<String, Value>) -> Option<String> {
    let fields = raw.get_mut(MODEL_FIELDS)?.as_object_mut()?;
    let sequence = fields.get("stop_sequence")?.as_str()?.to_owned();
    fields.remove("stop_sequence");
    if fields.is_empty() {
        raw.remove(MODEL_FIELDS);
    }
    Some(sequence)
}

fn no_content(body: &[u8]) -> Error {
    let is_fault = parse::<Value>(body, "the answer").ok();
    match is_fault.as_ref().and_then(at_the_top) {
        Some(error) => error,
        None => Error::new(ErrorKind::Undecodable, "the answer holds no message: check `base_url`"),
    }
}

fn read_blocks(request: &ChatRequest, blocks: &[&serde_json::value::RawValue]) -> Result<Vec<Part>> {
    let owner = Owner::of(request.model.as_ref());
    let mut content = Vec::with_capacity(blocks.len());
    for (index, raw) in blocks.iter().enumerate() {
        let what = || format!("`output.message.content[{index}]` of the answer");
        let mut block: Block<'_> = parse(raw.get().as_bytes(), &what())?;
        let usual = !block.others.0;
        match (block.text.take(), block.tool_use.take()) {
            // An empty text says nothing.
            (Some(text), None) if usual => content.extend(text.filled().map(Part::text)),
            (None, Some(call)) if usual && call.is_callers() && !call.others.0 => {
                let arguments = call.input.map_or("{}", serde_json::value::RawValue::get);
                let (id, name) =
                    (call.id.filled().unwrap_or_default(), call.name.filled().unwrap_or_default());
                content.push(Part::ToolCall(ToolCall::new(id, name, arguments)));
            }
            _ => {
                let place = Place::top().field("output").field("message").field("content").entry(index);
                let value: Value = parse(raw.get().as_bytes(), &what())?;
                let read = parts(std::iter::once((place, value)), owner, true);
                content.extend(
                    read.map_err(|error| Error::new(ErrorKind::Undecodable, error.message().to_owned()))?,
                );
            }
        }
    }
    Ok(content)
}

/// Whether calls of the caller's tools are among `content`.
pub(crate) fn calls(content: &[Part]) -> bool {
    content.iter().any(|part| matches!(part, Part::ToolCall(_)))
}

/// The reason where the calls that it speaks of are none any more.
pub(crate) fn without_calls(reason: FinishReason) -> FinishReason {
    match reason {
        FinishReason::ToolCalls => FinishReason::Stop,
        other => other,
    }
}
