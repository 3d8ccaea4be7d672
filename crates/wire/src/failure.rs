//! What the errors of the transport mean.

use std::{error::Error as StdError, io};

use ultraai_core::{Error, ErrorKind, Result};

use crate::{Address, TransportSettings, connect::Refusal};

/// What went wrong below.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// What went wrong below, as it is looked at.
type Below = dyn StdError + 'static;

/// Why no response came.
pub(crate) fn sending(
    error: hyper_util::client::legacy::Error,
    address: &Address,
    settings: &TransportSettings,
) -> Error {
    let place = match settings.proxy.place() {
        Some(proxy) => format!("{} through the proxy {proxy}", address.host_and_port()),
        None => address.host_and_port(),
    };
    if error.is_connect() {
        // The tunnel's errors are not public, so they are known by their words.
        if said(&error, "proxy authorization required") {
            return proxy_credentials().with_source(error);
        }
        let why = connecting(&error, settings);
        return Error::new(ErrorKind::Connect, format!("no connection to {place}: {why}")).with_source(error);
    }
    if let Some(why) = find::<hyper::Error>(&error).and_then(no_head) {
        let message = format!("the head of the answer of {place} {why}");
        return Error::new(ErrorKind::Undecodable, message).with_source(error);
    }
    let message = match breaking(&error) {
        Some(Break::Reset) => format!("{place} reset the connection before it answered"),
        Some(Break::Http2(why)) => format!("{place} {why} before an answer came"),
        _ => format!("the connection to {place} broke off before an answer came"),
    };
    Error::new(ErrorKind::Interrupted, message).with_source(error)
}

/// Why the body broke off.
pub(crate) fn reading(error: Cause) -> Error {
    let message = match breaking(&*error) {
        Some(Break::Reset) => "the server reset the connection while the answer came".to_owned(),
        Some(Break::Http2(why)) => format!("the server {why} while the answer came"),
        Some(Break::Framing) => {
            "the chunks of the body are broken: they ended while the answer came".to_owned()
        }
        None => "the connection broke off while the answer came".to_owned(),
    };
    Error::new(ErrorKind::Interrupted, message).with_source(error)
}

/// Why gzip cannot be decoded.
pub(crate) fn decoding(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip that the answer is encoded in ended before its end",
        _ => "the gzip that the answer is encoded in is broken",
    };
    Error::new(ErrorKind::Interrupted, message).with_source(error)
}

pub(crate) fn unknown_coding<T>(name: &str) -> Result<T> {
    let message = format!("the answer is encoded as `{name}`, which was not asked for: check `base_url`");
    Err(Error::new(ErrorKind::Undecodable, message))
}

pub(crate) fn too_large<T>(what: &str, limit: usize, key: &str) -> Result<T> {
    Err(Error::new(
        ErrorKind::Undecodable,
        format!("{what} is larger than {limit} bytes, which is the limit (`http.{key}`)"),
    ))
}

pub(crate) fn proxy_credentials() -> Error {
    let message = "the proxy refuses the credentials: put user and password into `http.proxy`";
    Error::new(ErrorKind::Authentication, message)
}

/// Why there is a head, but none that could be read.
fn no_head(error: &hyper::Error) -> Option<&'static str> {
    match error.is_parse() {
        // The kinds of this error are told by their words alone.
        true if error.to_string().contains("too large") => {
            Some("has more headers than the limit (`http.max_headers`), or is larger than 408 KiB")
        }
        true => Some("is not of HTTP: check `base_url`"),
        false => None,
    }
}

/// How a connection that was made ended.
enum Break {
    Reset,
    Framing,
    Http2(String),
}

fn breaking(error: &Below) -> Option<Break> {
    if let Some(error) = find::<h2::Error>(error)
        && let Some(reason) = error.reason()
    {
        let what =
            if error.is_go_away() { "closed the HTTP/2 connection" } else { "reset the HTTP/2 stream" };
        return Some(Break::Http2(format!("{what} ({reason:?})")));
    }
    let kinds = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kinds.last().and_then(|kind| match kind {
        io::ErrorKind::ConnectionReset => Some(Break::Reset),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Some(Break::Framing),
        _ => None,
    })
}

fn connecting(error: &Below, settings: &TransportSettings) -> String {
    match find::<Refusal>(error) {
        Some(Refusal::Late) => {
            return format!(
                "not made within {} seconds (`connect_timeout_seconds`)",
                settings.connect_timeout.as_secs_f64()
            );
        }
        Some(Refusal::Socks) => {
            return "the environment names a SOCKS proxy, which is not spoken here: name an http proxy by `http.proxy`, or `none`"
                .to_owned();
        }
        None => {}
    }
    // Name lookup has no error type of its own; hyper-util marks it with these words.
    if said(error, "dns error") {
        return "the host name was not found".to_owned();
    }
    if said(error, "tunnel error: unsuccessful") {
        return "the proxy refused to connect to it".to_owned();
    }
    #[cfg(feature = "tls")]
    if let Some(why) = find::<rustls::Error>(error) {
        return match why {
            rustls::Error::InvalidCertificate(_) => {
                "the server's certificate is not trusted; name a private authority by `http.ca_file`"
                    .to_owned()
            }
            _ => "TLS could not be agreed upon".to_owned(),
        };
    }
    let kinds = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kinds.filter(|kind| *kind != io::ErrorKind::Other).last() {
        Some(io::ErrorKind::ConnectionRefused) => "refused; is the server running there?".to_owned(),
        Some(io::ErrorKind::TimedOut) => "the host does not answer".to_owned(),
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            "the host is unreachable".to_owned()
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
            "the server closed it at once".to_owned()
        }
        _ => "it failed".to_owned(),
    }
}

fn said(error: &Below, words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().contains(words))
}

fn find<E: StdError + 'static>(error: &Below) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// The error and its causes, outermost first. An I/O error around another error gives not that error as its source, but that error's
/// source, so it is opened instead.
fn causes(error: &Below) -> impl Iterator<Item = &Below> {
    std::iter::successors(Some(error), |cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &Below),
            None => (*cause).source(),
        }
    })
}
