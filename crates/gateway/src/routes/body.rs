//! Reads a request's body within its limits.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header::CONTENT_ENCODING},
};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use memchr::memchr2;
use tokio::time::{Instant, timeout_at};
use ultraai::{Error, ErrorKind, Result};

/// How many bytes must come each second at least, once the first `stall` is over: so that nobody holds a connection with
/// a byte now and then. As in Apache's `mod_reqtimeout`.
const SLOWEST: u64 = 500;

/// The largest piece that is copied out of the buffer it was read into, in bytes; that has 8 KiB at first.
const COPIED: usize = 4 << 10;

/// Bytes of memory that the smallest object, list and entry take once they are read, with what is made of them: as measured,
/// rounded up.
const MEMORY: [(u8, usize); 3] = [(b'{', 700), (b'[', 100), (b',', 50)];

/// How many times the bytes that a body may have it may take of memory, and what each may take. A byte of a text or an image
/// takes one or two.
const GROWTH: usize = 4;
const LEAST_MEMORY: usize = 16 << 20;

/// Letters of an encoding's name that are repeated at most.
const LONGEST_ENCODING: usize = 40;

/// Reads the whole body: at most `limit` bytes, no longer than `stall` between two pieces, and not too slowly.
///
/// # Errors
/// `InvalidRequest`, with the status 413 for one that is too large, or would be once it is read, and 415 for one that is
/// compressed; `Timeout` with 408 for one that is too slow.
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
    if body.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "the body is empty: send the request as JSON"));
    }
    check_memory(&body, LEAST_MEMORY.max(GROWTH * limit))?;
    Ok(body)
}

/// Refuses what is small as it comes and large once it is read: of `{"a":1}` a megabyte would take ninety.
fn check_memory(body: &[u8], most: usize) -> Result<()> {
    // Nothing takes more of a byte, so that usual bodies need not be looked at.
    let densest = MEMORY[0].1 / 2;
    if body.len().saturating_mul(densest) <= most || memory(body, most) <= most {
        return Ok(());
    }
    let message = format!(
        "the body has so many objects and lists that they would take more than {most} bytes of memory: send fewer, or have \
         `gateway.max_body_bytes` raised"
    );
    Err(Error::new(ErrorKind::InvalidRequest, message).with_status(413))
}

/// Bytes of memory that JSON takes for what is in it besides texts; no more is counted than is more than `most`.
fn memory(json: &[u8], most: usize) -> usize {
    let (mut memory, mut rest) = (0, json);
    while memory <= most
        && let Some((byte, after)) = rest.split_first()
    {
        rest = if *byte == b'"' { after_text(after) } else { after };
        memory += MEMORY.iter().find(|(what, _)| what == byte).map_or(0, |(_, bytes)| *bytes);
    }
    memory
}

/// What follows the end of the text that `json` is in.
fn after_text(mut json: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', json) {
        let is_end = json[at] == b'"';
        json = json.get(at + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return json;
        }
    }
    &[]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_texts_takes_no_memory_of_its_own() {
        assert_eq!(memory(br#"{"a":[1,2]}"#, 1000), 700 + 100 + 50);
        assert_eq!(
            memory(br#""{[,\"{[,\\","#, 1000),
            50,
            "a text ends at the first quote that is not escaped"
        );
        assert_eq!(memory(b"[[[[", 150), 200, "it ends where it is too much");
        for broken in [r#""{"#, r#""{\"#, r#"{"a\""#, "]", "{"] {
            assert!(memory(broken.as_bytes(), 1000) <= 700, "{broken}");
        }
    }

    #[test]
    fn what_takes_much_of_a_byte_is_refused_and_what_is_long_is_not() {
        let objects = format!("[{}1]", r#"{"a":1},"#.repeat(1000));
        let error = check_memory(objects.as_bytes(), 100_000).unwrap_err();
        assert_eq!(error.status(), Some(413), "{error}");
        check_memory(objects.as_bytes(), 1_000_000).unwrap();
        let long = format!(r#"["{}"]"#, "{[,".repeat(100_000));
        check_memory(long.as_bytes(), 100_000).unwrap();
    }
}
