//! Reads a request's body within its limits.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_ENCODING},
};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use ultraai::{Error, ErrorKind, Result};

/// How many bytes must come each second at least, once the first `stall` is over: so that nobody holds a connection with
/// a byte now and then. As in Apache's `mod_reqtimeout`.
const SLOWEST: u64 = 500;

/// The largest piece that is copied out of the buffer it was read into, in bytes; that has 8 KiB at first.
const COPIED: usize = 4 << 10;

/// Letters of an encoding's name that are repeated at most.
const LONGEST_ENCODING: usize = 40;

/// Reads the whole body: at most `limit` bytes, no longer than `stall` between two pieces, and not too slowly.
///
/// # Errors
/// `InvalidRequest`, with the status 413 for one that is too large and 415 for one that is compressed; `Timeout` with 408 for one
/// that is too slow.
pub(crate) async fn read(head: &HeaderMap, mut body: Body, limit: usize, stall: Duration) -> Result<Bytes> {
    check_encoding(head)?;
    // It is no prompt that is too long for a model: who reads that would shorten it.
    let too_large = || {
        let message = format!(
            "the body is larger than {limit} bytes (`gateway.max_body_bytes`): send smaller images or documents, or have the limit raised"
        );
        Error::new(ErrorKind::InvalidRequest, message).with_status(413)
    };
    // Who says so beforehand need not send it.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let begun = Instant::now();
    loop {
        let received = first.len().max(rest.len());
        let latest = begun + stall + Duration::from_secs(received as u64 / SLOWEST);
        let frame = match timeout_at(latest.min(Instant::now() + stall), body.frame()).await {
            Err(_) => {
                let message = format!(
                    "the body comes too slowly: nothing for {} seconds, or less than {SLOWEST} bytes a second",
                    stall.as_secs_f64()
                );
                return Err(Error::new(ErrorKind::Timeout, message).with_status(408));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(Error::new(ErrorKind::InvalidRequest, "the body broke off before its end"));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if received + data.len() > limit {
            return Err(too_large());
        }
        match first.is_empty() {
            // Mostly a body is one piece, and a small one is copied: as a slice it would keep all of the buffer that the
            // connection reads into for as long as the request lives, and the connection would make another.
            true if data.len() <= COPIED => first = Bytes::copy_from_slice(&data),
            true => first = data,
            false if rest.is_empty() => {
                rest.extend_from_slice(&first);
                rest.extend_from_slice(&data);
            }
            false => rest.extend_from_slice(&data),
        }
    }
    let body = if rest.is_empty() { first } else { rest.freeze() };
    match body.is_empty() {
        true => Err(Error::new(ErrorKind::InvalidRequest, "the body is empty: send the request as JSON")),
        false => Ok(body),
    }
}

/// Refuses what is compressed: a few bytes of that may be as many as nobody wants to hold.
fn check_encoding(head: &HeaderMap) -> Result<()> {
    let encodings = head.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?").trim());
    let mut others =
        encodings.filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"));
    let Some(encoding) = others.next() else { return Ok(()) };
    let name: String = encoding.chars().take(LONGEST_ENCODING).collect();
    let message = format!(
        "the body comes in the encoding `{name}`, and none is read here: send the JSON as it is, without `content-encoding`"
    );
    Err(Error::new(ErrorKind::InvalidRequest, message).with_status(415))
}
