//! What vendors say when something went wrong, and which kind of error it is.

use serde_json::Value;
use ultraai_core::{ChatResponse, Error, ErrorKind, Usage};

/// Reads the body that came with a status that says failure. A body without a message gets one of ours.
///
/// The vendor's own message is taken as it is; who passes it on shortens it.
pub fn decode_error(status: u16, body: &[u8]) -> Error {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let fault = value.as_ref().map(Fault::read).unwrap_or_default();
    let kind = fault.kind(Some(status));
    let message = match fault.message {
        Some(message) => message.to_owned(),
        None => without_words(kind).to_owned(),
    };
    Error::new(kind, message)
}

/// Whether the value of a field `error` says that there is one.
pub fn is_fault(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// An error that came in an answer whose status said success: the value of its field `error`, or an error at its top.
pub fn in_band(value: &Value) -> Error {
    let fault = Fault::read(value);
    let kind = fault.kind(fault.status);
    Error::new(
        kind,
        fault.message.unwrap_or("the provider reports an error in its answer and does not say which"),
    )
}

/// The error that a JSON body is, if it is one.
pub fn at_the_top(body: &Value) -> Option<Error> {
    let is_one = body.get("error").is_some_and(is_fault)
        || body.get("object").and_then(Value::as_str) == Some("error")
        // Answers of other formats hold a message too, which is no text.
        || ["message", "detail"].iter().any(|key| body.get(key).and_then(text).is_some());
    is_one.then(|| in_band(body))
}

/// The error with what was used all the same, where the answer that is an error says it: it is paid for.
#[must_use]
pub fn with_usage(error: Error, usage: Option<Usage>, model: Option<String>) -> Error {
    let Some(usage) = usage else { return error };
    let mut partial = ChatResponse::default().with_usage(usage);
    partial.model = model;
    error.with_partial(partial)
}

fn without_words(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Authentication => "the key is missing or wrong, and the server says no more",
        ErrorKind::PermissionDenied => "the key may not do this, and the server says no more",
        ErrorKind::ModelNotFound => {
            "the server does not know the model or the address: check `model` and `base_url`"
        }
        ErrorKind::RateLimited => "the server asks to slow down",
        ErrorKind::Overloaded => "the server is overloaded",
        ErrorKind::ServerError => "the server failed and says no more",
        _ => "the server refused the request and says no more",
    }
}

/// The parts of an error that vendors agree on more or less.
#[derive(Debug, Default)]
struct Fault<'a> {
    message: Option<&'a str>,
    /// What stands in `code`, `type` and `status` as words.
    words: [Option<&'a str>; 3],
    /// What stands there as an HTTP status.
    status: Option<u16>,
}

impl<'a> Fault<'a> {
    fn read(body: &'a Value) -> Self {
        // Google puts its errors into a list where a stream was asked for.
        let body = body.get(0).unwrap_or(body);
        let inner = body.get("error").filter(|error| is_fault(error)).unwrap_or(body);
        let field = |key: &str| inner.get(key).filter(|value| !value.is_null()).or_else(|| body.get(key));
        let status = ["code", "status", "status_code", "raw_status_code", "http_code"]
            .iter()
            .find_map(|key| field(key).and_then(http_status));
        let words = ["code", "type", "status"].map(|key| field(key).and_then(Value::as_str));
        let message =
            inner.as_str().or_else(|| ["message", "detail", "msg"].iter().find_map(|key| text(field(key)?)));
        Self { message, words, status }
    }

    /// The kind that the status, the words and the message tell, each of which only makes the one before it more exact.
    fn kind(&self, status: Option<u16>) -> ErrorKind {
        use ErrorKind as K;
        let (words, message) = (self.kind_of_words(), self.kind_of_message());
        let Some(status) = status else {
            return match (words.unwrap_or(K::ServerError), message) {
                (K::ServerError, Some(said)) => said,
                (told, _) => refined(told, message),
            };
        };
        // Words do not overrule a status that is exact already.
        let told = match (K::of_status(status), words) {
            (K::Rejected, Some(said)) if said != K::ServerError => said,
            (K::ContextTooLong | K::PermissionDenied | K::RateLimited, Some(said @ K::QuotaExhausted))
            | (K::PermissionDenied, Some(said @ K::ContentFiltered))
            | (K::ServerError, Some(said @ (K::ContextTooLong | K::Overloaded | K::RateLimited))) => said,
            (usual, _) => usual,
        };
        refined(told, message)
    }

    fn kind_of_words(&self) -> Option<ErrorKind> {
        let words =
            self.words.iter().flatten().map(|word| word.to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
        let row = WORDS.iter().find(|(_, needles)| needles.iter().any(|needle| words.contains(needle)));
        row.map(|(kind, _)| *kind)
    }

    fn kind_of_message(&self) -> Option<ErrorKind> {
        let message = self.message?.trim_start().to_ascii_lowercase();
        let says = |phrase: &&str| match phrase.strip_prefix('^') {
            Some(beginning) => message.starts_with(beginning),
            None => message.contains(*phrase),
        };
        PHRASES.iter().find(|(_, phrases)| phrases.iter().any(says)).map(|(kind, _)| *kind)
    }
}

/// What a message makes of the kind that status and words tell.
///
/// Messages quote the request, so none makes of a refusal something that is worth another try.
fn refined(told: ErrorKind, message: Option<ErrorKind>) -> ErrorKind {
    use ErrorKind as K;
    match (told, message) {
        (
            K::Rejected,
            Some(
                said @ (K::ContextTooLong
                | K::ContentFiltered
                | K::QuotaExhausted
                | K::Authentication
                | K::ModelNotFound),
            ),
        )
        | (K::ContextTooLong | K::PermissionDenied | K::RateLimited, Some(said @ K::QuotaExhausted))
        | (K::PermissionDenied, Some(said @ K::ContentFiltered))
        | (K::ServerError, Some(said @ (K::ContextTooLong | K::Overloaded))) => said,
        _ => told,
    }
}

/// Kinds by what stands in the vendor's words; the first row that fits counts.
const WORDS: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::QuotaExhausted,
        &["insufficient_quota", "insufficient_balance", "exceeded_current_quota", "billing", "credit"],
    ),
    (
        ErrorKind::ContextTooLong,
        &["context_length", "exceed_context_size", "context_window", "request_too_large"],
    ),
    (
        ErrorKind::ContentFiltered,
        &["content_filter", "content_policy", "moderation", "data_inspection_failed"],
    ),
    (ErrorKind::Authentication, &["invalid_api_key", "authentication", "unauthorized"]),
    (ErrorKind::PermissionDenied, &["permission"]),
    (
        ErrorKind::ModelNotFound,
        &["model_not_found", "model_not_exist", "invalid_model", "deploymentnotfound", "not_found"],
    ),
    (ErrorKind::Overloaded, &["overloaded", "unavailable", "capacity"]),
    (ErrorKind::RateLimited, &["rate_limit", "too_many_requests", "resource_exhausted"]),
    (ErrorKind::ServerError, &["server_error", "internal", "api_error"]),
    (
        ErrorKind::Rejected,
        &["invalid_request", "invalid_argument", "bad_request", "badrequest", "validation"],
    ),
];

/// Kinds by what stands in the message, after `^` at its beginning; the first row that fits counts.
///
/// Whole phrases of vendors, and short ones only at the beginning: a message may quote the request anywhere else.
const PHRASES: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::QuotaExhausted,
        &[
            "^insufficient balance",
            "^insufficient credits",
            "suspended due to insufficient balance",
            "exceeded your current quota, please check",
            "^you exceeded your current quota",
            "your credit balance is too low",
            "you have reached your specified api usage limits",
        ],
    ),
    (
        ErrorKind::ContextTooLong,
        &[
            "'s maximum context length is",
            "too large for model with",
            "'s maximum prompt length is",
            "^context length exceeded",
            "input exceeds the context window of this model",
            "exceeds the available context size",
            "^prompt is too long",
            "prompt is too long: ",
            "input token count exceeds the maximum number of tokens allowed",
            ") exceeds the maximum number of tokens allowed",
            "input length and `max_tokens` exceed context limit",
        ],
    ),
    (
        ErrorKind::ContentFiltered,
        &[
            "prompt triggering azure openai's content management policy",
            "prompt triggering microsoft's content management policy",
            "violates our content policy",
            "blocked by content filtering policy",
        ],
    ),
    (
        ErrorKind::Authentication,
        &["incorrect api key provided", "^incorrect api key", "^invalid api key", "^api key not valid"],
    ),
    (ErrorKind::ModelNotFound, &["^model not exist"]),
    // Asked only of those who say that they failed, which is worth another try in any case.
    (ErrorKind::Overloaded, &["overloaded"]),
];

fn http_status(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// A message as text, or the first of the complaints that a validator lists.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => list.first().and_then(text),
        Value::Object(map) => ["msg", "message", "detail"].iter().find_map(|key| text(map.get(*key)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind as K;

    #[test]
    fn a_status_is_made_more_exact_by_words() {
        for (status, body, kind) in [
            (400, r#"{"error":{"message":"m","type":"invalid_request_error"}}"#, K::Rejected),
            (400, r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, K::ContextTooLong),
            (
                400,
                r#"{"error":{"message":"m","type":"exceed_context_size_error","code":400}}"#,
                K::ContextTooLong,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 5"}"#,
                K::ContextTooLong,
            ),
            (400, r#"{"error":{"message":"m","code":"content_filter"}}"#, K::ContentFiltered),
            (400, r#"{"code":"x","error":"Incorrect API key provided: a"}"#, K::Authentication),
            (
                400,
                r#"{"code":"1500","message":"Invalid model: x","object":"error","type":"invalid_model"}"#,
                K::ModelNotFound,
            ),
            (401, r#"{"error":{"message":"m","type":"invalid_request_error"}}"#, K::Authentication),
            (402, "{}", K::QuotaExhausted),
            (403, r#"{"error":{"message":"m"}}"#, K::PermissionDenied),
            (404, "not found", K::ModelNotFound),
            (408, "", K::ServerError),
            (409, "", K::ServerError),
            (413, "", K::ContextTooLong),
            (422, r#"{"detail":[{"loc":["a"],"msg":"m"}]}"#, K::Rejected),
            (429, r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#, K::RateLimited),
            (429, r#"{"error":{"message":"m","code":"insufficient_quota"}}"#, K::QuotaExhausted),
            (
                429,
                r#"{"error":{"code":"1113","message":"Insufficient balance or no resource package"}}"#,
                K::QuotaExhausted,
            ),
            (500, "<html>", K::ServerError),
            (502, "", K::ServerError),
            (
                503,
                r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
                K::Overloaded,
            ),
            (529, "", K::Overloaded),
        ] {
            let error = decode_error(status, body.as_bytes());
            assert_eq!(error.kind(), kind, "{status} {body}");
            assert!(!error.message().contains(['{', '<']), "{error}");
        }
    }

    #[test]
    fn a_message_that_quotes_the_request_does_not_say_what_went_wrong() {
        let quoting =
            |text: &str| format!("Invalid parameter: messages[0].content contains unsupported text '{text}'");
        for text in [
            "overloaded operators",
            "the context window",
            "insufficient credits",
            "insufficient balance",
            "what is an invalid API key?",
            "our content policy",
            "the maximum context length",
            "an article of insufficient_quota",
        ] {
            for body in [
                serde_json::json!({ "error": { "message": quoting(text), "type": "invalid_request_error" } }),
                serde_json::json!({ "error": { "message": quoting(text) } }),
            ] {
                for (status, kind) in [(400, K::Rejected), (422, K::Rejected), (403, K::PermissionDenied)] {
                    let error = decode_error(status, body.to_string().as_bytes());
                    assert_eq!(error.kind(), kind, "{status} {body}");
                }
            }
            let told = serde_json::json!({ "message": quoting(text), "type": "invalid_request_error" });
            assert_eq!(in_band(&told).kind(), K::Rejected, "{told}");
        }
    }

    #[test]
    fn no_message_makes_a_refusal_worth_another_try() {
        for status in (400..500).filter(|status| !matches!(status, 408 | 409 | 425 | 429)) {
            let error =
                decode_error(status, br#"{"error":{"message":"The server is overloaded. Try again."}}"#);
            let retries = [K::Overloaded, K::RateLimited, K::ServerError];
            assert!(!retries.contains(&error.kind()), "{status} {}", error.kind());
        }
    }

    #[test]
    fn the_vendors_own_phrases_make_a_refusal_more_exact() {
        for (message, kind) in [
            (
                "This model's maximum context length is 8192 tokens. However, you requested 9000",
                K::ContextTooLong,
            ),
            ("This endpoint's maximum context length is 131072 tokens.", K::ContextTooLong),
            (
                "Prompt contains 40961 tokens, too large for model with 32768 maximum context length",
                K::ContextTooLong,
            ),
            (
                "This model's maximum prompt length is 131072 but the request contains 537812",
                K::ContextTooLong,
            ),
            ("Your input exceeds the context window of this model.", K::ContextTooLong),
            ("400: AnthropicException - prompt is too long: 9 tokens > 8 maximum", K::ContextTooLong),
            ("Model Not Exist", K::ModelNotFound),
            ("Incorrect API key provided: a", K::Authentication),
            ("Your credit balance is too low to access the Anthropic API.", K::QuotaExhausted),
            ("Output blocked by content filtering policy", K::ContentFiltered),
        ] {
            let body =
                serde_json::json!({ "error": { "message": message, "type": "invalid_request_error" } });
            assert_eq!(decode_error(400, body.to_string().as_bytes()).kind(), kind, "{message}");
        }
    }

    #[test]
    fn the_vendors_own_message_is_found() {
        for (body, message) in [
            (r#"{"error":{"message":"m"}}"#, "m"),
            (r#"{"error":"m"}"#, "m"),
            (r#"{"error":{"message":null,"detail":"m"}}"#, "m"),
            (r#"{"detail":"m"}"#, "m"),
            (r#"{"detail":[{"loc":["a"],"msg":"m"}]}"#, "m"),
            (r#"{"object":"error","message":{"detail":[{"msg":"m"}]}}"#, "m"),
            (r#"[{"error":{"message":"m"}}]"#, "m"),
            (r#""m""#, "m"),
        ] {
            assert_eq!(decode_error(400, body.as_bytes()).message(), message, "{body}");
        }
        assert!(decode_error(404, b"<html>").message().contains("`base_url`"));
    }

    #[test]
    fn a_message_that_is_no_text_makes_no_error_of_an_answer() {
        let anthropic =
            serde_json::json!({ "type": "message_start", "message": { "id": "x", "content": [] } });
        let ollama = serde_json::json!({ "message": { "role": "assistant", "content": "a" }, "done": false });
        assert!(at_the_top(&anthropic).is_none() && at_the_top(&ollama).is_none());
        for (body, kind) in [
            (serde_json::json!({ "message": "m", "code": 429 }), K::RateLimited),
            (serde_json::json!({ "detail": [{ "msg": "m" }] }), K::ServerError),
        ] {
            assert_eq!(at_the_top(&body).unwrap().kind(), kind, "{body}");
        }
    }

    #[test]
    fn an_error_in_an_answer_is_told_by_its_numbers_or_its_words() {
        for (value, kind) in [
            (serde_json::json!({ "message": "m", "code": 429 }), K::RateLimited),
            (serde_json::json!({ "message": "m", "code": "503" }), K::Overloaded),
            (
                serde_json::json!({ "message": "m", "code": "tool_use_failed", "status_code": 400 }),
                K::Rejected,
            ),
            (serde_json::json!({ "message": "m", "type": "overloaded_error" }), K::Overloaded),
            (serde_json::json!({ "message": "m", "type": "server_error" }), K::ServerError),
            (serde_json::json!({ "message": "m", "type": "invalid_request_error" }), K::Rejected),
            (serde_json::json!("m"), K::ServerError),
        ] {
            assert_eq!(in_band(&value).kind(), kind, "{value}");
        }
    }
}
