//! What a server of Google's generateContent protocol says: bodies, streams, errors.

use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// The parts of a whole answer or of a chunk; `usage` are the tokens that came out so far.
pub fn body(model: &str, parts: &Value, finish_reason: Option<&str>, usage: u64) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = reason.into();
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": 7, "candidatesTokenCount": usage, "totalTokenCount": 7 + usage,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 7 }],
        },
        "modelVersion": model, "responseId": "response-test",
    })
}

/// The body of an error.
pub fn error_body(status: u16, word: &str, message: &str, details: &Value) -> Value {
    json!({ "error": { "code": status, "message": message, "status": word, "details": details } })
}

/// Google's protocol of its Gemini API, as `POST /v1beta/models/{model}:generateContent`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gemini;

impl Gemini {
    fn beginning(model: &str, texts: &[&str]) -> Vec<String> {
        let chunk = |text: &&str| body(model, &json!([{ "text": text }]), None, 1).to_string();
        texts.iter().map(chunk).collect()
    }

    fn ended(model: &str, texts: &[&str], finish_reason: &str) -> Reply {
        let mut data = Self::beginning(model, texts);
        data.push(body(model, &json!([{ "text": "" }]), Some(finish_reason), 3).to_string());
        Reply::sse(data)
    }
}

impl Dialogue for Gemini {
    fn base_path(&self) -> &'static str {
        "/v1beta"
    }

    fn chat_path(&self, model: &str) -> String {
        format!("/v1beta/models/{model}:generateContent")
    }

    fn live_path(&self, model: &str) -> String {
        format!("/v1beta/models/{model}:streamGenerateContent")
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.path.ends_with(":streamGenerateContent?alt=sse")
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &body(model, &json!([{ "text": text }]), Some("STOP"), 3))
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "STOP")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        texts
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        let mut data = Self::beginning(model, &[text]);
        data.push(error_body(503, "UNAVAILABLE", "The model is overloaded.", &json!([])).to_string());
        Reply::sse(data)
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        let word = match status {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        Reply::json(status, &error_body(status, word, message, &json!([])))
    }

    fn quota_exhausted(&self) -> Reply {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        let details = json!([{
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }],
        }]);
        Reply::json(429, &error_body(429, "RESOURCE_EXHAUSTED", message, &details))
    }

    fn context_too_long(&self) -> Reply {
        let message =
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).";
        Reply::json(400, &error_body(400, "INVALID_ARGUMENT", message, &json!([])))
    }

    fn nothing(&self, model: &str) -> Reply {
        let mut body = body(model, &json!([]), Some("STOP"), 0);
        body["candidates"] = json!([]);
        Reply::json(200, &body)
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Reply::json(200, &body(model, &json!([{ "text": text }]), Some("MAX_TOKENS"), 3))
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Self::ended(model, texts, "MAX_TOKENS")
    }

    fn content_filtered(&self, model: &str) -> Option<Reply> {
        // Google refuses a prompt with a good status.
        let mut body = body(model, &json!([]), None, 0);
        body["candidates"] = json!([]);
        body["promptFeedback"] = json!({ "blockReason": "PROHIBITED_CONTENT" });
        Some(Reply::json(200, &body))
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        let mut body = body(model, &json!([]), Some("STOP"), 0);
        body["candidates"][0]["content"] = Value::Null;
        Some(Reply::json(200, &body))
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
        let call = json!({ "functionCall": { "id": "call_1", "name": name, "args": arguments } });
        Reply::json(200, &body(model, &json!([call]), Some("STOP"), 3))
    }
}

/// The same protocol on Vertex AI, as
/// `POST /v1/projects/p/locations/l/publishers/google/models/{model}:generateContent`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vertex;

impl Dialogue for Vertex {
    fn base_path(&self) -> &'static str {
        "/v1/projects/p/locations/l"
    }

    fn chat_path(&self, model: &str) -> String {
        format!("{}/publishers/google/models/{model}:generateContent", self.base_path())
    }

    fn live_path(&self, model: &str) -> String {
        format!("{}/publishers/google/models/{model}:streamGenerateContent", self.base_path())
    }

    fn wants_live(&self, request: &Received) -> bool {
        Gemini.wants_live(request)
    }

    fn answer(&self, model: &str, text: &str) -> Reply {
        Gemini.answer(model, text)
    }

    fn live(&self, model: &str, texts: &[&str]) -> Reply {
        Gemini.live(model, texts)
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        Gemini.pieces_before_end(texts)
    }

    fn live_error(&self, model: &str, text: &str) -> Reply {
        Gemini.live_error(model, text)
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        Gemini.error(status, message)
    }

    fn quota_exhausted(&self) -> Reply {
        Gemini.quota_exhausted()
    }

    fn context_too_long(&self) -> Reply {
        Gemini.context_too_long()
    }

    fn nothing(&self, model: &str) -> Reply {
        Gemini.nothing(model)
    }

    fn cut_short(&self, model: &str, text: &str) -> Reply {
        Gemini.cut_short(model, text)
    }

    fn live_cut_short(&self, model: &str, texts: &[&str]) -> Reply {
        Gemini.live_cut_short(model, texts)
    }

    fn content_filtered(&self, model: &str) -> Option<Reply> {
        Gemini.content_filtered(model)
    }

    fn null_content(&self, model: &str) -> Option<Reply> {
        Gemini.null_content(model)
    }

    fn tool_call(&self, model: &str, name: &str, arguments: &str) -> Reply {
        Gemini.tool_call(model, name, arguments)
    }
}
