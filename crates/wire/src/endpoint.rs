//! One address with what is sent along: the headers, the key, the limits.

use std::{borrow::Cow, fmt, sync::Arc};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ultraai_core::{Error, ErrorKind, Result, Route, Secret, async_trait};

use crate::{Address, Limits, Response, Transport, TransportSettings};

/// A credential that is more than a header which is always the same: a signature of each request, or a token that has to be
/// fetched and expires.
#[async_trait]
pub trait Authorizer: fmt::Debug + Send + Sync + 'static {
    /// The headers that show who sends `request`. Their values are never printed.
    ///
    /// # Errors
    /// `Authentication` or `Config`, without any part of the credential.
    async fn authorize(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>>;
}

/// A request that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// The HTTP method.
    pub method: &'static str,
    /// The whole address.
    pub url: &'a str,
    /// The headers so far, by their names in lower case; the transport adds its own, such as `host`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// Headers of a request. A key's value is never printed.
#[derive(Clone, Debug, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Adds a header.
    ///
    /// # Errors
    /// `Config`, which names the header and does not repeat the value.
    pub fn with(mut self, name: &'static str, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                format!("the value for the header `{name}` holds a control character"),
            )
        })?;
        self.0.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Adds a header that holds a secret, after `prefix`.
    ///
    /// # Errors
    /// `Config`, when no header can hold it.
    pub fn with_secret(self, name: &'static str, prefix: &str, secret: &Secret) -> Result<Self> {
        self.with_hidden(name, format!("{prefix}{}", secret.expose()))
    }

    /// Adds a header whose value is never printed; unlike a key, a signature holds spaces.
    fn with_hidden(mut self, name: &'static str, value: String) -> Result<Self> {
        let value = HeaderValue::try_from(value);
        let mut value =
            value.map_err(|_| Error::new(ErrorKind::Config, "the key holds what no header can hold"))?;
        value.set_sensitive(true);
        self.0.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        &self.0
    }
}

/// One address with what is sent along.
#[derive(Clone, Debug)]
pub struct Endpoint {
    transport: Transport,
    address: Address,
    headers: Headers,
    secret: Option<Secret>,
    authorizer: Option<Arc<dyn Authorizer>>,
    limits: Limits,
}

impl Endpoint {
    /// The endpoint at `address`.
    pub fn new(settings: TransportSettings, address: Address) -> Self {
        let transport = Transport::new(settings, &address);
        Self {
            transport,
            address,
            headers: Headers::default(),
            secret: None,
            authorizer: None,
            limits: Limits::default(),
        }
    }

    /// Sends `key` as `Authorization: Bearer`.
    ///
    /// # Errors
    /// `Config`, when no header can hold it.
    pub fn with_bearer(self, key: Secret) -> Result<Self> {
        self.with_key("authorization", "Bearer ", key)
    }

    /// Sends `key` in the header `name`, after `prefix`. It is the one that is taken out of what a server repeats.
    ///
    /// # Errors
    /// `Config`, when no header can hold it.
    pub fn with_key(mut self, name: &'static str, prefix: &str, key: Secret) -> Result<Self> {
        self.headers = self.headers.with_secret(name, prefix, &key)?;
        self.secret = Some(key);
        Ok(self)
    }

    /// Has each request authorized by `authorizer`, whose `secret` tells who asks and is taken out of what a server repeats.
    #[must_use]
    pub fn with_authorizer(mut self, authorizer: Arc<dyn Authorizer>, secret: Secret) -> Self {
        self.authorizer = Some(authorizer);
        self.secret = Some(secret);
        self
    }

    /// Sends a header.
    ///
    /// # Errors
    /// `Config`, which names the header.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.headers = self.headers.with(name, value)?;
        Ok(self)
    }

    /// Sets the limits of what is read.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The limits of what is read.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The key that is sent, so that it can be taken out of what a server repeats.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// Posts JSON to the address, or to a place below it, with `headers` besides its own, and waits for the head of the
    /// response, whatever its status.
    ///
    /// # Errors
    /// As [`Transport::post_json`]; what the headers or the credential lack is unsent.
    pub async fn post_json(
        &self,
        route: Option<&Route>,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Response> {
        let address = self.place(route);
        let headers = self.headers("POST", &address, headers, &body).await.map_err(Error::unsent)?;
        self.transport.post_json(&address, &headers, body).await
    }

    /// Posts the fields of a form to the address, as token endpoints want them, and waits for the head of the response.
    ///
    /// # Errors
    /// As [`post_json`](Self::post_json).
    pub async fn post_form(&self, fields: &[(&str, &str)]) -> Result<Response> {
        // What stands behind a question mark has the form of a form.
        let mut form = self.address.url().clone();
        form.query_pairs_mut().clear().extend_pairs(fields);
        let body = form.query().unwrap_or_default().as_bytes().to_vec();
        let headers = self.headers("POST", &self.address, &[], &body).await.map_err(Error::unsent)?;
        self.transport.post_form(&self.address, &headers, body).await
    }

    /// Gets what stands at the address, or at a place below it.
    ///
    /// # Errors
    /// As [`Transport::get`]; what the credential lacks is unsent.
    pub async fn get(&self, route: Option<&Route>) -> Result<Response> {
        self.get_with(route, &[]).await
    }

    /// As [`get`](Self::get), with `query` after the question mark.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_with(
        &self,
        route: Option<&Route>,
        query: &[(&'static str, String)],
    ) -> Result<Response> {
        let address = self.place(route).into_owned().with_query(query);
        let headers = self.headers("GET", &address, &[], &[]).await.map_err(Error::unsent)?;
        self.transport.get(&address, &headers).await
    }

    fn place(&self, route: Option<&Route>) -> Cow<'_, Address> {
        match route {
            Some(route) => Cow::Owned(self.address.at(route)),
            None => Cow::Borrowed(&self.address),
        }
    }

    async fn headers(
        &self,
        method: &'static str,
        address: &Address,
        more: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<Cow<'_, Headers>> {
        if more.is_empty() && self.authorizer.is_none() {
            return Ok(Cow::Borrowed(&self.headers));
        }
        let mut headers = self.headers.clone();
        for (name, value) in more {
            headers = headers.with(name, value)?;
        }
        if let Some(authorizer) = &self.authorizer {
            let url = address.to_string();
            let said: Vec<_> = headers
                .0
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
                .collect();
            let unsigned = Unsigned { method, url: &url, headers: &said, body };
            for (name, value) in authorizer.authorize(&unsigned).await? {
                headers = headers.with_hidden(name, value)?;
            }
        }
        Ok(Cow::Owned(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BaseUrl;

    #[test]
    fn a_key_is_not_printed() {
        let address = BaseUrl::parse("http://localhost:1").unwrap().join("x");
        let endpoint = Endpoint::new(TransportSettings::default(), address);
        let endpoint = endpoint.with_bearer(Secret::new("sk-hunter2").unwrap()).unwrap();
        let text = format!("{endpoint:?}");
        assert!(text.contains("authorization") && !text.contains("hunter2"), "{text}");
    }

    #[derive(Debug)]
    struct Signs;

    #[async_trait]
    impl Authorizer for Signs {
        async fn authorize(&self, request: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>> {
            let signed = format!("SCHEME of={}, signature=hunter2", request.method);
            Ok(vec![("authorization", signed)])
        }
    }

    #[tokio::test]
    async fn a_signature_may_hold_spaces_and_is_not_printed() {
        let address = BaseUrl::parse("http://localhost:1").unwrap().join("x");
        let secret = Secret::new("sk-1").unwrap();
        let endpoint = Endpoint::new(TransportSettings::default(), address.clone());
        let endpoint = endpoint.with_authorizer(Arc::new(Signs), secret);
        let headers = endpoint.headers("POST", &address, &[], b"{}").await.unwrap();
        let sent = headers.map().get("authorization").unwrap();
        assert_eq!(sent, "SCHEME of=POST, signature=hunter2");
        assert!(!format!("{headers:?}").contains("hunter2"));
    }

    #[test]
    fn a_value_that_no_header_can_hold_is_refused_by_name() {
        let error = Headers::default().with("openai-project", "a\nb").unwrap_err().to_string();
        assert!(error.contains("`openai-project`"), "{error}");
    }
}
