//! The proxy that a provider is reached through.

use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use serde::Deserialize;
use ultraai_core::{Error, ErrorKind, Result};
use url::Url;

/// The proxy that a provider is reached through. By default the environment names it, and loopback addresses are reached
/// without one.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Proxy(Way);

#[derive(Clone, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Environment,
    Direct,
    Through(Url),
}

impl Proxy {
    /// No proxy, whatever the environment names.
    pub fn none() -> Self {
        Self(Way::Direct)
    }

    /// The proxy at an `http` or `https` address, which may hold a user and a password; `none` is no proxy at all.
    ///
    /// # Errors
    /// `Config`, which says what is wrong and never repeats the address, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim() == "none" {
            return Ok(Self::none());
        }
        let wrong = |why: &str| {
            let message = format!("the proxy {why}: write it like http://host:3128, or `none`");
            Err(Error::new(ErrorKind::Config, message))
        };
        let Ok(url) = Url::parse(text.trim()) else { return wrong("is no address") };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return wrong("is no http or https address");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return wrong("has more than a host and a port");
        }
        if url.scheme() == "https" && !cfg!(feature = "tls") {
            return wrong("is an https address, which needs the feature `tls`");
        }
        Ok(Self(Way::Through(url)))
    }

    /// Whether a loopback address is reached through it too.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.0, Way::Through(_))
    }

    /// Its host and port, for error texts; `None` where it is the environment's business.
    pub(crate) fn place(&self) -> Option<String> {
        match &self.0 {
            Way::Through(url) => {
                let host = url.host_str().unwrap_or_default();
                Some(
                    url.port_or_known_default()
                        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
                )
            }
            _ => None,
        }
    }

    /// Which addresses are reached through which proxy; `direct` keeps the environment's away.
    ///
    /// # Errors
    /// `Config` for an address that no request could name: without this it would be gone around.
    pub(crate) fn matcher(&self, direct: bool) -> Result<Option<Matcher>> {
        match &self.0 {
            Way::Environment if !direct => Ok(Some(Matcher::from_env())),
            Way::Environment | Way::Direct => Ok(None),
            // The list of exceptions in the environment belongs to the environment's proxy.
            Way::Through(url) => {
                let matcher = Matcher::builder().all(url.as_str()).build();
                match matcher.intercept(&Uri::from_static("http://host/")) {
                    Some(_) => Ok(Some(matcher)),
                    None => Err(Error::new(ErrorKind::Config, "the address of the proxy cannot be used")),
                }
            }
        }
    }
}

impl TryFrom<String> for Proxy {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0, self.place()) {
            (Way::Environment, _) => f.write_str("Environment"),
            (_, None) => f.write_str("None"),
            (_, Some(place)) => f.debug_tuple("Through").field(&place).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_and_its_password_is_never_printed() {
        let proxy = Proxy::parse("http://user:hunter2@proxy.example:3128/").unwrap();
        assert_eq!(format!("{proxy:?}"), "Through(\"proxy.example:3128\")");
        assert_eq!(format!("{:?} {:?}", Proxy::default(), Proxy::parse("none").unwrap()), "Environment None");
        assert_eq!(Proxy::parse("http://proxy").unwrap().place().as_deref(), Some("proxy:80"));
        assert_ne!(proxy, Proxy::parse("http://user:other@proxy.example:3128/").unwrap());
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_repeating_it() {
        for (text, why) in [
            ("", "is no address"),
            ("hunter2", "is no address"),
            ("hunter2:3128", "no http or https"),
            ("socks5://user:hunter2@host", "no http or https"),
            ("http://host/hunter2", "more than a host"),
            ("http://host?hunter2", "more than a host"),
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains(why) && !text.contains("hunter2"), "{text}");
        }
        assert_eq!(Proxy::parse("https://host").is_ok(), cfg!(feature = "tls"));
    }
}
