//! A caller's socket that does not wait for ever: neither for one who reads nothing, nor at the end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::App;

/// How long a caller may pause that still sends what nobody reads, once the answer is written. Were the socket closed at
/// once, what it sends would be answered with a reset, and that discards an answer that the caller has not read. This and
/// the next are as nginx has them.
const LINGER: Duration = Duration::from_secs(5);

/// How long it may go on with that.
const LONGEST_LINGER: Duration = Duration::from_secs(30);

/// A caller's socket.
pub(super) struct Socket {
    stream: TokioIo<TcpStream>,
    app: Arc<App>,
    /// How long a caller may read nothing of what is written.
    stall: Duration,
    /// When a wait is given up. There is none before somebody lets us wait.
    limit: Option<Pin<Box<Sleep>>>,
    waits: Waits,
    /// When a caller who still sends is not minded any more.
    end: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For nothing.
    No,
    /// Until the caller has read something.
    ToWrite,
    /// Until the caller has closed its side.
    ToEnd,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, app: Arc<App>, stall: Duration) -> Self {
        Self { stream: TokioIo::new(stream), app, stall, limit: None, waits: Waits::No, end: None }
    }

    /// Whether what is waited for took too long. The time counts from the first call with the same `waits`.
    fn is_late(&mut self, cx: &mut Context<'_>, waits: Waits, within: Duration) -> bool {
        let is_new = self.waits != waits;
        self.waits = waits;
        let limit = match &mut self.limit {
            Some(limit) if is_new => {
                limit.as_mut().reset(Instant::now() + within);
                limit
            }
            Some(limit) => limit,
            none => none.insert(Box::pin(tokio::time::sleep(within))),
        };
        limit.as_mut().poll(cx).is_ready()
    }

    fn minded(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waits = Waits::No;
        } else if self.is_late(cx, Waits::ToWrite, self.stall) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.minded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.minded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Tells the caller that nothing more comes, and throws away what it still sends, until it has closed too.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = match self.end {
            Some(end) => end,
            None => {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                *self.end.insert(Instant::now() + LONGEST_LINGER)
            }
        };
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(self.stream.inner_mut()).poll_read(cx, &mut buffer) {
                // A server that stops does not wait for callers who keep their connections for another request.
                Poll::Pending if !self.app.lifecycle.is_stopping() => {
                    let within = LINGER.min(self.stall);
                    let is_late = self.is_late(cx, Waits::ToEnd, within);
                    return if is_late { Poll::Ready(Ok(())) } else { Poll::Pending };
                }
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && Instant::now() < end => {
                    self.waits = Waits::No;
                }
                // Whether the caller closed or went away: there is nobody to be told.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}
