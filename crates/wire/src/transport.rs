//! Sends requests. One connection pool for each set of settings.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
};
use ultraai_core::{Error, ErrorKind, Result};

use crate::{Address, Body, Headers, failure};

/// What connections differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportSettings {
    /// Upper bound of the time to connect, TLS included. Default: 10 seconds.
    pub connect_timeout: Duration,
}

impl TransportSettings {
    /// Settings with this upper bound of the time to connect.
    pub fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout }
    }
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

/// Sends requests and shares its connections with every transport of equal settings in the process.
#[derive(Clone, Debug)]
pub struct Transport(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: Key,
    /// Made at the first request: building a provider does no I/O, and reading the system's roots is some.
    client: OnceLock<Result<reqwest::Client>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    settings: TransportSettings,
    /// Never through a proxy.
    direct: bool,
    /// Knows whom to trust.
    roots: bool,
}

/// The pools in use. Dead ones are swept out when a new one comes, so it is as long as there are settings in use.
static POOLS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

impl Transport {
    /// A transport that can send to `address`.
    pub fn new(settings: TransportSettings, address: &Address) -> Self {
        let direct = address.is_loopback();
        let key = Key { settings, direct, roots: address.is_https() || !direct };
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = pools.iter().filter_map(Weak::upgrade);
        if let Some(shared) = known.find(|shared| shared.key == key) {
            return Self(shared);
        }
        let shared = Arc::new(Shared { key, client: OnceLock::new() });
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(&shared));
        Self(shared)
    }

    /// Posts JSON and waits for the head of the response, whatever its status.
    ///
    /// # Errors
    /// `Connect` or `Interrupted`, which name host and port, and `Rejected` for a redirect.
    pub async fn post_json(&self, address: &Address, headers: &Headers, body: Vec<u8>) -> Result<Response> {
        let mut request = reqwest::Request::new(Method::POST, address.url().clone());
        *request.headers_mut() = headers.map().clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.into());
        self.send(address, request).await
    }

    /// Gets, and waits for the head of the response, whatever its status.
    ///
    /// # Errors
    /// `Connect` or `Interrupted`, which name host and port, and `Rejected` for a redirect.
    pub async fn get(&self, address: &Address, headers: &Headers) -> Result<Response> {
        let mut request = reqwest::Request::new(Method::GET, address.url().clone());
        *request.headers_mut() = headers.map().clone();
        self.send(address, request).await
    }

    async fn send(&self, address: &Address, request: reqwest::Request) -> Result<Response> {
        let client = self
            .0
            .client
            .get_or_init(|| client(self.0.key))
            .as_ref()
            .map_err(|error| error.clone().unsent())?;
        let sent = client.execute(request).await;
        let response = sent.map_err(|error| failure::sending(error, address, self.0.key.settings))?;
        if response.status().is_redirection() {
            return Err(redirect(&response).with_status(response.status().as_u16()));
        }
        Ok(Response(response))
    }
}

fn client(key: Key) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("ultraai/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(key.settings.connect_timeout);
    let builder = if key.direct { builder.no_proxy() } else { builder };
    #[cfg(feature = "tls")]
    let builder = builder.tls_backend_preconfigured(crate::tls::config(key.roots)?);
    builder.build().map_err(|error| {
        Error::new(
            ErrorKind::Config,
            "the HTTP client cannot be set up: look at the proxy settings of the environment",
        )
        .with_source(error.without_url())
    })
}

fn redirect(response: &reqwest::Response) -> Error {
    let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
    let host = target.and_then(|target| response.url().join(target).ok());
    let host =
        host.as_ref().and_then(reqwest::Url::host_str).map_or_else(String::new, |host| format!(" at {host}"));
    let message = format!(
        "the server points to another address{host}, which is not followed, so that no key reaches another host: set `base_url` to it"
    );
    Error::new(ErrorKind::Rejected, message)
}

/// The head of a response, and its body, which comes later.
#[must_use = "a response that is dropped closes its connection"]
pub struct Response(reqwest::Response);

impl Response {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// Whether the status says success.
    pub fn is_success(&self) -> bool {
        self.0.status().is_success()
    }

    /// A header's value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name)?.to_str().ok()
    }

    /// The body.
    pub fn into_body(self) -> Body {
        Body::new(self.0.into())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BaseUrl;

    #[test]
    fn equal_settings_share_their_connections() {
        let settings = TransportSettings::new(Duration::from_millis(1234));
        let near = BaseUrl::parse("http://127.0.0.1:1").unwrap().join("x");
        let nearer = BaseUrl::parse("http://localhost:2").unwrap().join("x");
        let far = BaseUrl::parse("http://example.com").unwrap().join("x");
        let transport = Transport::new(settings, &near);
        assert!(Arc::ptr_eq(&transport.0, &Transport::new(settings, &nearer).0));
        assert!(!Arc::ptr_eq(&transport.0, &Transport::new(settings, &far).0));
        assert!(!Arc::ptr_eq(&transport.0, &Transport::new(TransportSettings::default(), &near).0));
    }
}
