//! Addresses that were checked before anything is sent to them.

use std::fmt;

use http::Uri;
use ultraai_core::{Error, ErrorKind, Result, Route};
use url::Url;

/// Where an API lives: absolute, `http` or `https`, without credentials, query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Checks the address. A slash at its end does not matter.
    ///
    /// # Errors
    /// `Config`, which says what is wrong and never repeats the address, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| Err(Error::new(ErrorKind::Config, format!("`base_url` {why}")));
        let url = match Url::parse(text.trim()) {
            Ok(url) => url,
            Err(why) => return wrong(&format!("is no address ({why}): write it like https://host/v1")),
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return wrong("is no http or https address: write it like https://host/v1");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("holds a user or a password: give the key as `api_key`");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("holds a query or a fragment: end it with the path");
        }
        if url.scheme() == "https" && !cfg!(feature = "tls") {
            return wrong("is an https address: enable the feature `tls`, or name an http address");
        }
        Ok(Self(url))
    }

    /// The same address, where it ends in none of `ends`: paths that the protocol adds itself, and would stand there twice.
    ///
    /// # Errors
    /// `Config`, which names the end.
    pub fn before(self, ends: &[&str]) -> Result<Self> {
        let path = self.0.path().trim_end_matches('/');
        match ends.iter().find(|end| path.ends_with(*end)) {
            Some(end) => {
                let message =
                    format!("`base_url` ends in the path of the protocol: give the address before `{end}`");
                Err(Error::new(ErrorKind::Config, message))
            }
            None => Ok(self),
        }
    }

    /// The address of `path` under this one.
    pub fn join(&self, path: &str) -> Address {
        Address::new(below(&self.0, path))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a request is sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// The same as HTTP has it; none where it is longer than that may be.
    uri: Option<Uri>,
}

impl Address {
    fn new(url: Url) -> Self {
        let uri = url.as_str().parse().ok();
        Self { url, uri }
    }

    /// The address of `route` below this one.
    pub(crate) fn at(&self, route: &Route) -> Self {
        let mut url = below(&self.url, &route.path);
        url.set_query(route.query);
        Self::new(url)
    }

    /// This address with what stands after the question mark; nothing, where `query` is empty.
    pub(crate) fn with_query(self, query: &[(&'static str, String)]) -> Self {
        if query.is_empty() {
            return self;
        }
        let mut url = self.url;
        url.query_pairs_mut().extend_pairs(query);
        Self::new(url)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The address as a request names it.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub(crate) fn uri(&self) -> Result<&Uri> {
        self.uri.as_ref().ok_or_else(|| {
            let message = "the address is longer than a request may have it: name a shorter model";
            Error::new(ErrorKind::InvalidRequest, message)
        })
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        // A bracketed IPv6 address is no `IpAddr`; without the brackets it is.
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let named = host == "localhost" || host.ends_with(".localhost");
        named || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host and port, for error texts.
    pub(crate) fn host_and_port(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `path` under `url`; what would end a path or climb out of it is escaped, and what is escaped already stays.
fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    let mut whole = url.path().trim_end_matches('/').to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty() && !is_dots(segment)) {
        whole.push('/');
        for (at, character) in segment.char_indices() {
            match character {
                '%' if !is_escape(&segment[at..]) => whole.push_str("%25"),
                '\\' => whole.push_str("%5C"),
                // Left out of an address that is read as a whole.
                '\t' => whole.push_str("%09"),
                '\n' => whole.push_str("%0A"),
                '\r' => whole.push_str("%0D"),
                // The rest is escaped where the path is set.
                other => whole.push(other),
            }
        }
    }
    url.set_path(&whole);
    url
}

/// Whether it is one or two dots, escaped or not, which would climb.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// Whether a percent sign and two digits stand at the start.
fn is_escape(text: &str) -> bool {
    text.as_bytes().get(1..3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_does_not_matter() {
        for base in ["http://host:1/v1", "http://host:1/v1/", " http://host:1/v1"] {
            let address = BaseUrl::parse(base).unwrap().join("/chat/completions");
            assert_eq!(address.to_string(), "http://host:1/v1/chat/completions");
            assert_eq!(address.host_and_port(), "host:1");
        }
        assert_eq!(BaseUrl::parse("http://host").unwrap().join("models").to_string(), "http://host/models");
    }

    #[test]
    fn a_route_lies_below_the_address_whatever_the_model_is_called() {
        let address = BaseUrl::parse("http://host/v1beta").unwrap().join("");
        for (path, query, expected) in [
            ("models/m:generateContent", None, "http://host/v1beta/models/m:generateContent"),
            ("models/m:stream", Some("alt=sse"), "http://host/v1beta/models/m:stream?alt=sse"),
            ("models/a?b#c/../d:x", None, "http://host/v1beta/models/a%3Fb%23c/d:x"),
            ("models/%2E./.%2e/a\\b\tc\nd/100%", None, "http://host/v1beta/models/a%5Cb%09c%0Ad/100%25"),
            (
                "model/arn%3Aaws%2Fé ü/converse",
                None,
                "http://host/v1beta/model/arn%3Aaws%2F%C3%A9%20%C3%BC/converse",
            ),
        ] {
            let route = Route { path: path.into(), query };
            assert_eq!(address.at(&route).to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused_without_repeating_it() {
        for (base, why) in [
            ("", "is no address"),
            ("host/v1", "is no address"),
            ("localhost:8080/v1", "no http or https"),
            ("ftp://host/", "no http or https"),
            ("http://user:hunter2@host/", "a user or a password"),
            ("http://host/v1?key=hunter2", "a query"),
            ("http://host/v1#hunter2", "a query"),
        ] {
            let error = BaseUrl::parse(base).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains(why) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn https_needs_the_feature_that_its_error_names() {
        let parsed = BaseUrl::parse("https://host/v1");
        assert_eq!(parsed.is_ok(), cfg!(feature = "tls"));
        assert!(parsed.err().is_none_or(|error| error.to_string().contains("feature `tls`")));
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (base, expected) in [
            ("http://localhost/", true),
            ("http://a.localhost/", true),
            ("http://127.8.0.1:80/", true),
            ("http://[::1]:9/", true),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(BaseUrl::parse(base).unwrap().join("x").is_loopback(), expected, "{base}");
        }
    }
}

#[cfg(test)]
mod before {
    use super::*;

    #[test]
    fn an_address_that_ends_in_the_protocols_path_is_refused() {
        let url = |text| BaseUrl::parse(text).unwrap();
        assert!(url("http://host/v1/").before(&["/v1/messages"]).is_ok());
        let error = url("http://host/v1/messages/").before(&["/v1/messages"]).unwrap_err();
        assert!(error.message().ends_with("give the address before `/v1/messages`"), "{error}");
    }
}
