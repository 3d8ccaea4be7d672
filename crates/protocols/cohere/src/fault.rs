//! What Cohere says when something went wrong, and which kind of error it is.
//!
//! Its errors have a message and no code: <https://docs.cohere.com/reference/errors>.

use ultraai_core::{Error, ErrorKind};
use ultraai_protocol_common as common;

/// Reads the body that came with a status that says failure.
pub fn decode_error(status: u16, body: &[u8]) -> Error {
    let error = made_exact(common::decode_error(status, body));
    match status {
        // It calls a token that it does not allow, in the request or the answer, an invalid one.
        498 => Error::new(ErrorKind::ContentFiltered, error.message()),
        // The caller has gone, it says, and nobody has: somebody between broke off.
        499 => Error::new(ErrorKind::ServerError, error.message()),
        _ => error,
    }
}

/// What the message tells of the kind.
pub(crate) fn made_exact(error: Error) -> Error {
    let message = error.message().to_ascii_lowercase();
    let kind = match error.kind() {
        ErrorKind::Rejected | ErrorKind::ServerError if message.starts_with("too many tokens") => {
            ErrorKind::ContextTooLong
        }
        // Waiting for a month is no help.
        ErrorKind::RateLimited if message.contains("api calls / month") => ErrorKind::QuotaExhausted,
        _ => return error,
    };
    Error::new(kind, error.message())
}

#[cfg(test)]
mod tests {
    use ErrorKind as K;

    use super::*;

    #[test]
    fn errors_are_told_apart_by_status_and_words() {
        for (status, message, kind) in [
            (400, "invalid request: all elements in history must have a message", K::Rejected),
            (
                400,
                "too many tokens: size limit exceeded by 11326 tokens. Try using shorter inputs.",
                K::ContextTooLong,
            ),
            (401, "invalid api token", K::Authentication),
            (402, "Please add or update your payment method", K::QuotaExhausted),
            (404, "model 'a' not found, make sure the correct model ID was used", K::ModelNotFound),
            (422, "invalid tool", K::Rejected),
            (429, "You are using a Trial key, which is limited to 40 API calls / minute.", K::RateLimited),
            (
                429,
                "You are using a Trial key, which is limited to 1000 API calls / month.",
                K::QuotaExhausted,
            ),
            (498, "blocked output", K::ContentFiltered),
            (499, "request cancelled", K::ServerError),
            (500, "internal server error", K::ServerError),
            (503, "service unavailable", K::Overloaded),
        ] {
            let body = serde_json::json!({ "id": "1", "message": message }).to_string();
            let error = decode_error(status, body.as_bytes());
            assert_eq!((error.kind(), error.message()), (kind, message), "{status}");
        }
    }
}
