//! A loopback HTTP server that misbehaves on demand.
//!
//! Its HTTP/1.1 is written by hand, since a fault must be exact: no library sends half a chunk. It runs on a
//! thread of its own, so that it answers whatever the test's runtime does, and a panic in it fails the test.

mod received;
mod reply;
mod serve;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    panic::resume_unwind,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{oneshot, watch};

pub use self::{
    received::Received,
    reply::{Act, End, Framing, Reply},
};

/// A loopback HTTP server that replies as it is told. Use it without a paused clock: a paused clock jumps
/// while a real socket is pending.
///
/// Dropping it stops it; a panic in it, such as that of a request beyond its script, then fails the test.
///
/// ```
/// # use std::io::{Read as _, Write as _};
/// # use ultraai_testkit::{Reply, Server};
/// let server = Server::start([Reply::status(204)]);
/// let mut client = std::net::TcpStream::connect(server.address()).unwrap();
/// client.write_all(b"GET /health HTTP/1.1\r\n\r\n").unwrap();
/// let mut answer = [0; 12];
/// client.read_exact(&mut answer).unwrap();
/// assert_eq!(&answer, b"HTTP/1.1 204");
/// assert_eq!(server.requests()[0].path, "/health");
/// ```
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server's thread and the test share.
struct Shared {
    requests: Mutex<Vec<Received>>,
    counts: watch::Sender<Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    accepted: usize,
    open: usize,
    requests: usize,
}

type Handler = Box<dyn FnMut(&Received) -> Reply + Send>;

impl Server {
    /// A server that gives these replies, one for each request, in the order they come.
    ///
    /// # Panics
    /// When it is dropped, if more requests came than replies were given.
    pub fn start<R: Into<Reply>>(replies: impl IntoIterator<Item = R>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().map(Into::into).collect();
        replies.reverse();
        let count = replies.len();
        Self::answering(move |request| {
            let reply = replies.pop();
            reply.unwrap_or_else(|| {
                panic!("{} {} came, more than the {count} requests scripted", request.method, request.path)
            })
        })
    }

    /// A server that gives the same reply to every request.
    pub fn always(reply: impl Into<Reply>) -> Self {
        let reply = reply.into();
        Self::answering(move |_| reply.clone())
    }

    /// A server that asks `handler` what to do.
    ///
    /// # Panics
    /// When this machine has no free port; and when it is dropped, if `handler` panicked.
    pub fn answering(handler: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        Self::serving(Some(Box::new(handler)))
    }

    /// A server that closes each connection as soon as it is made, and reads nothing.
    ///
    /// # Panics
    /// When this machine has no free port.
    pub fn hanging_up() -> Self {
        Self::serving(None)
    }

    fn serving(handler: Option<Handler>) -> Self {
        let listener = listen().expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared =
            Arc::new(Shared { requests: Mutex::default(), counts: watch::Sender::new(Counts::default()) });
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("loopback-server".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || serve::run(listener, handler, shared, stopped)
            })
            .expect("a thread can be started");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address: the IP address 127.0.0.1 and a port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a path: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in the order they came.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the requests so far, for a test that runs for long.
    pub fn forget_requests(&self) {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.shared.counts.borrow().accepted
    }

    /// Connections that neither side has closed.
    pub fn open_connections(&self) -> usize {
        self.shared.counts.borrow().open
    }

    /// Waits until `count` requests have come, no longer than `within`. Returns whether they did.
    pub async fn received(&self, count: usize, within: Duration) -> bool {
        self.counted(within, |counts| counts.requests >= count).await
    }

    /// Waits until no connection is open, no longer than `within`. Returns whether it came to that.
    pub async fn all_closed(&self, within: Duration) -> bool {
        self.counted(within, |counts| counts.open == 0).await
    }

    async fn counted(&self, within: Duration, reached: impl FnMut(&Counts) -> bool) -> bool {
        let mut counts = self.shared.counts.subscribe();
        let waited = tokio::time::timeout(within, counts.wait_for(reached)).await;
        matches!(waited, Ok(Ok(_)))
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        if let Err(panic) = thread.join()
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// An address of this machine at which nobody listens: connections to it are refused.
///
/// # Panics
/// When this machine has no free port.
pub fn refusing_url() -> String {
    let address = listen().and_then(|listener| listener.local_addr()).expect("a loopback port is free");
    format!("http://{address}")
}

fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
