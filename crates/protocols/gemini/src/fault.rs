//! What Google says when something went wrong: its details are more exact than its status.

use std::time::Duration;

use serde_json::{Value, json};
use ultraai_core::{Error, ErrorAnswer, ErrorKind};
use ultraai_protocol_common as common;

use crate::respond::error_body;

/// Reads the body that came with a status that says failure.
///
/// The delay that Google asks for stands in the body, and is the error's own.
pub fn decode_error(status: u16, body: &[u8]) -> Error {
    let error = common::decode_error(status, body);
    match serde_json::from_slice(body) {
        Ok(value) => refined(error, &value),
        Err(_) => error,
    }
}

/// An error that came in an answer whose status said success: the value of its field `error`.
pub(crate) fn in_band(value: &Value) -> Error {
    refined(common::in_band(value), value)
}

fn refined(error: Error, body: &Value) -> Error {
    let body = body.get(0).unwrap_or(body);
    let details = body.get("error").unwrap_or(body).get("details").and_then(Value::as_array);
    let details = Details::read(details.map(Vec::as_slice).unwrap_or_default());
    let kind = details.kind(error.kind(), error.message());
    let error = if kind == error.kind() { error } else { Error::new(kind, error.message()) };
    match details.delay {
        Some(delay) => error.with_retry_after(delay),
        None => error,
    }
}

/// What stands in `details`, whose objects are told by the fields they have.
#[derive(Debug, Default)]
struct Details<'a> {
    /// `ErrorInfo`'s.
    reason: &'a str,
    /// `RetryInfo`'s.
    delay: Option<Duration>,
    /// `QuotaFailure`'s.
    quotas: Vec<&'a str>,
}

impl<'a> Details<'a> {
    fn read(details: &'a [Value]) -> Self {
        let mut read = Self::default();
        for detail in details {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                read.reason = reason;
            }
            read.delay = read.delay.or_else(|| seconds(detail.get("retryDelay")?.as_str()?));
            let violations = detail.get("violations").and_then(Value::as_array).into_iter().flatten();
            read.quotas.extend(violations.filter_map(|violation| violation.get("quotaId")?.as_str()));
        }
        read
    }

    /// Google says `You exceeded your current quota` of a minute's share and of a day's; only the latter is used up.
    fn kind(&self, kind: ErrorKind, message: &str) -> ErrorKind {
        use ErrorKind as K;
        let is_used_up = self.reason == "QUOTA_EXHAUSTED"
            || self.quotas.iter().any(|quota| quota.contains("PerDay"))
            // A model that the free tier does not have.
            || message.contains("limit: 0,");
        let is_of_a_minute =
            !self.quotas.is_empty() || self.delay.is_some() || self.reason == "RATE_LIMIT_EXCEEDED";
        match kind {
            K::Rejected if self.reason == "API_KEY_INVALID" => K::Authentication,
            K::RateLimited | K::QuotaExhausted if self.reason == "MODEL_CAPACITY_EXHAUSTED" => K::Overloaded,
            K::RateLimited | K::QuotaExhausted if is_used_up => K::QuotaExhausted,
            K::QuotaExhausted if is_of_a_minute => K::RateLimited,
            kind => kind,
        }
    }
}

/// Writes an error as the answer to a request, in the words of <https://ai.google.dev/gemini-api/docs/troubleshooting>.
pub(crate) fn encode_error(error: &Error) -> ErrorAnswer {
    use ErrorKind as K;
    let info = |reason: &str| {
        let kind = "type.googleapis.com/google.rpc.ErrorInfo";
        json!({ "@type": kind, "reason": reason, "domain": "googleapis.com" })
    };
    let mut details = Vec::new();
    let (status, word) = match error.kind() {
        K::RateLimited | K::QueueFull => (429, "RESOURCE_EXHAUSTED"),
        K::QuotaExhausted | K::BudgetExceeded => {
            details.push(info("QUOTA_EXHAUSTED"));
            (429, "RESOURCE_EXHAUSTED")
        }
        K::Overloaded | K::CircuitOpen => (503, "UNAVAILABLE"),
        K::Timeout => (504, "DEADLINE_EXCEEDED"),
        K::Authentication => (401, "UNAUTHENTICATED"),
        K::PermissionDenied => (403, "PERMISSION_DENIED"),
        K::ModelNotFound => (404, "NOT_FOUND"),
        K::Cancelled => (499, "CANCELLED"),
        K::ContextTooLong | K::ContentFiltered | K::Unsupported | K::Rejected | K::InvalidRequest => {
            (400, "INVALID_ARGUMENT")
        }
        _ => (500, "INTERNAL"),
    };
    if let Some(delay) = error.retry_after() {
        let kind = "type.googleapis.com/google.rpc.RetryInfo";
        details.push(json!({ "@type": kind, "retryDelay": format!("{}s", delay.as_secs_f64()) }));
    }
    let body = error_body(status, word, error.message(), &details);
    ErrorAnswer { status, body: body.to_string().into_bytes() }
}

/// A duration as protocol buffers write it in JSON, such as `47.5s`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use ErrorKind as K;

    fn read(status: u16, word: &str, message: &str, details: &Value) -> Error {
        let error = json!({ "code": status, "message": message, "status": word, "details": details });
        let object = json!({ "error": error });
        let list = decode_error(status, json!([object]).to_string().as_bytes());
        let error = decode_error(status, object.to_string().as_bytes());
        assert_eq!((list.kind(), list.message()), (error.kind(), error.message()));
        error
    }

    fn quota(id: &str) -> Value {
        json!([{ "violations": [{ "quotaId": id }] }, { "retryDelay": "17s" }])
    }

    #[test]
    fn details_make_a_status_more_exact() {
        let exceeded = "You exceeded your current quota, please check your plan and billing details.";
        let info = |reason: &str| json!([{ "@type": "ErrorInfo", "reason": reason }]);
        for (status, word, message, details, kind) in [
            (400, "INVALID_ARGUMENT", "m", json!([]), K::Rejected),
            (400, "INVALID_ARGUMENT", "API key expired.", info("API_KEY_INVALID"), K::Authentication),
            (400, "FAILED_PRECONDITION", "m", json!([]), K::Rejected),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
                json!([]),
                K::ContextTooLong,
            ),
            (401, "UNAUTHENTICATED", "m", json!([]), K::Authentication),
            (403, "PERMISSION_DENIED", "m", info("SERVICE_DISABLED"), K::PermissionDenied),
            (404, "NOT_FOUND", "m", json!([]), K::ModelNotFound),
            (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted", json!([]), K::RateLimited),
            (429, "RESOURCE_EXHAUSTED", exceeded, json!([]), K::QuotaExhausted),
            (429, "RESOURCE_EXHAUSTED", exceeded, quota("GenerateRequestsPerDayPerModel"), K::QuotaExhausted),
            (429, "RESOURCE_EXHAUSTED", exceeded, quota("GenerateRequestsPerMinutePerModel"), K::RateLimited),
            (429, "RESOURCE_EXHAUSTED", "m: x, limit: 0, model: y", json!([]), K::QuotaExhausted),
            (429, "RESOURCE_EXHAUSTED", "m", info("MODEL_CAPACITY_EXHAUSTED"), K::Overloaded),
            (500, "INTERNAL", "m", json!([]), K::ServerError),
            (503, "UNAVAILABLE", "m", json!([]), K::Overloaded),
            (504, "DEADLINE_EXCEEDED", "m", json!([]), K::ServerError),
        ] {
            let error = read(status, word, message, &details);
            assert_eq!(error.kind(), kind, "{status} {message} {details}");
            assert_eq!(error.message(), message);
        }
    }

    #[test]
    fn the_delay_stands_in_the_body() {
        let delay =
            |text: &str| read(429, "RESOURCE_EXHAUSTED", "m", &json!([{ "retryDelay": text }])).retry_after();
        assert_eq!(delay("17s"), Some(Duration::from_secs(17)));
        assert_eq!(delay("1.5s"), Some(Duration::from_millis(1500)));
        for odd in ["17", "s", "-1s", "1e99s", "NaNs"] {
            assert_eq!(delay(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_body_of_another_form_is_an_error_all_the_same() {
        assert_eq!(decode_error(502, b"<html>").kind(), K::ServerError);
        assert_eq!(decode_error(400, b"[]").kind(), K::Rejected);
        assert_eq!(in_band(&json!({ "code": 503, "status": "UNAVAILABLE" })).kind(), K::Overloaded);
        assert_eq!(in_band(&json!({ "status": "RESOURCE_EXHAUSTED" })).kind(), K::RateLimited);
    }

    #[test]
    fn an_error_is_read_as_it_was_written() {
        for (kind, read) in [
            (K::RateLimited, K::RateLimited),
            (K::QuotaExhausted, K::QuotaExhausted),
            (K::Overloaded, K::Overloaded),
            (K::Authentication, K::Authentication),
            (K::PermissionDenied, K::PermissionDenied),
            (K::ModelNotFound, K::ModelNotFound),
            (K::InvalidRequest, K::Rejected),
            (K::Unsupported, K::Rejected),
            (K::Interrupted, K::ServerError),
            (K::Timeout, K::ServerError),
        ] {
            let error = Error::new(kind, "what went wrong").with_retry_after(Duration::from_millis(1500));
            let ErrorAnswer { status, body } = encode_error(&error);
            let again = decode_error(status, &body);
            assert_eq!((again.kind(), again.message()), (read, "what went wrong"), "{kind}");
            assert_eq!(again.retry_after(), error.retry_after());
        }
    }
}
