//! What reqwest's errors mean.

use std::{error::Error as StdError, io};

use ultraai_core::{Error, ErrorKind, Result};

use crate::{Address, TransportSettings};

/// Why no response came.
pub(crate) fn sending(error: reqwest::Error, address: &Address, settings: TransportSettings) -> Error {
    let error = error.without_url();
    let place = address.host_and_port();
    if error.is_connect() {
        let why = connecting(&error, settings);
        return Error::new(ErrorKind::Connect, format!("no connection to {place}: {why}")).with_source(error);
    }
    let message = match has(&error, |cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionReset) {
        true => format!("{place} reset the connection before it answered"),
        false => format!("the connection to {place} broke off before an answer came"),
    };
    Error::new(ErrorKind::Interrupted, message).with_source(error)
}

/// Why the body broke off.
pub(crate) fn reading(error: reqwest::Error) -> Error {
    Error::new(ErrorKind::Interrupted, "the connection broke off while the answer came")
        .with_source(error.without_url())
}

pub(crate) fn too_large<T>(what: &str, limit: usize) -> Result<T> {
    Err(Error::new(
        ErrorKind::Undecodable,
        format!("{what} is larger than {limit} bytes, which is the limit"),
    ))
}

fn connecting(error: &reqwest::Error, settings: TransportSettings) -> String {
    if error.is_timeout() {
        return format!(
            "not made within {} seconds (`connect_timeout_seconds`)",
            settings.connect_timeout.as_secs_f64()
        );
    }
    // Name lookup has no error type of its own; hyper-util marks it with these words.
    if causes(error).any(|cause| cause.to_string() == "dns error") {
        return "the host name was not found".to_owned();
    }
    #[cfg(feature = "tls")]
    if let Some(why) = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return match why {
            rustls::Error::InvalidCertificate(_) => "the server's certificate is not trusted".to_owned(),
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

fn has<E: StdError + 'static>(error: &reqwest::Error, wanted: impl Fn(&E) -> bool) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<E>()).any(wanted)
}

/// The causes, outermost first. An I/O error around another error gives not that error as its source, but that error's
/// source, so it is opened instead.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => (*cause).source(),
        }
    })
}
