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
    let none = Map::new();
    let raw = answer.raw_of(NAME).unwrap_or(&none);
    let mut body = Vec::with_capacity(512);
    let mut object = ObjectWriter::new(&mut body);
    object.field("id", answer.request_id.as_deref().unwrap_or(to.id));
    write_message(&mut object, answer, raw, lossy)?;
    object.optional("finish_reason", word(&answer.finish_reason, raw));
    usage::write(&mut object, answer.usage.as_ref(), raw.get("usage"), lossy)?;
    if !answer.logprobs.is_empty() && !raw.contains_key("logprobs") {
        let told: Vec<_> = answer.logprobs.iter().map(logprob).collect();
        lossy.field("top_logprobs", answer.logprobs.iter().any(|token| !token.top_logprobs.is_empty()))?;
        object.field("logprobs", &told);
    }
    let known = |key: &str| matches!(key, "id" | "message" | "finish_reason" | "usage");
    object.entries(raw.iter().filter(|(key, _)| !known(key)));
    drop(object);
    Ok(body)
}

fn write_message(
    object: &mut ObjectWriter<'_>,
    answer: &ChatResponse,
    raw: &Map<String, Value>,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
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
        for (call, fields) in calls {
            write_call(&mut list.object(), call, &call.arguments, fields);
        }
    }
    message.optional("citations", Some(citations).filter(|citations| !citations.is_empty()));
    message.entries(raw.get("message").and_then(Value::as_object).into_iter().flatten());
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

#[cfg(test)]
mod tests {
    use ultraai_core::{ChatRequest, ErrorKind};

    use super::*;
    use crate::decode;

    #[test]
    fn an_answer_is_read_and_written_as_the_same_json() {
        let body = json!({
            "id": "1", "novel": 7, "finish_reason": "STOP_SEQUENCE",
            "message": {
                "role": "assistant", "tool_plan": "look", "novel": 8,
                "citations": [{ "start": 0, "end": 1, "text": "a" }, { "start": 0, "end": 1, "type": "PLAN" }],
                "content": [{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "a", "novel": 9 }, { "type": "x", "y": 1 }],
                "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "null" } }],
            },
            "usage": {
                "billed_units": { "input_tokens": 1, "output_tokens": 2 }, "cached_tokens": 64,
                "tokens": { "input_tokens": 70, "output_tokens": 3, "image_tokens": 9 },
            },
            "logprobs": [{ "token_ids": [5], "text": "a", "logprobs": [-0.5] }],
        });
        let request = ChatRequest::default();
        let answer = decode(&request, body.to_string().as_bytes()).unwrap();
        let to = Answering { request: &request, id: "other", created: 0 };
        let written = encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), body);
    }

    #[test]
    fn an_error_says_what_it_is_by_its_status() {
        let error = encode_error(&Error::new(ErrorKind::RateLimited, "slow down").with_request_id("1"));
        assert_eq!((error.status, error.body.as_slice()), (429, &br#"{"id":"1","message":"slow down"}"#[..]));
    }
}
