//! Writes errors as OpenAI does.

use ultraai_core::{Error, ErrorAnswer, ErrorKind};
use ultraai_protocol_common::{Names, ObjectWriter, in_words, status_of};

/// The fields that have another name here.
const NAMES: &Names = &[
    ("stop_sequences", "stop"),
    ("reasoning", "reasoning_effort"),
    ("reasoning.effort", "reasoning_effort"),
];

/// An error as the answer to a request, with the status for which OpenAI's SDKs raise their own class.
pub(crate) fn encode_error(error: &Error) -> ErrorAnswer {
    let status = match error.kind() {
        ErrorKind::ContextTooLong => 400,
        ErrorKind::QuotaExhausted | ErrorKind::BudgetExceeded => 429,
        _ => status_of(error),
    };
    ErrorAnswer { status, body: body(error) }
}

/// `{"error": {…}}`, which also ends a stream.
pub(crate) fn body(error: &Error) -> Vec<u8> {
    use ErrorKind as K;
    let (kind, code) = match error.kind() {
        K::RateLimited => ("requests", Some("rate_limit_exceeded")),
        K::QuotaExhausted | K::BudgetExceeded => ("insufficient_quota", Some("insufficient_quota")),
        K::Authentication => ("invalid_request_error", Some("invalid_api_key")),
        K::PermissionDenied => ("permission_error", None),
        K::ModelNotFound => ("invalid_request_error", Some("model_not_found")),
        K::ContextTooLong => ("invalid_request_error", Some("context_length_exceeded")),
        K::ContentFiltered => ("invalid_request_error", Some("content_filter")),
        K::Unsupported | K::Rejected | K::InvalidRequest => ("invalid_request_error", None),
        K::Overloaded | K::CircuitOpen | K::QueueFull => ("server_error", Some("overloaded")),
        _ => ("server_error", None),
    };
    let mut out = Vec::new();
    let mut top = ObjectWriter::new(&mut out);
    let mut inner = top.object("error");
    let (message, field) = in_words(error, NAMES);
    inner.field("message", &*message);
    inner.field("type", kind);
    inner.field("param", &field);
    inner.field("code", &code);
    drop(inner);
    drop(top);
    out
}

#[cfg(test)]
mod tests {
    use ultraai_protocol_common::decode_error;

    use super::*;

    #[test]
    fn a_refusal_names_the_callers_own_field() {
        let error = Error::new(ErrorKind::Unsupported, "`stop_sequences` cannot be sent: no such field");
        let body: serde_json::Value = serde_json::from_slice(&body(&error)).unwrap();
        let error = &body["error"];
        assert_eq!(error["message"], "`stop` cannot be sent: no such field");
        assert_eq!((&error["param"], &error["code"]), (&"stop".into(), &serde_json::Value::Null));
    }

    #[test]
    fn an_error_is_read_as_the_kind_that_it_was_written_for() {
        for kind in [
            ErrorKind::RateLimited,
            ErrorKind::Overloaded,
            ErrorKind::ServerError,
            ErrorKind::Authentication,
            ErrorKind::PermissionDenied,
            ErrorKind::ModelNotFound,
            ErrorKind::ContextTooLong,
            ErrorKind::ContentFiltered,
            ErrorKind::QuotaExhausted,
            ErrorKind::Rejected,
        ] {
            let answer = encode_error(&Error::new(kind, "m"));
            let read = decode_error(answer.status, &answer.body);
            assert_eq!((read.kind(), read.message()), (kind, "m"));
        }
    }
}
