//! Reads a request's body within its limits.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use ultraai::{Error, ErrorKind, Result};

/// Reads the whole body: at most `limit` bytes, and no longer than `stall` between two pieces.
///
/// # Errors
/// `ContextTooLong`, `Timeout`, `InvalidRequest` where the caller broke off.
pub(crate) async fn read(mut body: Body, limit: usize, stall: Duration) -> Result<Bytes> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(stall, body.frame()).await {
            Err(_) => {
                let message = format!("nothing came of the body for {} seconds", stall.as_secs_f64());
                return Err(Error::new(ErrorKind::Timeout, message).with_status(408));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(Error::new(ErrorKind::InvalidRequest, "the body broke off before its end"));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len().max(rest.len()) + data.len() > limit {
            let message = format!("the body is larger than {limit} bytes (`gateway.max_body_bytes`)");
            return Err(Error::new(ErrorKind::ContextTooLong, message).with_status(413));
        }
        match first.is_empty() {
            true => first = data,
            // Mostly a body is one piece.
            false if rest.is_empty() => {
                rest.extend_from_slice(&first);
                rest.extend_from_slice(&data);
            }
            false => rest.extend_from_slice(&data),
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
