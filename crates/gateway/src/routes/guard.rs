//! Who may call from a browser.
//!
//! A gateway without keys trusts the machine, and a browser on it runs pages of strangers. Such a page can post to a
//! loopback address (the browser then tells its `Origin`), or have its own name resolve to one (then `Host` is that
//! name). Neither is let in.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
        },
        uri::Authority,
    },
    response::{IntoResponse as _, Response},
};
use ultraai::{Error, ErrorKind};

use crate::App;

/// How long a browser may remember what a preflight said; more than two hours none does.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// What is sent to an address is either read or done.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");

/// Lets a request in that comes from no strange page, and tells browsers what the pages of `cors_origins` may do.
pub(super) async fn guarded(app: Arc<App>, request: Request) -> Response {
    let is_open = !app.state.demands_key();
    let origin = request.headers().get(ORIGIN).cloned();
    let is_allowed = origin.as_ref().is_some_and(|origin| {
        let live = app.live();
        live.gateway().cors_origins.iter().any(|one| one == "*" || one.as_bytes() == origin.as_bytes())
    });
    if is_open && let Some(why) = stranger(&request, origin.as_ref().filter(|_| !is_allowed)) {
        let error = Error::new(ErrorKind::PermissionDenied, why);
        return super::begin(app, request).refused(&error);
    }
    let mut response = match is_allowed && is_preflight(&request) {
        true => preflight(request.headers()),
        false => super::routed(app, request).await,
    };
    if let Some(origin) = origin.filter(|_| is_allowed) {
        let headers = response.headers_mut();
        let exposed = exposed(headers);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(VARY, HeaderValue::from_static("origin"));
        headers.extend(exposed.map(|exposed| (ACCESS_CONTROL_EXPOSE_HEADERS, exposed)));
    }
    response
}

/// Why a request to a gateway without keys is refused.
fn stranger(request: &Request, strange_origin: Option<&HeaderValue>) -> Option<String> {
    const ADVICE: &str = "make a key with `ultraai keys create`";
    if let Some(origin) = strange_origin {
        let origin = origin.to_str().unwrap_or("?");
        return Some(format!(
            "pages of `{origin}` may not call a gateway without access keys: name the origin in `gateway.cors_origins`, or {ADVICE}"
        ));
    }
    let given = request.headers().get_all(HOST).iter().map(|host| host.to_str().unwrap_or("?"));
    let mut hosts = request.uri().authority().map(Authority::as_str).into_iter().chain(given);
    let host = hosts.find(|host| !is_this_machine(host))?;
    Some(format!(
        "a gateway without access keys answers to `localhost` and loopback addresses only, not to the host `{host}`: call it by one of those, or {ADVICE}"
    ))
}

/// Whether a host, with its port or without, is a loopback name or address.
fn is_this_machine(host: &str) -> bool {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.');
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let (under, last) = name.rsplit_once('.').unwrap_or(("", name));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    last.eq_ignore_ascii_case("localhost") && under.bytes().all(is_plain)
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a browser asks before it sends what a page wants: it comes without the page's key.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    // Clients send headers of their own, and none of them means harm here.
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        headers.insert(VARY, HeaderValue::from_name(ACCESS_CONTROL_REQUEST_HEADERS));
    }
    response
}

/// The headers of an answer that a page may read besides those that it always may.
fn exposed(headers: &HeaderMap) -> Option<HeaderValue> {
    let is_ours = |name: &&HeaderName| {
        let name = name.as_str();
        ["x-request-id", "request-id", "retry-after"].contains(&name)
            || ["x-ultraai-", "x-ratelimit-", "anthropic-ratelimit-"]
                .iter()
                .any(|start| name.starts_with(start))
    };
    let names: Vec<_> = headers.keys().filter(is_ours).map(HeaderName::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).ok().filter(|names| !names.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_what_only_looks_like_it() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:80",
            "localhost.",
            "localhost:",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        let others = [
            "evil.com",
            "localhost.evil.com",
            "127.0.0.1.nip.io",
            "192.168.0.1",
            "[::2]:1",
            "0.0.0.0",
            "",
            "?",
            "2130706433",
            "localhost:80:80",
            "localhost:x",
            "evil.com/.localhost",
            "evil.com@localhost",
            "localhost@evil.com",
            "[localhost]",
        ];
        for host in others {
            assert!(!is_this_machine(host), "{host}");
        }
        assert!(is_this_machine("[::ffff:127.0.0.1]"));
    }
}
