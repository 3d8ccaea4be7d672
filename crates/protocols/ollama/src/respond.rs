//! Writes a whole answer and errors, as a server does.

use std::fmt::Display;

use serde_json::{Map, Value, json};
use ultraai_core::{
    Answering, ChatResponse, Error, ErrorAnswer, FinishReason, Losses, ModelName, Part, Result, TokenLogprob,
    ToolCall, Usage,
};
use ultraai_protocol_common::{Joined, Lossy, ObjectWriter, status_of};

use crate::{NAME, message::write_call, time::written};

/// Writes a whole answer.
///
/// # Errors
/// `Unsupported` for what cannot be said and may not be lost; it names the place.
pub fn encode_response(to: &Answering<'_>, answer: &ChatResponse, losses: &mut Losses) -> Result<Vec<u8>> {
    let lossy = &mut Lossy::new(NAME, losses);
    lossy.field("alternatives", !answer.alternatives.is_empty())?;
    let (mut texts, mut thoughts, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for (at, part) in answer.content.iter().enumerate() {
        let place = format_args!("content[{at}]");
        let fields = lossy.notes(place, part.notes(), false)?;
        match part {
            Part::Text { text, .. } | Part::Refusal { text, .. } => texts.push(text.as_str()),
            Part::Reasoning(reasoning) => thoughts.push(reasoning.text.as_str()),
            Part::ToolCall(call) => calls.push((call, fields)),
            part => lossy.part(place, part)?,
        }
    }
    let none = Map::new();
    let raw = answer.raw_of(NAME).unwrap_or(&none);
    let mut body = Vec::with_capacity(256 + texts.iter().map(|text| text.len()).sum::<usize>());
    let mut object = ObjectWriter::new(&mut body);
    object.optional("model", answer.model.as_deref().or(to.request.model.as_ref().map(ModelName::as_str)));
    if !raw.contains_key("created_at") {
        object.field("created_at", &written(to.created));
    }
    {
        let mut message = object.object("message");
        message.field("role", "assistant");
        message.field("content", &Joined(texts.iter().copied()));
        if !thoughts.is_empty() {
            message.field("thinking", &Joined(thoughts.iter().copied()));
        }
        write_calls(&mut message, &calls)?;
        message.entries(raw.get("message").and_then(Value::as_object).into_iter().flatten());
    }
    let end = End {
        finish_reason: &answer.finish_reason,
        calls: !calls.is_empty(),
        usage: answer.usage.as_ref(),
        logprobs: &answer.logprobs,
        stop_sequence: answer.stop_sequence.as_deref(),
        service_tier: answer.service_tier.as_deref(),
        raw,
    };
    end.write(&mut object, lossy)?;
    drop(object);
    Ok(body)
}

/// Writes the calls of a message, if there are any.
pub(crate) fn write_calls(
    message: &mut ObjectWriter<'_>,
    calls: &[(&ToolCall, Option<&Map<String, Value>>)],
) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut list = message.list("tool_calls");
    calls.iter().try_for_each(|(call, fields)| write_call(&mut list.object(), call, *fields))
}

/// What stands at the end of an answer: in a whole one, and in the last line of a stream.
pub(crate) struct End<'a> {
    pub(crate) finish_reason: &'a FinishReason,
    /// Whether it asks for tools.
    pub(crate) calls: bool,
    pub(crate) usage: Option<&'a Usage>,
    pub(crate) logprobs: &'a [TokenLogprob],
    pub(crate) stop_sequence: Option<&'a str>,
    pub(crate) service_tier: Option<&'a str>,
    pub(crate) raw: &'a Map<String, Value>,
}

impl End<'_> {
    pub(crate) fn write(&self, object: &mut ObjectWriter<'_>, lossy: &mut Lossy<'_>) -> Result<()> {
        lossy.field("stop_sequence", self.stop_sequence.is_some())?;
        lossy.field("service_tier", self.service_tier.is_some())?;
        object.field("done", &true);
        object.optional("done_reason", self.word());
        if let Some(usage) = self.usage {
            lossy.field("usage.cache_write", usage.cache_write.is_some())?;
            lossy.field("usage.reasoning", usage.reasoning.is_some())?;
            object.field("prompt_eval_count", &usage.input_tokens);
            object.optional("prompt_eval_cached_count", usage.cache_read);
            object.field("eval_count", &usage.output_tokens);
        }
        if !self.logprobs.is_empty() {
            object.field("logprobs", self.logprobs);
        }
        let counted = |key: &str| {
            self.usage.is_some()
                && matches!(key, "prompt_eval_count" | "prompt_eval_cached_count" | "eval_count")
        };
        let known = |key: &str| {
            matches!(key, "model" | "message" | "done" | "done_reason" | "logprobs" | "error") || counted(key)
        };
        object.entries(self.raw.iter().filter(|(key, _)| !known(key)));
        Ok(())
    }

    fn word(&self) -> Option<&str> {
        match self.finish_reason {
            FinishReason::ToolCalls if self.calls => Some("stop"),
            FinishReason::Other(word) if word == "unknown" => None,
            reason => Some(reason.as_str()),
        }
    }
}

/// Writes an error as the answer to a request.
pub fn encode_error(error: &Error) -> ErrorAnswer {
    ErrorAnswer { status: status_of(error), body: error_line(error.message()) }
}

/// An error as an answer, or as a line of a stream.
pub(crate) fn error_line(message: impl Display) -> Vec<u8> {
    json!({ "error": message.to_string() }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use ultraai_core::{ChatRequest, ErrorKind};

    use super::*;
    use crate::decode;

    #[test]
    fn an_answer_is_read_and_written_as_the_same_json() {
        let body = json!({
            "model": "m", "created_at": "2026-01-01T00:00:00Z", "done": true, "done_reason": "stop", "novel": 7,
            "message": {
                "role": "assistant", "content": "a", "thinking": "hm", "novel": 8,
                "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": { "b": 1.0, "a": [] }, "novel": 9 } }],
            },
            "total_duration": 5, "load_duration": 1, "prompt_eval_count": 7, "prompt_eval_cached_count": 2, "eval_count": 3,
            "logprobs": [{ "token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{ "token": "b", "logprob": -1.5 }] }],
        });
        let answer = decode(body.to_string().as_bytes()).unwrap();
        let to = Answering { request: &ChatRequest::default(), id: "other", created: 0 };
        let written = encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), body);
    }

    #[test]
    fn an_error_says_what_it_is_by_its_status() {
        let error = encode_error(&Error::new(ErrorKind::ModelNotFound, "model 'm' not found"));
        assert_eq!((error.status, error.body.as_slice()), (404, &br#"{"error":"model 'm' not found"}"#[..]));
    }
}
