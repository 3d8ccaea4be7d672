//! Odd methods, addresses and headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use fastrand::Rng;

/// A method and an address: mostly those that are right.
pub(crate) fn line(random: &mut Rng, path: &str) -> (Method, String) {
    let method = match random.u8(..40) {
        0 => Method::GET,
        1 => Method::PUT,
        2 => Method::from_bytes(b"BREW").expect("it is a token"),
        _ => Method::POST,
    };
    let path = match random.u8(..40) {
        0 => format!("{path}/"),
        1 => format!("{path}?a=%00&b=[]"),
        2 => path.to_uppercase(),
        3 => "/v1/models/%2e%2e%2f%ff".to_owned(),
        4 => format!("/{path}"),
        5 => "/".to_owned(),
        _ => path.to_owned(),
    };
    (method, path)
}

const NAMES: &[&str] = &[
    "authorization",
    "x-api-key",
    "content-type",
    "content-encoding",
    "content-length",
    "accept",
    "accept-encoding",
    "x-request-id",
    "anthropic-version",
    "anthropic-beta",
    "openai-organization",
    "openai-beta",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "host",
    "expect",
    "traceparent",
    "idempotency-key",
    "x-stainless-timeout",
    "x-ultraai-strategy",
    "cookie",
];

const VALUES: &[&[u8]] = &[
    b"",
    b"Bearer",
    b"Bearer ",
    b"Bearer \xff\xfe",
    b"Basic Og==",
    b"sk-\x80",
    b"text/plain",
    b"application/json; charset=utf-16",
    b"multipart/form-data; boundary=x",
    b"gzip",
    b"br, gzip;q=0",
    b"-1",
    b"99999999999999999999",
    b"0",
    b"*/*",
    b"null",
    b"https://evil.example",
    b"100-continue",
    b"2023-06-01",
    b"a\tb",
    b"\xc3\xa9",
    b"00-00000000000000000000000000000000-0000000000000000-00",
];

/// Puts up to three odd headers in; a name may stand twice.
pub(crate) fn spoil(random: &mut Rng, headers: &mut HeaderMap) {
    for _ in 0..random.usize(..4) {
        let name = HeaderName::from_static(NAMES[random.usize(..NAMES.len())]);
        let value = match random.u8(..12) {
            0 => HeaderValue::from_bytes(&vec![b'a'; random.usize(1..5000)]),
            _ => HeaderValue::from_bytes(VALUES[random.usize(..VALUES.len())]),
        };
        headers.append(name, value.expect("none of them holds a control character"));
    }
}
