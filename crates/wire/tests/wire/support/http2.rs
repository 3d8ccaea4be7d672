//! A server that speaks HTTP/2 behind TLS, with a certificate authority of its own.

use std::{future::poll_fn, io::Write as _, net::SocketAddr, sync::Arc, thread, time::Duration};

use bytes::Bytes;
use h2::{
    Reason,
    server::{Connection, SendResponse},
};
use http::Response;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::{oneshot, watch},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Long enough for what was sent before to arrive.
const SETTLED: Duration = Duration::from_millis(50);

/// What is done with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Play {
    /// A whole answer.
    Answer,
    /// A whole answer once so many requests are under way.
    AnswerTogether(usize),
    /// No head, until the client resets.
    Hang,
    /// The first event of a stream and no more, until the client resets.
    Live,
    /// Half of a whole answer, until the client resets.
    Half,
    /// A reset before the head.
    Refuse(Reason),
    /// The first event, then a reset.
    Break(Reason),
    /// The end of the whole connection, without a head.
    GoAway,
}

/// What the server saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) resets: Vec<Reason>,
}

type Sender = Arc<watch::Sender<Seen>>;

#[derive(Debug)]
pub(crate) struct Http2 {
    address: SocketAddr,
    pub(crate) authority: NamedTempFile,
    seen: Sender,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Http2 {
    /// A server that plays `plays` in turn, the last of them from then on.
    pub(crate) fn start(plays: &'static [Play]) -> Self {
        let (config, pem) = identity();
        let mut authority = NamedTempFile::new().unwrap();
        authority.write_all(pem.as_bytes()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Sender = Arc::new(watch::Sender::new(Seen::default()));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(listener, config, plays, shared, stopped));
        });
        Self { address, authority, seen, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn settings(&self) -> serde_json::Value {
        serde_json::json!({ "ca_file": self.authority.path() })
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until `reached`, and fails when it does not come to that.
    pub(crate) async fn sees(&self, reached: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        tokio::time::timeout(super::SOON, seen.wait_for(reached)).await.unwrap().unwrap();
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

/// The server's certificate and key, and its authority in PEM.
fn identity() -> (rustls::ServerConfig, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let authority = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let own = CertificateParams::new(names).unwrap().signed_by(&own_key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own_key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (config, pem)
}

async fn accept(
    listener: std::net::TcpListener,
    config: rustls::ServerConfig,
    plays: &'static [Play],
    seen: Sender,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                seen.send_modify(|seen| seen.connections += 1);
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                connections.spawn(async move {
                    // A client that trusts nobody ends the handshake.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, plays, seen).await;
                    }
                });
            }
        }
    }
}

async fn serve(stream: TlsStream<TcpStream>, plays: &[Play], seen: Sender) {
    let Ok(mut connection): Result<Connection<_, Bytes>, _> = h2::server::handshake(stream).await else {
        return;
    };
    let (mut streams, mut held) = (JoinSet::new(), Vec::new());
    while let Some(Ok((_, respond))) = connection.accept().await {
        let mut number = 0;
        seen.send_modify(|seen| {
            number = seen.requests;
            seen.requests += 1;
        });
        match plays[number.min(plays.len() - 1)] {
            Play::GoAway => {
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                held.push(respond);
            }
            play => {
                streams.spawn(respond_with(play, respond, Arc::clone(&seen)));
            }
        }
    }
}

async fn respond_with(play: Play, mut respond: SendResponse<Bytes>, seen: Sender) {
    let head = |kind: &str| Response::builder().header("content-type", kind).body(()).unwrap();
    let reset = match play {
        Play::Answer | Play::AnswerTogether(_) => {
            if let Play::AnswerTogether(count) = play {
                seen.subscribe().wait_for(|seen| seen.requests >= count).await.unwrap();
            }
            let mut body = respond.send_response(head("application/json"), false).unwrap();
            body.send_data("{}".into(), true).unwrap();
            return;
        }
        Play::Refuse(reason) => return respond.send_reset(reason),
        Play::GoAway => return,
        Play::Hang => poll_fn(|cx| respond.poll_reset(cx)).await,
        Play::Live | Play::Break(_) => {
            let mut body = respond.send_response(head("text/event-stream"), false).unwrap();
            body.send_data("data: a\n\n".into(), false).unwrap();
            if let Play::Break(reason) = play {
                // What stands before a reset is to be sent first.
                tokio::time::sleep(SETTLED).await;
                return body.send_reset(reason);
            }
            poll_fn(|cx| body.poll_reset(cx)).await
        }
        Play::Half => {
            let mut body = respond.send_response(head("application/json"), false).unwrap();
            body.send_data("{\"half\":".into(), false).unwrap();
            poll_fn(|cx| body.poll_reset(cx)).await
        }
    };
    if let Ok(reason) = reset {
        seen.send_modify(|seen| seen.resets.push(reason));
    }
}
