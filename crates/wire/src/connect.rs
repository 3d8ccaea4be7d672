//! Makes connections: directly or through a proxy, with TLS where the address asks for it.

use std::{
    error::Error as StdError,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::{
    legacy::connect::{Connected, Connection, HttpConnector},
    proxy::matcher::{Intercept, Matcher},
};
use tower_service::Service;

/// Who asks, as servers and proxies are told.
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("ultraai/", env!("CARGO_PKG_VERSION")));

/// How long a connection may be silent before the system asks whether the other side still lives; as long between two such
/// questions, of which it asks this many.
const PROBE_AFTER: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;

/// How long what was sent may stay unacknowledged before the connection is given up.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

type BoxError = Box<dyn StdError + Send + Sync>;

/// Makes connections. Clones are the same.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    http: HttpConnector,
    #[cfg(feature = "tls")]
    tls: Tls,
    /// None: directly, always.
    proxies: Option<Matcher>,
    within: Duration,
}

/// What TLS is spoken with.
#[cfg(feature = "tls")]
struct Tls {
    to_servers: Arc<rustls::ClientConfig>,
    /// The same without HTTP/2, which no proxy is spoken to by.
    to_proxies: Arc<rustls::ClientConfig>,
}

/// Why no connection was tried, or none was waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The time to connect was over.
    Late,
    /// The environment names a proxy that does not speak HTTP.
    Socks,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "the time to connect was over",
            Self::Socks => "the proxy does not speak HTTP",
        })
    }
}

impl StdError for Refusal {}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// A connector that takes `within` at most, TLS included.
    pub(crate) fn new(
        proxies: Option<Matcher>,
        within: Duration,
        #[cfg(feature = "tls")] tls: rustls::ClientConfig,
    ) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(PROBE_AFTER));
        http.set_keepalive_interval(Some(PROBE_AFTER));
        http.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        #[cfg(feature = "tls")]
        let tls = {
            let mut to_proxies = tls.clone();
            to_proxies.alpn_protocols.clear();
            Tls { to_servers: Arc::new(tls), to_proxies: Arc::new(to_proxies) }
        };
        Self(Arc::new(Inner {
            http,
            #[cfg(feature = "tls")]
            tls,
            proxies,
            within,
        }))
    }

    /// The credentials that a request to `target` has to carry itself: one that a proxy reads, and no tunnel carries.
    pub(crate) fn proxy_authorization(&self, target: &Uri) -> Option<HeaderValue> {
        let proxies = self.0.proxies.as_ref().filter(|_| target.scheme() == Some(&Scheme::HTTP))?;
        proxies.intercept(target)?.basic_auth().cloned()
    }
}

impl Inner {
    async fn connect(&self, target: Uri) -> Result<Link, BoxError> {
        match self.proxies.as_ref().and_then(|proxies| proxies.intercept(&target)) {
            None => self.directly(target).await,
            Some(proxy) if proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks")) => {
                Err(Refusal::Socks.into())
            }
            Some(proxy) => self.through(&proxy, target).await,
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn directly(&self, target: Uri) -> Result<Link, BoxError> {
        let io = self.http.clone().call(target).await?;
        Ok(Link { io: Box::new(io), is_proxied: false })
    }

    #[cfg(feature = "tls")]
    async fn directly(&self, target: Uri) -> Result<Link, BoxError> {
        if target.scheme() == Some(&Scheme::HTTP) {
            let io = self.http.clone().call(target).await?;
            return Ok(Link { io: Box::new(io), is_proxied: false });
        }
        let mut https =
            hyper_rustls::HttpsConnector::from((self.http.clone(), Arc::clone(&self.tls.to_servers)));
        Ok(Link { io: Box::new(https.call(target).await?), is_proxied: false })
    }

    #[cfg(not(feature = "tls"))]
    async fn through(&self, proxy: &Intercept, _: Uri) -> Result<Link, BoxError> {
        let io = self.http.clone().call(proxy.uri().clone()).await?;
        Ok(Link { io: Box::new(io), is_proxied: true })
    }

    #[cfg(feature = "tls")]
    async fn through(&self, proxy: &Intercept, target: Uri) -> Result<Link, BoxError> {
        use http::{HeaderMap, header::USER_AGENT};
        use hyper_rustls::HttpsConnector;
        use hyper_util::client::legacy::connect::proxy::Tunnel;

        let mut to_proxy = HttpsConnector::from((self.http.clone(), Arc::clone(&self.tls.to_proxies)));
        if target.scheme() == Some(&Scheme::HTTP) {
            let io = to_proxy.call(proxy.uri().clone()).await?;
            return Ok(Link { io: Box::new(io), is_proxied: true });
        }
        let told = HeaderMap::from_iter([(USER_AGENT, AGENT)]);
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy).with_headers(told);
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let mut https = HttpsConnector::from((tunnel, Arc::clone(&self.tls.to_servers)));
        Ok(Link { io: Box::new(https.call(target).await?), is_proxied: false })
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Link, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            match tokio::time::timeout(inner.within, inner.connect(target)).await {
                Ok(connected) => connected,
                Err(_) => Err(Refusal::Late.into()),
            }
        })
    }
}

/// A connection.
pub(crate) struct Link {
    io: Box<dyn Io>,
    /// The proxy reads the requests, so that they name the whole address.
    is_proxied: bool,
}

trait Io: Read + Write + Connection + Unpin + Send {}

impl<T: Read + Write + Connection + Unpin + Send> Io for T {}

impl Connection for Link {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.is_proxied)
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(cx, buffer)
    }
}

impl Write for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_proxy_that_does_not_speak_http_is_not_spoken_to() {
        let proxies = Matcher::builder().all("socks5://127.0.0.1:1").build();
        let within = Duration::from_secs(5);
        #[cfg(feature = "tls")]
        let mut connector = Connector::new(Some(proxies), within, crate::tls::config(false, None).unwrap());
        #[cfg(not(feature = "tls"))]
        let mut connector = Connector::new(Some(proxies), within);
        let error = connector.call(Uri::from_static("http://127.0.0.1:2/")).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refusal::Socks));
    }
}
