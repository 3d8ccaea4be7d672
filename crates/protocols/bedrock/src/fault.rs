//! What the vendor says when something went wrong, and how the same is said to others.

use serde_json::json;
use ultraai_core::{Error, ErrorAnswer, ErrorKind};
use ultraai_protocol_common::{Text, object, parse};

object! {
    /// The body of an error, of a status or of an exception in a stream.
    #[derive(Debug, Default)]
    struct Fault<'a> {
        kind: Text<'a> = "__type",
        code: Text<'a> = "code",
        message: Text<'a> = "message",
        capital: Text<'a> = "Message",
        status: Text<'a> = "originalStatusCode",
    }
    known: ;
    others: others: ultraai_protocol_common::Unknown;
}

/// Names of errors, whole ones, with their kinds:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors> and
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>.
const NAMES: &[(&str, ErrorKind)] = &[
    ("validationexception", ErrorKind::Rejected),
    ("throttlingexception", ErrorKind::RateLimited),
    ("toomanyrequestsexception", ErrorKind::RateLimited),
    ("servicequotaexceededexception", ErrorKind::QuotaExhausted),
    ("accessdeniedexception", ErrorKind::PermissionDenied),
    ("notauthorized", ErrorKind::PermissionDenied),
    ("optinrequired", ErrorKind::PermissionDenied),
    ("unrecognizedclientexception", ErrorKind::Authentication),
    ("invalidsignatureexception", ErrorKind::Authentication),
    ("incompletesignatureexception", ErrorKind::Authentication),
    ("incompletesignature", ErrorKind::Authentication),
    ("missingauthenticationtokenexception", ErrorKind::Authentication),
    ("invalidclienttokenid", ErrorKind::Authentication),
    ("expiredtokenexception", ErrorKind::Authentication),
    ("requestexpired", ErrorKind::Authentication),
    ("resourcenotfoundexception", ErrorKind::ModelNotFound),
    ("modelnotreadyexception", ErrorKind::Overloaded),
    ("serviceunavailableexception", ErrorKind::Overloaded),
    ("serviceunavailable", ErrorKind::Overloaded),
    ("modeltimeoutexception", ErrorKind::ServerError),
    ("modelerrorexception", ErrorKind::ServerError),
    ("modelstreamerrorexception", ErrorKind::ServerError),
    ("internalserverexception", ErrorKind::ServerError),
    ("internalfailure", ErrorKind::ServerError),
];

/// What messages begin with, where they say more than the name and the status: a model's own complaints are
/// validation errors, and so is a model that is not there.
const PHRASES: &[(&str, ErrorKind)] = &[
    ("the provided model identifier is invalid", ErrorKind::ModelNotFound),
    ("invocation of model id", ErrorKind::ModelNotFound),
    ("could not resolve the foundation model", ErrorKind::ModelNotFound),
    ("this model version has reached the end of its life", ErrorKind::ModelNotFound),
    ("input is too long for requested model", ErrorKind::ContextTooLong),
    ("the model returned the following errors: input is too long", ErrorKind::ContextTooLong),
    ("the model returned the following errors: prompt is too long", ErrorKind::ContextTooLong),
    (
        "the model returned the following errors: input length and `max_tokens` exceed",
        ErrorKind::ContextTooLong,
    ),
    ("the security token included in the request is", ErrorKind::Authentication),
    ("the request signature we calculated does not match", ErrorKind::Authentication),
    ("authentication failed", ErrorKind::Authentication),
    ("bearer token", ErrorKind::Authentication),
    ("api key", ErrorKind::Authentication),
];

/// Reads the body that came with a status that says failure. The name in the header `x-amzn-errortype` is not seen here: the
/// status and the message tell as much.
pub(crate) fn of_status(status: u16, body: &[u8]) -> Error {
    let fault: Fault<'_> = parse(body, "the error").unwrap_or_default();
    let named = named(fault.kind.or(fault.code).as_str());
    let error = ultraai_protocol_common::decode_error(status, body);
    let said = said(fault.message.or(fault.capital).as_str());
    // 424 is a failure of the model behind the service.
    let named = named.or((status == 424).then_some(ErrorKind::ServerError));
    match (error.kind(), named, said) {
        (ErrorKind::Rejected | ErrorKind::PermissionDenied, _, Some(kind))
        | (ErrorKind::Rejected | ErrorKind::PermissionDenied | ErrorKind::ServerError, Some(kind), None)
            if kind != error.kind() =>
        {
            Error::new(kind, error.message().to_owned())
        }
        _ => error,
    }
}

/// Reads an exception of a stream, which holds `data`.
pub(crate) fn in_stream(name: &str, data: &[u8]) -> Error {
    let fault: Fault<'_> = parse(data, "the error").unwrap_or_default();
    let message = fault.message.or(fault.capital);
    let kind = named(name).unwrap_or(match fault.status.as_str().parse() {
        Ok(status) => ErrorKind::of_status(status),
        Err(_) => ErrorKind::ServerError,
    });
    let kind = match (kind, said(message.as_str())) {
        (ErrorKind::Rejected, Some(said)) => said,
        _ => kind,
    };
    match message.filled() {
        Some(message) => Error::new(kind, message),
        None => {
            Error::new(kind, format!("the provider reports `{}` in its stream and says no more", short(name)))
        }
    }
}

/// Whether a frame of this name ends the stream with an error.
pub(crate) fn is_fault(name: &str) -> bool {
    name.ends_with("Exception") || name.ends_with("Error") || name == "InternalFailure"
}

fn short(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}

fn named(name: &str) -> Option<ErrorKind> {
    // `com.amazon.coral.service#AccessDeniedException:http://…`
    let name = name.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

fn said(message: &str) -> Option<ErrorKind> {
    let message: String = message.chars().take(120).collect::<String>().to_ascii_lowercase();
    PHRASES.iter().find(|(phrase, _)| message.starts_with(phrase)).map(|(_, kind)| *kind)
}

/// The status and the name that say `error`.
fn status_and_name(error: &Error) -> (u16, &'static str) {
    use ErrorKind as K;
    match error.kind() {
        K::Authentication => (403, "UnrecognizedClientException"),
        K::PermissionDenied => (403, "AccessDeniedException"),
        K::ModelNotFound => (404, "ResourceNotFoundException"),
        K::RateLimited => (429, "ThrottlingException"),
        K::QuotaExhausted | K::BudgetExceeded => (400, "ServiceQuotaExceededException"),
        K::Overloaded => (503, "ServiceUnavailableException"),
        K::Timeout => (408, "ModelTimeoutException"),
        K::InvalidRequest | K::Rejected | K::Unsupported | K::ContextTooLong | K::ContentFiltered => {
            (400, "ValidationException")
        }
        K::Interrupted | K::Undecodable | K::EmptyAnswer => (424, "ModelErrorException"),
        _ => (500, "InternalServerException"),
    }
}

/// Writes an error as the answer to a request. Its name stands in the body, since nothing here writes the header.
pub(crate) fn answer(error: &Error) -> ErrorAnswer {
    let (status, name) = status_and_name(error);
    let body = json!({ "__type": name, "message": error.message() });
    ErrorAnswer { status, body: body.to_string().into_bytes() }
}

/// The name and the data of an exception that ends a stream.
pub(crate) fn exception(error: &Error) -> (&'static str, Vec<u8>) {
    let name = match status_and_name(error).0 {
        429 => "throttlingException",
        400 | 403 | 404 => "validationException",
        503 => "serviceUnavailableException",
        408 | 424 => "modelStreamErrorException",
        _ => "internalServerException",
    };
    (name, json!({ "message": error.message() }).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind as K;

    #[test]
    fn a_failure_is_told_by_its_status_its_name_and_its_message() {
        for (status, body, kind) in [
            (400, json!({ "message": "The provided model identifier is invalid." }), K::ModelNotFound),
            (400, json!({ "message": "This model doesn't support the s3Uri field." }), K::Rejected),
            (400, json!({ "message": "Input is too long for requested model." }), K::ContextTooLong),
            (
                400,
                json!({ "message": "The model returned the following errors: prompt is too long: 9 tokens > 8 maximum" }),
                K::ContextTooLong,
            ),
            (
                400,
                json!({ "__type": "com.amazon#ServiceQuotaExceededException:x", "message": "m" }),
                K::QuotaExhausted,
            ),
            (
                403,
                json!({ "message": "You don't have access to the model with the specified model ID." }),
                K::PermissionDenied,
            ),
            (
                403,
                json!({ "Message": "The security token included in the request is invalid." }),
                K::Authentication,
            ),
            (403, json!({ "__type": "UnrecognizedClientException", "message": "m" }), K::Authentication),
            (404, json!({ "message": "m" }), K::ModelNotFound),
            (424, json!({ "message": "m", "originalStatusCode": 500 }), K::ServerError),
            (429, json!({ "message": "Too many tokens, please wait before trying again." }), K::RateLimited),
            (429, json!({ "__type": "ModelNotReadyException", "message": "m" }), K::RateLimited),
            (500, json!({ "message": "m" }), K::ServerError),
            (503, json!({ "message": "m" }), K::Overloaded),
        ] {
            assert_eq!(of_status(status, body.to_string().as_bytes()).kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn an_exception_is_told_by_its_name() {
        for (name, data, kind) in [
            ("throttlingException", r#"{"message":"m"}"#, K::RateLimited),
            ("serviceUnavailableException", r#"{"message":"m"}"#, K::Overloaded),
            ("modelStreamErrorException", r#"{"message":"m","originalStatusCode":424}"#, K::ServerError),
            (
                "validationException",
                r#"{"message":"Input is too long for requested model."}"#,
                K::ContextTooLong,
            ),
            ("novelException", r#"{"originalStatusCode":429}"#, K::RateLimited),
            ("novelException", "it broke", K::ServerError),
        ] {
            assert_eq!(in_stream(name, data.as_bytes()).kind(), kind, "{name} {data}");
        }
    }

    #[test]
    fn an_error_that_was_written_is_read_as_its_kind() {
        for kind in [
            K::Authentication,
            K::PermissionDenied,
            K::ModelNotFound,
            K::RateLimited,
            K::QuotaExhausted,
            K::Overloaded,
            K::Rejected,
            K::ServerError,
        ] {
            let written = answer(&Error::new(kind, "words"));
            let read = of_status(written.status, &written.body);
            assert_eq!((read.kind(), read.message()), (kind, "words"));
        }
    }
}
