//! What an Ollama server says in its native protocol: bodies, streams of lines, errors.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// Ollama's native chat protocol, as `POST /api/chat`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ollama;

/// The body of a whole answer, and the last line of a live one.
pub fn answer_body(model: &str, message: &Value, done_reason: &str) -> Value {
    json!({
        "model": model, "created_at": "2026-01-01T00:00:00.000000Z", "message": message, "done": true,
        "done_reason": done_reason, "total_duration": 5_000_000, "load_duration": 1_000_000,
        "prompt_eval_count": 7, "prompt_eval_duration": 1_000_000, "eval_count": 3, "eval_duration": 3_000_000,
    })
}

fn line(model: &str, text: &str) -> String {
    let message = message(text);
    json!({ "model": model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false })
        .to_string()
}

fn message(text: &str) -> Value {
    json!({ "role": "assistant", "content": text })
}

impl Ollama {
    fn ended(model: &str, texts: &[&str], done_reason: &str) -> Reply {
        let texts = texts.iter().map(|text| line(model, text));
        Reply::lines(texts.chain([answer_body(model, &message(""), done_reason).to_string()]))
    }
}

impl Dialogue for Ollama {
    fn base_path(&self) -> &'static str {
        ""
    }

    fn chat_path(&self, _: &str) -> String {
        "/api/chat".to_owned()
    }

    fn wants_live(&self, request: &Received) -> bool {
        // A real server streams unless it is told not to.
        request.json()["stream"] != false
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &message(text), "stop"))
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "stop")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        texts
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        let error = json!({ "error": "server busy, please try again. maximum pending requests exceeded" });
        Reply::lines([line(model, text), error.to_string()])
    }

    fn live_garbage(&self) -> Reply {
        Reply::lines(["{\"message\":{\"con", "{}"])
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        Reply::json(status, &json!({ "error": message }))
    }

    fn quota_exhausted(&self) -> Reply {
        self.error(429, "you have reached your weekly usage limit, please wait or upgrade to continue")
    }

    fn context_too_long(&self) -> Reply {
        self.error(400, "the input length exceeds the context length")
    }

    fn nothing(&self, model: &str) -> Reply {
        Reply::json(200, &json!({ "model": model, "done": true, "done_reason": "load" }))
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &answer_body(model, &message(text), "length"))
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "length")
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        let message = json!({ "role": "assistant", "content": null });
        Some(Reply::json(200, &answer_body(model, &message, "stop")))
    }

    fn ping(&self) -> Option<Bytes> {
        // Lines have no comments; an empty one says nothing.
        Some(Bytes::from_static(b"\n"))
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
        let call =
            json!({ "id": "call_1", "function": { "index": 0, "name": name, "arguments": arguments } });
        let message = json!({ "role": "assistant", "content": "", "tool_calls": [call] });
        Reply::json(200, &answer_body(model, &message, "stop"))
    }
}
