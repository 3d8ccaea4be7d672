//! What Cohere says in its chat protocol, version 2: bodies, streams, errors.

use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// Cohere's chat protocol, as `POST /v2/chat`. Its answers do not tell the model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cohere;

/// The body of a whole answer.
pub fn answer_body(message: &Value, finish_reason: &str) -> Value {
    json!({ "id": "answer-test", "message": message, "finish_reason": finish_reason, "usage": usage() })
}

fn usage() -> Value {
    json!({
        "billed_units": { "input_tokens": 2, "output_tokens": 3 },
        "tokens": { "input_tokens": 7, "output_tokens": 3 },
    })
}

fn message(text: &str) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }] })
}

fn beginning(texts: &[&str]) -> Vec<String> {
    let message =
        json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
    let event = |kind: &str, content: Value| json!({ "type": kind, "index": 0, "delta": { "message": { "content": content } } });
    let start = json!({ "id": "answer-test", "type": "message-start", "delta": { "message": message } });
    let mut events = vec![start, event("content-start", json!({ "type": "text", "text": "" }))];
    events.extend(texts.iter().map(|text| event("content-delta", json!({ "text": text }))));
    events.iter().map(Value::to_string).collect()
}

impl Cohere {
    fn ended(texts: &[&str], finish_reason: &str) -> Reply {
        let mut data = beginning(texts);
        data.push(json!({ "type": "content-end", "index": 0 }).to_string());
        let delta = json!({ "finish_reason": finish_reason, "usage": usage() });
        data.push(json!({ "type": "message-end", "delta": delta }).to_string());
        data.push("[DONE]".to_owned());
        Reply::sse(data)
    }
}

impl Dialogue for Cohere {
    fn base_path(&self) -> &'static str {
        ""
    }

    fn chat_path(&self, _: &str) -> String {
        "/v2/chat".to_owned()
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.json()["stream"] == true
    }

    fn answer(&self, _: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(&message(text), "COMPLETE"))
    }

    fn live(&self, _: &str, texts: &[&str]) -> Reply {
        Self::ended(texts, "COMPLETE")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        // The message begins, and its text does.
        texts + 2
    }

    fn live_error(&self, _: &str, text: &str) -> Reply {
        let mut data = beginning(&[text]);
        let delta = json!({ "finish_reason": "ERROR", "error": "the model is overloaded" });
        data.push(json!({ "type": "message-end", "delta": delta }).to_string());
        Reply::sse(data)
    }

    fn live_garbage(&self) -> Reply {
        Reply::sse(["{\"type\":\"content-del", "{}"])
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        Reply::json(status, &json!({ "id": "error-test", "message": message }))
    }

    fn quota_exhausted(&self) -> Reply {
        self.error(429, "You are using a Trial key, which is limited to 1000 API calls / month.")
    }

    fn context_too_long(&self) -> Reply {
        self.error(
            400,
            "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.",
        )
    }

    fn nothing(&self, _: &str) -> Reply {
        Reply::json(200, &answer_body(&json!({ "role": "assistant" }), "COMPLETE"))
    }

    fn cut_short(&self, _: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(&message(text), "MAX_TOKENS"))
    }

    fn live_cut_short(&self, _: &str, texts: &[&str]) -> Reply {
        Self::ended(texts, "MAX_TOKENS")
    }

    fn content_filtered(&self, _: &str) -> Option<Reply> {
        Some(self.error(498, "blocked input: please contact support for more information"))
    }

    fn live_without_reason(&self, _: &str, texts: &[&str]) -> Option<Reply> {
        let mut data = beginning(texts);
        data.push("[DONE]".to_owned());
        Some(Reply::sse(data))
    }

    fn null_content(&self, _: &str) -> Option<Reply> {
        let message = json!({ "role": "assistant", "content": null });
        Some(Reply::json(200, &answer_body(&message, "COMPLETE")))
    }

    fn tool_call(&self, _: &str, name: &str, arguments: &str) -> Reply {
        let call = json!({ "id": "call_1", "type": "function", "function": { "name": name, "arguments": arguments } });
        let message = json!({ "role": "assistant", "tool_plan": "I will look it up.", "tool_calls": [call] });
        Reply::json(200, &answer_body(&message, "TOOL_CALL"))
    }
}
