//! What all exchanges have in common, whatever is asked: errors, whole bodies, request ids, the deadline.

use std::time::Duration;

use bytes::Bytes;
use ultraai_core::{CallContext, Error, ErrorKind, Result};

use crate::{Endpoint, Response, delay::retry_after, quota::rate_limits};

/// How long the body of an error is waited for at most: its status says most of it.
const ERROR_BODY_TIME: Duration = Duration::from_secs(2);

/// The error that a response of a bad status is, as `read` understands its body; with the server's delay, its id of the
/// exchange and the body. `first_event` is a limit of time that holds besides those of `cx`.
pub(crate) async fn failure(
    cx: &CallContext,
    endpoint: &Endpoint,
    response: Response,
    first_event: Option<Duration>,
    read: impl FnOnce(u16, &[u8]) -> Error,
) -> Error {
    let status = response.status();
    let delay = retry_after(&response, cx.clock().now());
    let request_id = request_id(&response);
    let time = error_body_time(cx, first_event);
    let body = response.into_body().read_start(endpoint.limits().error_body, time).await;
    let error = read(status, &body);
    let error = match delay {
        Some(delay) => error.with_retry_after(delay),
        None => error,
    };
    identified(error.with_body(body), request_id)
}

/// Reads the JSON of a response whole where its status is good, and tells its rate limits and its id. An error says whose body
/// it was, where there was one.
///
/// # Errors
/// What `failed` makes of a bad status with its body, `Undecodable`, `Interrupted`.
pub(crate) async fn whole(
    cx: &CallContext,
    endpoint: &Endpoint,
    response: Response,
    failed: impl FnOnce(u16, &[u8]) -> Error,
) -> Result<(Bytes, Option<String>)> {
    cx.report_rate_limits(&rate_limits(&response, cx.clock().now()));
    if !response.is_success() {
        return Err(failure(cx, endpoint, response, None, failed).await);
    }
    let id = request_id(&response);
    let read = async {
        let said = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let limit = endpoint.limits().body;
        let mut body = response.into_body().limited(endpoint.limits().stream.max(limit));
        match body.first_byte().await? {
            Some(b'{' | b'[') => body.read(limit).await,
            Some(_) => Err(no_json("no JSON", &said)),
            None => Err(nothing()),
        }
    };
    match read.await {
        Ok(body) => Ok((body, id)),
        Err(error) => Err(identified(error, id)),
    }
}

/// Does `work` before the deadline of `cx`.
///
/// # Errors
/// Those of `work`, and `Timeout`.
pub(crate) async fn within<T>(cx: &CallContext, work: impl Future<Output = Result<T>>) -> Result<T> {
    match cx.deadline() {
        None => work.await,
        Some(at) => match tokio::time::timeout_at(at, work).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "the answer did not come before the deadline")),
        },
    }
}

/// A third of the shortest limit: a body that hangs must not make a timeout of what the status has said.
fn error_body_time(cx: &CallContext, first_event: Option<Duration>) -> Duration {
    let limits = [cx.remaining_until_content(), cx.limits().attempt, first_event];
    let shortest = limits.into_iter().flatten().min();
    shortest.map_or(ERROR_BODY_TIME, |limit| ERROR_BODY_TIME.min(limit / 3))
}

/// The server's own id of the exchange.
pub(crate) fn request_id(response: &Response) -> Option<String> {
    let id =
        ["x-request-id", "request-id", "x-amzn-requestid"].iter().find_map(|name| response.header(name))?;
    (!id.is_empty()).then(|| id.to_owned())
}

/// The error with the id of its exchange.
pub(crate) fn identified(error: Error, request_id: Option<String>) -> Error {
    match request_id {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// The error for an answer of no text at all: an answer that says nothing has a form all the same.
pub(crate) fn nothing() -> Error {
    Error::new(ErrorKind::Undecodable, "the provider answered with an empty body")
}

/// The error for an answer that is what `form` says, such as `no JSON`; `said` is its type, as the server named it.
pub(crate) fn no_json(form: &str, said: &str) -> Error {
    let said = if said.is_empty() { "of no named type" } else { said };
    Error::new(ErrorKind::Undecodable, format!("the answer is {form} ({said}): check `base_url`"))
}
