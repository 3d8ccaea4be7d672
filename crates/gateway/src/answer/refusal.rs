//! Errors as callers are told them.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use ultraai::Error;

use super::Api;

/// An error as an answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    body: Vec<u8>,
    retry_after: Option<u64>,
}

/// Writes `error` as the protocol's SDKs expect it.
pub(crate) fn refusal(api: Api, error: &Error) -> Refusal {
    let answer = api.codec().encode_error(error);
    let retry_after = error.retry_after().map(|delay| delay.as_secs_f64().ceil().max(1.0) as u64);
    Refusal { status: answer.status, body: answer.body, retry_after }
}

impl Refusal {
    /// The same with another body, in JSON too.
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}
