//! One address with what is sent along: the headers, the key, the limits.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ultraai_core::{Error, ErrorKind, Result, Route, Secret};

use crate::{Address, Limits, Response, Transport, TransportSettings};

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
    pub fn with_secret(mut self, name: &'static str, prefix: &str, secret: &Secret) -> Result<Self> {
        let value = HeaderValue::try_from(format!("{prefix}{}", secret.expose()));
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
    limits: Limits,
}

impl Endpoint {
    /// The endpoint at `address`.
    pub fn new(settings: TransportSettings, address: Address) -> Self {
        let transport = Transport::new(settings, &address);
        Self { transport, address, headers: Headers::default(), secret: None, limits: Limits::default() }
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

    /// Posts JSON and waits for the head of the response, whatever its status.
    ///
    /// # Errors
    /// As [`Transport::post_json`].
    pub async fn post_json(&self, body: Vec<u8>) -> Result<Response> {
        self.transport.post_json(&self.address, &self.headers, body).await
    }

    /// Posts JSON to a place below the address.
    ///
    /// # Errors
    /// As [`Transport::post_json`].
    pub async fn post_json_to(&self, route: &Route, body: Vec<u8>) -> Result<Response> {
        self.transport.post_json(&self.address.at(route), &self.headers, body).await
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

    #[test]
    fn a_value_that_no_header_can_hold_is_refused_by_name() {
        let error = Headers::default().with("openai-project", "a\nb").unwrap_err().to_string();
        assert!(error.contains("`openai-project`"), "{error}");
    }
}
