//! What Ollama says when something went wrong: a text under `error`, and which kind of error that is.

use serde_json::Value;
use ultraai_core::{Error, ErrorKind};
use ultraai_protocol_common as common;

/// Reads the body that came with a status that says failure.
pub fn decode_error(status: u16, body: &[u8]) -> Error {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let error = match value.as_ref().and_then(|body| quoted(body.get("error")?)) {
        Some(inner) => common::decode_error(status, inner.to_string().as_bytes()),
        None => common::decode_error(status, body),
    };
    made_exact(error)
}

/// An error that came in an answer whose status said success: the value of its field `error`.
pub(crate) fn in_band(error: &Value) -> Error {
    made_exact(match quoted(error) {
        Some(inner) => common::in_band(&inner),
        None => common::in_band(error),
    })
}

/// The runner's own body, which the server passes on as text.
fn quoted(error: &Value) -> Option<Value> {
    let text = error.as_str()?.trim_start();
    text.starts_with('{').then(|| serde_json::from_str(text).ok())?
}

/// Its errors have no codes, and words alone tell them apart.
fn made_exact(error: Error) -> Error {
    let message = error.message().to_ascii_lowercase();
    let row = KINDS.iter().find(|(_, from, words)| {
        from.contains(&error.kind()) && words.iter().any(|word| message.contains(word))
    });
    match row {
        Some((kind, ..)) => Error::new(*kind, error.message()),
        None => error,
    }
}

/// Kinds by what stands in the message; the second column is what the status says, or what an error without one is.
const KINDS: &[(ErrorKind, &[ErrorKind], &[&str])] = &[
    (
        ErrorKind::ContextTooLong,
        &[ErrorKind::Rejected, ErrorKind::ServerError],
        &["exceeds the context length", "longer than the context length", "exceeds maximum context length"],
    ),
    // Its cloud's limits last for hours or weeks, so that waiting is no help.
    (ErrorKind::QuotaExhausted, &[ErrorKind::RateLimited, ErrorKind::ServerError], &["usage limit"]),
    (
        ErrorKind::Overloaded,
        &[ErrorKind::ServerError],
        &["server busy", "maximum pending requests", "loading model"],
    ),
];

#[cfg(test)]
mod tests {
    use ErrorKind as K;

    use super::*;

    const QUOTED: &str = r#"{"error":"{\"error\":{\"code\":400,\"message\":\"request (8889 tokens) exceeds the available context size (4096 tokens)\",\"type\":\"exceed_context_size_error\"}}"}"#;

    #[test]
    fn errors_are_told_apart_by_status_and_words() {
        for (status, body, kind) in [
            (404, r#"{"error":"model 'a' not found"}"#, K::ModelNotFound),
            (400, r#"{"error":"\"a\" does not support chat"}"#, K::Rejected),
            (400, r#"{"error":"the input length exceeds the context length"}"#, K::ContextTooLong),
            (
                400,
                r#"{"error":"the prompt is longer than the context length currently available"}"#,
                K::ContextTooLong,
            ),
            (500, r#"{"error":"the input length exceeds the context length"}"#, K::ContextTooLong),
            (400, QUOTED, K::ContextTooLong),
            (401, r#"{"error":"unauthorized"}"#, K::Authentication),
            (403, r#"{"error":"this model requires a subscription"}"#, K::PermissionDenied),
            (429, r#"{"error":"too many requests"}"#, K::RateLimited),
            (429, r#"{"error":"you have reached your weekly usage limit, please wait"}"#, K::QuotaExhausted),
            (500, r#"{"error":"llama runner process has terminated: exit status 2"}"#, K::ServerError),
            (500, r#"{"error":"unexpected server status: llm server loading model"}"#, K::Overloaded),
            (503, r#"{"error":"server busy, please try again. maximum pending requests"}"#, K::Overloaded),
            (502, "<html>", K::ServerError),
        ] {
            let error = decode_error(status, body.as_bytes());
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(!error.message().contains(['{', '<']), "{error}");
        }
        let error = decode_error(400, QUOTED.as_bytes());
        assert!(error.message().starts_with("request (8889 tokens) exceeds"), "{error}");
    }

    #[test]
    fn an_error_in_an_answer_is_told_by_its_words() {
        for (text, kind) in [
            ("an error was encountered while running the model: unexpected EOF", K::ServerError),
            ("server busy, please try again", K::Overloaded),
            ("the input length exceeds the context length", K::ContextTooLong),
            ("you've reached your hourly usage limit", K::QuotaExhausted),
        ] {
            assert_eq!(in_band(&Value::from(text)).kind(), kind, "{text}");
        }
    }
}
