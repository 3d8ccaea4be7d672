//! What a server of Anthropic's messages protocol says: bodies, streams, errors.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// The model that the functions here answer as.
pub const MODEL: &str = "test-model";

/// A whole answer of this text.
pub fn answer(text: &str) -> Reply {
    AnthropicMessages.answer(MODEL, text)
}

/// A live answer of these texts.
pub fn stream<'a>(texts: impl IntoIterator<Item = &'a str>) -> Reply {
    let texts: Vec<_> = texts.into_iter().collect();
    AnthropicMessages.live(MODEL, &texts)
}

/// An error of this status.
pub fn error(status: u16, message: &str) -> Reply {
    AnthropicMessages.error(status, message)
}

/// The body of a whole answer of these blocks.
pub fn answer_body(model: &str, content: &Value, stop_reason: &str) -> Value {
    json!({
        "id": "msg_test", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": { "input_tokens": 7, "output_tokens": 3 },
    })
}

/// The body of an error.
pub fn error_body(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_test" })
}

/// Anthropic's messages protocol, as `POST /v1/messages`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnthropicMessages;

impl AnthropicMessages {
    fn beginning(model: &str, texts: &[&str]) -> Vec<Value> {
        let mut message = answer_body(model, &json!([]), "");
        message["stop_reason"] = Value::Null;
        message["usage"]["output_tokens"] = json!(1);
        let block = json!({ "type": "text", "text": "" });
        let mut events = vec![
            json!({ "type": "message_start", "message": message }),
            json!({ "type": "content_block_start", "index": 0, "content_block": block }),
            json!({ "type": "ping" }),
        ];
        events.extend(texts.iter().map(|text| {
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } })
        }));
        events
    }

    fn ended(model: &str, texts: &[&str], stop_reason: &str) -> Reply {
        let mut events = Self::beginning(model, texts);
        let delta = json!({ "stop_reason": stop_reason, "stop_sequence": null });
        events.extend([
            json!({ "type": "content_block_stop", "index": 0 }),
            json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 3 } }),
            json!({ "type": "message_stop" }),
        ]);
        Self::reply(&events)
    }

    fn reply(events: &[Value]) -> Reply {
        let frames = events.iter().map(|event| {
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n")
        });
        Reply::chunked("text/event-stream", frames)
    }
}

impl Dialogue for AnthropicMessages {
    fn base_path(&self) -> &'static str {
        ""
    }

    fn chat_path(&self, _: &str) -> String {
        "/v1/messages".to_owned()
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.json()["stream"] == true
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &json!([{ "type": "text", "text": text }]), "end_turn"))
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "end_turn")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        3 + texts
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        let mut events = Self::beginning(model, &[text]);
        events.push(error_body("overloaded_error", "Overloaded"));
        Self::reply(&events)
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        let kind = match status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | 529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        Reply::json(status, &error_body(kind, message))
    }

    fn quota_exhausted(&self) -> Reply {
        let message = "Your credit balance is too low to access the Anthropic API.";
        Reply::json(400, &error_body("invalid_request_error", message))
    }

    fn context_too_long(&self) -> Reply {
        let message = "prompt is too long: 208310 tokens > 200000 maximum";
        Reply::json(400, &error_body("invalid_request_error", message))
    }

    fn nothing(&self, model: &str) -> Reply {
        Reply::json(200, &answer_body(model, &json!([]), "end_turn"))
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &json!([{ "type": "text", "text": text }]), "max_tokens"))
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "max_tokens")
    }

    fn content_filtered(&self, _: &str) -> Option<Reply> {
        let message = "Output blocked by content filtering policy";
        Some(Reply::json(400, &error_body("invalid_request_error", message)))
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        Some(Reply::json(200, &answer_body(model, &Value::Null, "end_turn")))
    }

    fn live_without_reason(&self, model: &str, texts: &[&str]) -> Option<Reply> {
        let mut events = Self::beginning(model, texts);
        events
            .extend([json!({ "type": "content_block_stop", "index": 0 }), json!({ "type": "message_stop" })]);
        Some(Self::reply(&events))
    }

    fn ping(&self) -> Option<Bytes> {
        Some(Bytes::from_static(b"event: ping\ndata: {\"type\": \"ping\"}\n\n"))
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        let input: Value = serde_json::from_str(arguments).unwrap_or_default();
        let block = json!({ "type": "tool_use", "id": "toolu_1", "name": name, "input": input });
        Reply::json(200, &answer_body(model, &json!([block]), "tool_use"))
    }
}
