//! Writes a whole answer and errors, as a server does.

use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatResponse, Error, ErrorAnswer, FinishReason, Losses, Part, Result, TokenLogprob,
};
use ultraai_protocol_common::{Lossy, ObjectWriter, status_of};

use crate::{NAME, answer::finish_reason, citation, is_plan, message::write_call, usage};

/// Writes a whole answer.
///
/// # Errors
/// `Unsupported` for what cannot be said and may not be lost; it names the place.
pub fn encode_response(to: &Answering<'_>, answer: &ChatResponse, losses: &mut Losses) -> Result<Vec<u8>> {
    let lossy = &mut Lossy::new(NAME, losses);
    lossy.field("alternatives", !answer.alternatives.is_empty())?;
    lossy.field("stop_sequence", answer.stop_sequence.is_some())?;
    lossy.field("service_tier", answer.service_tier.is_some())?;
    let mut body = Vec::with_capacity(512);
    let mut object = ObjectWriter::new(&mut body);
    object.field("id", answer.request_id.as_deref().unwrap_or(to.id));
    write_message(&mut object, answer, lossy)?;
    object.optional("finish_reason", word(&answer.finish_reason, &answer.raw));
    usage::write(&mut object, answer.usage.as_ref(), answer.raw.get("usage"), lossy)?;
    if !answer.logprobs.is_empty() && !answer.raw.contains_key("logprobs") {
        let told: Vec<_> = answer.logprobs.iter().map(logprob).collect();
        lossy.field("top_logprobs", answer.logprobs.iter().any(|token| !token.top_logprobs.is_empty()))?;
        object.field("logprobs", &told);
    }
    let known = |key: &str| matches!(key, "id" | "message" | "finish_reason" | "usage");
    object.entries(answer.raw.iter().filter(|(key, _)| !known(key)));
    drop(object);
    Ok(body)
}

fn write_message(object: &mut ObjectWriter<'_>, answer: &ChatResponse, lossy: &mut Lossy<'_>) -> Result<()> {
    let (mut plan, mut calls, mut citations) = (String::new(), Vec::new(), Vec::new());
    let mut message = object.object("message");
    message.field("role", "assistant");
    let mut list = message.list("content");
    let mut count = 0;
    for (at, part) in answer.content.iter().enumerate() {
        let place = format_args!("content[{at}]");
        let fields = lossy.notes(place, part.notes(), true)?;
        let cited = part.notes().map(|notes| notes.citations.as_slice()).unwrap_or_default();
        let (kind, said) = match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => ("text", text),
            Part::Reasoning(reasoning) if is_plan(reasoning.state.as_ref()) => {
                plan.push_str(&reasoning.text);
                citations.extend(citation::written(cited, Some(&reasoning.text), count, place, lossy)?);
                continue;
            }
            Part::Reasoning(reasoning) => ("thinking", &reasoning.text),
            Part::ToolCall(call) => {
                calls.push((call, fields));
                continue;
            }
            Part::Vendor(state) if state.vendor == NAME => {
                list.item(&state.data);
                count += 1;
                continue;
            }
            part => {
                lossy.part(place, part)?;
                continue;
            }
        };
        citations.extend(citation::written(cited, Some(said), count, place, lossy)?);
        count += 1;
        let mut item = list.object();
        item.field("type", kind);
        item.field(kind, said);
        item.entries(fields.into_iter().flatten());
    }
    drop(list);
    message.optional("tool_plan", Some(plan).filter(|plan| !plan.is_empty()));
    if !calls.is_empty() {
        let mut list = message.list("tool_calls");
        calls.iter().for_each(|(call, fields)| write_call(&mut list.object(), call, *fields));
    }
    message.optional("citations", Some(citations).filter(|citations| !citations.is_empty()));
    message.entries(answer.raw.get("message").and_then(Value::as_object).into_iter().flatten());
    Ok(())
}

/// The vendor's word for why an answer ended: the one that it was read from where that means the same.
pub(crate) fn word<'a>(reason: &'a FinishReason, raw: &'a Map<String, Value>) -> Option<&'a str> {
    let told = raw.get("finish_reason").and_then(Value::as_str);
    if let Some(told) = told.filter(|told| finish_reason(told).as_ref() == Some(reason)) {
        return Some(told);
    }
    match reason {
        FinishReason::Stop => Some("COMPLETE"),
        FinishReason::Length => Some("MAX_TOKENS"),
        FinishReason::ToolCalls => Some("TOOL_CALL"),
        FinishReason::Other(word) if word == "unknown" => None,
        reason => Some(reason.as_str()),
    }
}

/// A token with its probability.
pub(crate) fn logprob(token: &TokenLogprob) -> Value {
    json!({ "text": token.token, "token_ids": [], "logprobs": [token.logprob] })
}

/// Writes an error as the answer to a request.
pub fn encode_error(error: &Error) -> ErrorAnswer {
    let mut answer = json!({ "message": error.message() });
    if let Some(id) = error.request_id() {
        answer["id"] = id.into();
    }
    ErrorAnswer { status: status_of(error), body: answer.to_string().into_bytes() }
}
