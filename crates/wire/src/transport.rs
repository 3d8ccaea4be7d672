//! Sends requests. One connection pool for each set of settings and each runtime.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, PROXY_AUTHORIZATION, USER_AGENT},
};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::runtime::{self, Handle};
use ultraai_core::{Error, ErrorKind, Result};

use crate::{
    Address, Body, Headers, Proxy,
    body::Coding,
    connect::{AGENT, Connector},
    failure,
};

/// How long a connection waits for its next request before it is closed. Load balancers close theirs after 60 seconds and
/// more, so ours are gone before.
const POOL_IDLE: Duration = Duration::from_secs(55);

/// How often an HTTP/2 connection with requests under way is asked whether it still lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long the answer to that is waited for; then the connection and what is under way on it are given up.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How many runtimes have clients of their own. A program has one, or one for each thread; but it may also make one for
/// each call, and what ended tells nobody.
const MOST_RUNTIMES: usize = 128;

const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// Headers that a request gets here and in the client below.
const ADDED_HEADERS: usize = 6;

/// What connections differ in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportSettings {
    /// Upper bound of the time to connect, TLS included. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// The proxy. Default: the environment's, and none for loopback addresses.
    pub proxy: Proxy,
    /// A PEM file of certificate authorities that are trusted besides the platform's, read at the first request. It
    /// needs the feature `tls`. Default: none.
    pub ca_file: Option<PathBuf>,
    /// Upper bound of the number of headers of a response. Default: 100, which is hyper's own.
    pub max_headers: usize,
    /// Upper bound of the headers of a response together, in bytes; over HTTP/1 it is at most the 408 KiB that hyper
    /// reads. Default: 64 KiB.
    pub max_header_bytes: usize,
}

impl TransportSettings {
    /// Settings with this upper bound of the time to connect.
    pub fn new(connect_timeout: Duration) -> Self {
        Self {
            connect_timeout,
            proxy: Proxy::default(),
            ca_file: None,
            max_headers: 100,
            max_header_bytes: 64 << 10,
        }
    }
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

/// Sends requests and shares its connections with every transport of equal settings in the same runtime.
#[derive(Clone, Debug)]
pub struct Transport(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: Key,
    /// Made at the first request: building a provider does no I/O, and reading the system's roots is some.
    #[cfg(feature = "tls")]
    tls: std::sync::OnceLock<Result<rustls::ClientConfig>>,
    /// A client for each runtime: a connection is a task of the runtime that opened it. It ends with that one, and
    /// whoever else sends something through it wakes another thread up and waits for it.
    clients: RwLock<Vec<(Option<runtime::Id>, Client)>>,
}

/// The connections of one runtime.
#[derive(Clone, Debug)]
struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    connector: Connector,
}

#[derive(Debug, PartialEq, Eq)]
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
        let direct = address.is_loopback() && !settings.proxy.is_named();
        let roots = address.is_https() || !direct || settings.ca_file.is_some();
        let key = Key { settings, direct, roots };
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = pools.iter().filter_map(Weak::upgrade);
        if let Some(shared) = known.find(|shared| shared.key == key) {
            return Self(shared);
        }
        let shared = Arc::new(Shared::new(key));
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(&shared));
        Self(shared)
    }

    /// Posts JSON and waits for the head of the response, whatever its status.
    ///
    /// # Errors
    /// `Connect` or `Interrupted`, which name host and port, `Authentication` for the credentials of a proxy, and `Undecodable`
    /// for a redirect and for a head that is too large or none.
    pub async fn post_json(&self, address: &Address, headers: &Headers, body: Vec<u8>) -> Result<Response> {
        self.post(address, headers, "application/json", body).await
    }

    /// As [`post_json`](Self::post_json), with the fields of a form, as token endpoints want them.
    ///
    /// # Errors
    /// As [`post_json`](Self::post_json).
    pub async fn post_form(&self, address: &Address, headers: &Headers, body: Vec<u8>) -> Result<Response> {
        self.post(address, headers, "application/x-www-form-urlencoded", body).await
    }

    async fn post(
        &self,
        address: &Address,
        headers: &Headers,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<Response> {
        let content_type = HeaderValue::from_static(content_type);
        self.send(address, Method::POST, headers, Some(content_type), body.into()).await
    }

    /// Gets, and waits for the head of the response, whatever its status.
    ///
    /// # Errors
    /// `Connect` or `Interrupted`, which name host and port, `Authentication` for the credentials of a proxy, and `Undecodable`
    /// for a redirect and for a head that is too large or none.
    pub async fn get(&self, address: &Address, headers: &Headers) -> Result<Response> {
        self.send(address, Method::GET, headers, None, Bytes::new()).await
    }

    async fn send(
        &self,
        address: &Address,
        method: Method,
        headers: &Headers,
        content_type: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<Response> {
        let client = self.0.client().map_err(Error::unsent)?;
        let uri = address.uri().map_err(Error::unsent)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        let told = request.headers_mut();
        told.reserve(headers.map().len() + ADDED_HEADERS);
        told.extend([(USER_AGENT, AGENT), (ACCEPT, ANYTHING)]);
        told.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        told.extend(client.connector.proxy_authorization(uri).map(|value| (PROXY_AUTHORIZATION, value)));
        for (name, value) in headers.map() {
            told.insert(name, value.clone());
        }
        let settings = &self.0.key.settings;
        let sent = client.http.request(request).await;
        let response = sent.map_err(|error| failure::sending(error, address, settings))?;
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(failure::proxy_credentials().with_status(407));
        }
        check_head(response.headers(), settings)?;
        if response.status().is_redirection() {
            return Err(redirect(&response, address).with_status(response.status().as_u16()));
        }
        Ok(Response(response))
    }
}

impl Shared {
    fn new(key: Key) -> Self {
        Self {
            key,
            #[cfg(feature = "tls")]
            tls: std::sync::OnceLock::new(),
            clients: RwLock::default(),
        }
    }

    /// The client of this runtime.
    fn client(&self) -> Result<Client> {
        let runtime = Handle::try_current().ok().map(|runtime| runtime.id());
        let of_runtime = |clients: &[(Option<runtime::Id>, Client)]| {
            clients.iter().find(|(id, _)| *id == runtime).map(|(_, client)| client.clone())
        };
        if let Some(client) = of_runtime(&self.clients.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(client);
        }
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = of_runtime(&clients) {
            return Ok(client);
        }
        let client = self.build()?;
        if clients.len() == MOST_RUNTIMES {
            // The oldest has most likely ended; if not, it opens its connections once more.
            clients.remove(0);
        }
        clients.push((runtime, client.clone()));
        Ok(client)
    }

    fn build(&self) -> Result<Client> {
        let key = &self.key;
        let connector = Connector::new(
            key.settings.proxy.matcher(key.direct)?,
            key.settings.connect_timeout,
            #[cfg(feature = "tls")]
            self.tls()?,
        );
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_max_header_list_size(u32::try_from(key.settings.max_header_bytes).unwrap_or(u32::MAX));
        // Hyper keeps as many in place, without memory of their own, unless it is told.
        if key.settings.max_headers > 100 {
            builder.http1_max_headers(key.settings.max_headers);
        }
        Ok(Client { http: builder.build(connector.clone()), connector })
    }

    /// What TLS is spoken with; the clones share the roots and the sessions.
    #[cfg(feature = "tls")]
    fn tls(&self) -> Result<rustls::ClientConfig> {
        let read = || crate::tls::config(self.key.roots, self.key.settings.ca_file.as_deref());
        self.tls.get_or_init(read).clone()
    }
}

fn check_head(headers: &HeaderMap, settings: &TransportSettings) -> Result<()> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let why = match (headers.len() > settings.max_headers, bytes > settings.max_header_bytes) {
        (false, false) => return Ok(()),
        (true, _) => format!("has more than {} headers (`http.max_headers`)", settings.max_headers),
        (_, true) => {
            format!("is larger than {} bytes (`http.max_header_bytes`)", settings.max_header_bytes)
        }
    };
    Err(Error::new(ErrorKind::Undecodable, format!("the head of the answer {why}, which is the limit")))
}

fn redirect(response: &http::Response<Incoming>, address: &Address) -> Error {
    let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
    let host = target.and_then(|target| address.url().join(target).ok());
    let host =
        host.as_ref().and_then(url::Url::host_str).map_or_else(String::new, |host| format!(" at {host}"));
    let message = format!(
        "the server points to another address{host}, which is not followed, so that no key reaches another host: set `base_url` of the provider to it"
    );
    // It is no answer, and the request's author can do nothing about it.
    Error::new(ErrorKind::Undecodable, message)
}

/// The head of a response, and its body, which comes later.
#[must_use = "a response that is dropped closes its connection"]
pub struct Response(http::Response<Incoming>);

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

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The body.
    pub fn into_body(self) -> Body {
        let mut codings = self.0.headers().get_all(CONTENT_ENCODING).iter();
        let coding = match (codings.next(), codings.next()) {
            (None, _) => Coding::Plain,
            (Some(named), None) => Coding::of(named.to_str().unwrap_or("?")),
            (Some(_), Some(_)) => Coding::Other("more than one".to_owned()),
        };
        Body::new(self.0.into_body(), coding)
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
        let settings = || TransportSettings::new(Duration::from_millis(1234));
        let at = |url: &str| BaseUrl::parse(url).unwrap().join("x");
        let near = at("http://127.0.0.1:1");
        let transport = Transport::new(settings(), &near);
        let shares =
            |settings, address: &Address| Arc::ptr_eq(&transport.0, &Transport::new(settings, address).0);
        assert!(shares(settings(), &at("http://localhost:2")));
        assert!(!shares(settings(), &at("http://example.com")));
        assert!(!shares(TransportSettings::default(), &near));
        let changes: [fn(&mut TransportSettings); 4] = [
            |settings| settings.proxy = Proxy::parse("http://user:a@proxy").unwrap(),
            |settings| settings.ca_file = Some("ca.pem".into()),
            |settings| settings.max_headers = 7,
            |settings| settings.max_header_bytes = 7,
        ];
        for change in changes {
            let mut other = settings();
            change(&mut other);
            assert!(!shares(other, &near));
        }
    }
}
