//! Errors as bodies, both ways.

use serde::Deserialize;
use ultraai_core::{Error, ErrorAnswer, ErrorKind};
use ultraai_protocol_common::{Names, Text, in_words, parse, status_of};

use crate::json::Json;

/// Reads the body that came with a status that says failure.
pub(crate) fn decode(status: u16, body: &[u8]) -> Error {
    let error = ultraai_protocol_common::decode_error(status, body);
    match parse::<Failure<'_>>(body, "the error").ok().and_then(|failure| failure.request_id.filled()) {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// What a failure says beside its error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Failure<'a> {
    request_id: Text<'a>,
}

/// The fields that have another name here.
const NAMES: &Names = &[
    ("reasoning", "thinking"),
    ("reasoning.enabled", "thinking"),
    ("reasoning.max_tokens", "thinking.budget_tokens"),
    ("reasoning.effort", "output_config.effort"),
    ("response_format", "output_config.format"),
    ("parallel_tool_calls", "tool_choice.disable_parallel_tool_use"),
    ("user", "metadata.user_id"),
];

/// Writes an error with the status at which the vendor's SDKs raise the class that fits.
pub(crate) fn encode(error: &Error) -> ErrorAnswer {
    ErrorAnswer { status: class(error).0, body: body(error) }
}

/// The body of an error, which is also what the event `error` holds.
pub(crate) fn body(error: &Error) -> Vec<u8> {
    let mut json = Json::default();
    json.begin(b'{');
    json.entry("type", "error");
    json.key("error");
    json.begin(b'{');
    json.entry("type", class(error).1);
    json.entry("message", &*in_words(error, NAMES).0);
    json.end(b'}');
    if let Some(id) = error.request_id() {
        json.entry("request_id", id);
    }
    json.end(b'}');
    json.into_bytes()
}

/// The status and the type of an error: <https://platform.claude.com/docs/en/api/errors>.
fn class(error: &Error) -> (u16, &'static str) {
    use ErrorKind as K;
    match error.kind() {
        K::InvalidRequest if error.status() == Some(413) => (413, "request_too_large"),
        K::RateLimited => (429, "rate_limit_error"),
        K::Overloaded | K::QueueFull | K::CircuitOpen => (529, "overloaded_error"),
        K::Timeout => (504, "timeout_error"),
        K::Authentication => (401, "authentication_error"),
        K::PermissionDenied => (403, "permission_error"),
        K::ModelNotFound => (404, "not_found_error"),
        K::ContextTooLong => (413, "request_too_large"),
        K::QuotaExhausted | K::BudgetExceeded => (402, "billing_error"),
        K::ContentFiltered | K::Unsupported | K::Rejected | K::InvalidRequest => {
            (400, "invalid_request_error")
        }
        // What failed behind this server, or was given up.
        _ => (status_of(error), "api_error"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_told_by_its_type_and_names_its_request() {
        let rejected = "invalid_request_error";
        for (status, kind, message, expected) in [
            (400, rejected, "messages: must not be empty", ErrorKind::Rejected),
            (400, rejected, "prompt is too long: 9 tokens > 8 maximum", ErrorKind::ContextTooLong),
            (
                400,
                rejected,
                "input length and `max_tokens` exceed context limit: 9 + 1 > 8",
                ErrorKind::ContextTooLong,
            ),
            (
                400,
                rejected,
                "Your credit balance is too low to access the Anthropic API.",
                ErrorKind::QuotaExhausted,
            ),
            (400, rejected, "You have reached your specified API usage limits.", ErrorKind::QuotaExhausted),
            (400, rejected, "Output blocked by content filtering policy", ErrorKind::ContentFiltered),
            (401, "authentication_error", "invalid x-api-key", ErrorKind::Authentication),
            (402, "billing_error", "m", ErrorKind::QuotaExhausted),
            (403, "permission_error", "m", ErrorKind::PermissionDenied),
            (404, "not_found_error", "model: m", ErrorKind::ModelNotFound),
            (409, "conflict_error", "m", ErrorKind::ServerError),
            (413, "request_too_large", "m", ErrorKind::ContextTooLong),
            (429, "rate_limit_error", "m", ErrorKind::RateLimited),
            (500, "api_error", "m", ErrorKind::ServerError),
            (504, "timeout_error", "m", ErrorKind::ServerError),
            (529, "overloaded_error", "m", ErrorKind::Overloaded),
        ] {
            let body = json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_1" });
            let error = decode(status, body.to_string().as_bytes());
            assert_eq!((error.kind(), error.message()), (expected, message), "{status} {kind}");
            assert_eq!(error.request_id(), Some("req_1"));
        }
        assert_eq!(decode(502, b"<html>").kind(), ErrorKind::ServerError);
    }

    #[test]
    fn a_body_that_is_too_large_has_a_type_of_its_own() {
        let ErrorAnswer { status, body } =
            encode(&Error::new(ErrorKind::InvalidRequest, "m").with_status(413));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["error"]["type"]), (413, &json!("request_too_large")));
    }

    #[test]
    fn a_refusal_names_the_callers_own_field() {
        let error = Error::new(ErrorKind::Unsupported, "`reasoning.enabled` cannot be sent: no such field");
        let body: serde_json::Value = serde_json::from_slice(&body(&error)).unwrap();
        assert_eq!(body["error"]["message"], "`thinking` cannot be sent: no such field");
    }

    #[test]
    fn an_error_is_read_as_the_kind_that_was_written() {
        use ErrorKind as K;
        for kind in [
            K::RateLimited,
            K::Overloaded,
            K::ServerError,
            K::Authentication,
            K::PermissionDenied,
            K::ModelNotFound,
            K::ContextTooLong,
            K::QuotaExhausted,
            K::Rejected,
        ] {
            let error = Error::new(kind, "say \"why\"").with_request_id("req_1");
            let ErrorAnswer { status, body } = encode(&error);
            let read = decode(status, &body);
            assert_eq!(
                (read.kind(), read.message(), read.request_id()),
                (kind, "say \"why\"", Some("req_1"))
            );
        }
    }
}
