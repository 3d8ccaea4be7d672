//! What a server of OpenAI's chat protocol says: bodies, streams, errors.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// The model that the functions here answer as.
pub const MODEL: &str = "test-model";

/// A whole answer of this text.
pub fn answer(text: &str) -> Reply {
    OpenAiChat.answer(MODEL, text)
}

/// A live answer of these texts.
pub fn stream<'a>(texts: impl IntoIterator<Item = &'a str>) -> Reply {
    let texts: Vec<_> = texts.into_iter().collect();
    OpenAiChat.live(MODEL, &texts)
}

/// An error of this status.
pub fn error(status: u16, message: &str) -> Reply {
    OpenAiChat.error(status, message)
}

/// The body of a whole answer.
pub fn answer_body(model: &str, message: &Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-test", "object": "chat.completion", "created": 1_700_000_000, "model": model,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason, "logprobs": null }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 },
    })
}

/// The data of one chunk of a live answer.
pub fn chunk(model: &str, delta: &Value, finish_reason: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish_reason });
    chunk_of(model, &json!([choice]), &Value::Null)
}

fn chunk_of(model: &str, choices: &Value, usage: &Value) -> String {
    json!({
        "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model,
        "choices": choices, "usage": usage,
    })
    .to_string()
}

/// The body of an error.
pub fn error_body(message: &str, kind: &str, code: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// OpenAI's chat protocol, as `POST /v1/chat/completions`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiChat;

impl OpenAiChat {
    fn beginning(model: &str, texts: &[&str]) -> Vec<String> {
        let mut data = vec![chunk(model, &json!({ "role": "assistant", "content": "" }), None)];
        data.extend(texts.iter().map(|text| chunk(model, &json!({ "content": text }), None)));
        data
    }

    fn ended(model: &str, texts: &[&str], finish_reason: &str) -> Reply {
        let mut data = Self::beginning(model, texts);
        data.push(chunk(model, &json!({}), Some(finish_reason)));
        let usage = json!({ "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 });
        data.push(chunk_of(model, &json!([]), &usage));
        data.push("[DONE]".to_owned());
        Reply::sse(data)
    }
}

impl Dialogue for OpenAiChat {
    fn base_path(&self) -> &'static str {
        "/v1"
    }

    fn chat_path(&self, _: &str) -> String {
        "/v1/chat/completions".to_owned()
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.json()["stream"] == true
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        let message = json!({ "role": "assistant", "content": text, "refusal": null });
        Reply::json(200, &answer_body(model, &message, "stop"))
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "stop")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        1 + texts
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        let mut data = Self::beginning(model, &[text]);
        data.push(error_body("The server is overloaded", "server_error", None).to_string());
        Reply::sse(data)
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        let (kind, code) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            404 => ("invalid_request_error", Some("model_not_found")),
            429 => ("requests", Some("rate_limit_exceeded")),
            500.. => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        Reply::json(status, &error_body(message, kind, code))
    }

    fn quota_exhausted(&self) -> Reply {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Reply::json(429, &error_body(message, "insufficient_quota", Some("insufficient_quota")))
    }

    fn context_too_long(&self) -> Reply {
        let message = "This model's maximum context length is 8192 tokens.";
        Reply::json(400, &error_body(message, "invalid_request_error", Some("context_length_exceeded")))
    }

    fn nothing(&self, model: &str) -> Reply {
        let mut body = answer_body(model, &Value::Null, "stop");
        body["choices"] = json!([]);
        Reply::json(200, &body)
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &json!({ "role": "assistant", "content": text }), "length"))
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "length")
    }

    fn content_filtered(&self, _: &str) -> Option<Reply> {
        let message = "The response was filtered due to the prompt triggering the content management policy.";
        Some(Reply::json(400, &error_body(message, "invalid_request_error", Some("content_filter"))))
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        let message = json!({ "role": "assistant", "content": null, "refusal": null });
        Some(Reply::json(200, &answer_body(model, &message, "stop")))
    }

    fn live_without_reason(&self, model: &str, texts: &[&str]) -> Option<Reply> {
        let mut data = Self::beginning(model, texts);
        data.push("[DONE]".to_owned());
        Some(Reply::sse(data))
    }

    fn ping(&self) -> Option<Bytes> {
        // As OpenRouter says it.
        Some(Bytes::from_static(b": OPENROUTER PROCESSING\n\n"))
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        let call = json!({ "id": "call_1", "type": "function", "function": { "name": name, "arguments": arguments } });
        let message = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
        Reply::json(200, &answer_body(model, &message, "tool_calls"))
    }
}
