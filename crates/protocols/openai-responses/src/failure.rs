//! What stands around every answer, and errors as answers.

use serde_json::{Map, Value, json};
use ultraai_core::{Answering, ChatRequest, Error, ErrorAnswer, ErrorKind, Losses, Part, ResponseFormat};
use ultraai_protocol_common::{Names, in_words};

use crate::{
    input::is_instructions,
    tool::{self, Tools},
};

/// The object `response` as it stands before anything is said. SDKs want what the request said in it, and the protocol's defaults
/// where it said nothing.
pub(crate) fn frame_of_answer(to: &Answering<'_>) -> Map<String, Value> {
    let request = to.request;
    let mut losses = Losses::noted();
    let tools = tool::tools(request, &mut losses).unwrap_or_default();
    let tools = serde_json::to_value(Tools(tools, false)).unwrap_or_default();
    let choice =
        request.tool_choice.as_ref().and_then(|choice| tool::choice(choice, &mut losses).ok().flatten());
    let format = match &request.response_format {
        Some(ResponseFormat::JsonObject) => json!({ "type": "json_object" }),
        Some(ResponseFormat::JsonSchema { name, schema, strict, .. }) => {
            json!({ "type": "json_schema", "name": name, "schema": schema, "strict": strict.unwrap_or(false) })
        }
        _ => json!({ "type": "text" }),
    };
    let reasoning = request.reasoning.as_ref();
    let of_request = |key: &str, usual: Value| request.extra.get(key).cloned().unwrap_or(usual);
    let response = json!({
        "id": format!("resp_{}", to.id),
        "object": "response",
        "created_at": to.created,
        "status": "in_progress",
        "background": false,
        "completed_at": null,
        "error": null,
        "frequency_penalty": request.frequency_penalty.unwrap_or(0.0),
        "incomplete_details": null,
        "instructions": instructions(request),
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": of_request("max_tool_calls", Value::Null),
        "metadata": request.metadata,
        "model": request.model.as_ref().map(ultraai_core::ModelName::as_str).unwrap_or_default(),
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls.unwrap_or(true),
        "presence_penalty": request.presence_penalty.unwrap_or(0.0),
        "previous_response_id": of_request("previous_response_id", Value::Null),
        "prompt_cache_key": of_request("prompt_cache_key", Value::Null),
        "reasoning": {
            "effort": reasoning.and_then(|reasoning| reasoning.effort.as_deref()),
            "summary": reasoning.and_then(|reasoning| reasoning.summary.as_deref()),
        },
        "safety_identifier": of_request("safety_identifier", Value::Null),
        "store": of_request("store", json!(false)),
        "temperature": request.temperature.unwrap_or(1.0),
        "text": { "format": format },
        "tool_choice": choice.unwrap_or_else(|| "auto".into()),
        "tools": tools,
        "top_logprobs": request.top_logprobs.unwrap_or(0),
        "top_p": request.top_p.unwrap_or(1.0),
        "truncation": of_request("truncation", json!("disabled")),
        "usage": null,
        "user": request.user,
    });
    match response {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What the request says before its conversation.
fn instructions(request: &ChatRequest) -> Option<&str> {
    let first = request.messages.first().filter(|first| !first.inline && is_instructions(first))?;
    first.content.first().and_then(Part::as_text)
}

/// The fields that have another name here. Where messages stand is told by the vocabulary's list, which is none of `input`.
const NAMES: &Names =
    &[("max_tokens", "max_output_tokens"), ("response_format", "text.format"), ("logprobs", "include")];

/// An error in the vendor's words.
pub(crate) fn fault(error: &Error) -> Value {
    let (_, kind, code) = row(error.kind());
    let (message, field) = in_words(error, NAMES);
    let field = field.filter(|field| !field.starts_with("messages"));
    json!({ "type": kind, "code": code, "message": message, "param": field })
}

/// An error as what an answer ended with. The codes are those of `ResponseErrorCode`, which SDKs read as an enumeration, and not
/// those of errors that are answers themselves.
pub(crate) fn fault_of_answer(error: &Error) -> Value {
    use ErrorKind as K;
    let code = match error.kind() {
        K::InvalidRequest | K::Rejected | K::Unsupported | K::ContextTooLong | K::ContentFiltered => {
            "invalid_prompt"
        }
        K::RateLimited | K::QuotaExhausted | K::BudgetExceeded => "rate_limit_exceeded",
        _ => "server_error",
    };
    json!({ "code": code, "message": in_words(error, NAMES).0 })
}

/// An error as the answer to a request.
pub(crate) fn answer(error: &Error) -> ErrorAnswer {
    let (status, ..) = row(error.kind());
    ErrorAnswer { status, body: json!({ "error": fault(error) }).to_string().into_bytes() }
}

/// Status, type and code of an error: <https://developers.openai.com/api/docs/guides/error-codes>.
fn row(kind: ErrorKind) -> (u16, &'static str, Option<&'static str>) {
    use ErrorKind as K;
    match kind {
        K::InvalidRequest | K::Rejected | K::Unsupported => (400, "invalid_request_error", None),
        K::ContextTooLong => (400, "invalid_request_error", Some("context_length_exceeded")),
        K::ContentFiltered => (400, "invalid_request_error", Some("content_filter")),
        K::Authentication => (401, "invalid_request_error", Some("invalid_api_key")),
        K::PermissionDenied => (403, "permission_error", Some("permission_denied")),
        K::ModelNotFound => (404, "invalid_request_error", Some("model_not_found")),
        K::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        K::QuotaExhausted | K::BudgetExceeded => (429, "insufficient_quota", Some("insufficient_quota")),
        K::Overloaded | K::CircuitOpen | K::QueueFull => (503, "server_error", Some("server_is_overloaded")),
        K::Timeout => (504, "server_error", Some("timeout")),
        K::Connect | K::Interrupted | K::Undecodable | K::EmptyAnswer | K::NoGoodAnswer | K::Exhausted => {
            (502, "server_error", Some("server_error"))
        }
        _ => (500, "server_error", Some("server_error")),
    }
}
