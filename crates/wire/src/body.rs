//! Reads a body within bounds, as a whole or chunk by chunk.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use ultraai_core::Result;

use crate::{
    failure,
    gzip::{Gzip, Step},
};

/// Chunks that are taken one after the other before others have their turn: a body that never waits would keep a
/// limit of time from being looked at.
const CHUNKS_IN_TURN: u8 = 32;

/// How much is read before an answer is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A whole answer, in bytes. Default: 64 MiB.
    pub body: usize,
    /// The body of an error, in bytes; what is longer is cut off. Default: 64 KiB.
    pub error_body: usize,
    /// One event of a stream, in bytes. Default: 16 MiB.
    pub frame: usize,
    /// A whole stream, in bytes, whatever they say. Default: 256 MiB.
    pub stream: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 << 20, error_body: 64 << 10, frame: 16 << 20, stream: 256 << 20 }
    }
}

/// How a body is encoded.
#[derive(Debug)]
pub(crate) enum Coding {
    Plain,
    Gzip(Box<Gzip>),
    /// Something else, by its name.
    Other(String),
}

impl Coding {
    /// The coding that a header names.
    pub(crate) fn of(header: &str) -> Self {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Plain,
            "gzip" | "x-gzip" => Self::Gzip(Box::new(Gzip::new())),
            // The name is the server's, so it is looked at before it is repeated.
            name if name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') => {
                Self::Other(name.to_owned())
            }
            _ => Self::Other("?".to_owned()),
        }
    }
}

/// The body of a response, decoded where it is gzip. Dropping it before its end closes the connection.
#[must_use = "a body that is dropped closes its connection"]
pub struct Body {
    inner: Inner,
    coding: Coding,
    /// A chunk that was looked at and is still to be read.
    ahead: Option<Bytes>,
    /// Bytes that were handed out, as they are when decoded.
    read: usize,
    limit: usize,
    turns: u8,
}

/// Where the bytes come from.
enum Inner {
    Received(Incoming),
    #[cfg(test)]
    Made(http_body_util::combinators::UnsyncBoxBody<Bytes, std::convert::Infallible>),
}

impl Inner {
    /// The next bytes as they come. Trailers say nothing here.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self {
            Self::Received(body) => poll_data(body, cx),
            #[cfg(test)]
            Self::Made(body) => poll_data(body, cx),
        }
    }

    /// At least so many bytes are still to come.
    fn at_least(&self) -> u64 {
        match self {
            Self::Received(body) => body.size_hint().lower(),
            #[cfg(test)]
            Self::Made(body) => body.size_hint().lower(),
        }
    }
}

impl Body {
    pub(crate) fn new(body: Incoming, coding: Coding) -> Self {
        Self::of(Inner::Received(body), coding)
    }

    /// What `body` says.
    #[cfg(test)]
    pub(crate) fn made<B>(body: B, coding: Coding) -> Self
    where
        B: http_body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
    {
        use http_body_util::BodyExt as _;
        Self::of(Inner::Made(body.boxed_unsync()), coding)
    }

    fn of(inner: Inner, coding: Coding) -> Self {
        Self { inner, coding, ahead: None, read: 0, limit: usize::MAX, turns: 0 }
    }

    /// Bounds all that comes, what came already included.
    pub(crate) fn limited(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(chunk) = self.ahead.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        if self.turns == CHUNKS_IN_TURN {
            self.turns = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(next) = self.poll_decoded(cx) else {
            self.turns = 0;
            return Poll::Pending;
        };
        self.turns += 1;
        if let Some(Ok(chunk)) = &next {
            self.read = self.read.saturating_add(chunk.len());
            if self.read > self.limit {
                return Poll::Ready(Some(failure::too_large("the stream", self.limit, "max_stream_bytes")));
            }
        }
        Poll::Ready(next)
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match &mut self.coding {
            Coding::Plain => self.inner.poll_data(cx),
            Coding::Other(name) => Poll::Ready(Some(failure::unknown_coding(name))),
            Coding::Gzip(gzip) => loop {
                match gzip.step() {
                    Step::Chunk(chunk) => return Poll::Ready(Some(Ok(chunk))),
                    Step::End => return Poll::Ready(None),
                    Step::Broken(error) => return Poll::Ready(Some(Err(failure::decoding(error)))),
                    Step::Hungry => match ready!(self.inner.poll_data(cx)) {
                        Some(Ok(chunk)) => gzip.feed(chunk),
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => gzip.end(),
                    },
                }
            },
        }
    }

    /// Waits for the next chunk; `None` after the last.
    ///
    /// # Errors
    /// `Interrupted` when the connection breaks off or the gzip is broken, `Undecodable` for an encoding that is not known.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Waits for the first byte that is no white space, and leaves it to be read; `None` when there is none.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn first_byte(&mut self) -> Result<Option<u8>> {
        while let Some(chunk) = self.chunk().await.transpose()? {
            let text = chunk.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&chunk);
            if let Some(first) = text.iter().copied().find(|byte| !byte.is_ascii_whitespace()) {
                self.ahead = Some(chunk);
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// Whether the chunk that [`first_byte`](Self::first_byte) looked at begins like a stream of events.
    pub(crate) fn looks_like_events(&self) -> bool {
        let chunk = self.ahead.as_deref().unwrap_or_default();
        let text = chunk.strip_prefix(b"\xef\xbb\xbf").unwrap_or(chunk).trim_ascii_start();
        [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| text.starts_with(field))
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and `Undecodable` when it is larger than `limit`.
    pub async fn read(mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await.transpose()? else {
            return match first.len() > limit {
                true => failure::too_large("the answer", limit, "max_answer_bytes"),
                false => Ok(first),
            };
        };
        let rest = usize::try_from(self.inner.at_least()).unwrap_or(usize::MAX);
        let known = first.len().saturating_add(second.len()).saturating_add(rest);
        let mut whole = BytesMut::with_capacity(known.min(limit));
        let mut next = Some(second);
        whole.extend_from_slice(&first);
        while let Some(chunk) = next {
            if whole.len().saturating_add(chunk.len()) > limit {
                return failure::too_large("the answer", limit, "max_answer_bytes");
            }
            whole.extend_from_slice(&chunk);
            next = self.chunk().await.transpose()?;
        }
        Ok(whole.freeze())
    }

    /// Reads what comes within `time`, up to `limit` bytes and up to the first break.
    pub async fn read_start(mut self, limit: usize, time: Duration) -> Bytes {
        let mut start = BytesMut::new();
        let until = Instant::now() + time;
        while start.len() < limit
            && let Ok(Some(Ok(chunk))) = timeout_at(until, self.chunk()).await
        {
            let room = chunk.len().min(limit - start.len());
            start.extend_from_slice(&chunk[..room]);
        }
        start.freeze()
    }
}

fn poll_data<B>(body: &mut B, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>>
where
    B: http_body::Body<Data = Bytes, Error: Into<failure::Cause>> + Unpin,
{
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(failure::reading(error.into())))),
            Some(Ok(frame)) => {
                if let Ok(chunk) = frame.into_data() {
                    return Poll::Ready(Some(Ok(chunk)));
                }
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::Full;
    use tokio::time::timeout;
    use ultraai_core::ErrorKind;

    use super::*;

    /// A body whose next chunk is there whenever it is asked for.
    struct Flood;

    impl http_body::Body for Flood {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<std::result::Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
        }
    }

    fn body(text: &'static str) -> Body {
        Body::made(Full::from(text), Coding::Plain)
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        assert_eq!(body("hello").read(5).await.unwrap(), "hello");
        assert_eq!(body("").read(5).await.unwrap(), "");
        let error = body("hello").read(4).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable);
        assert!(error.to_string().contains("4 bytes"));
        assert_eq!(body("hello").read_start(4, Duration::from_secs(1)).await, "hell");
    }

    #[tokio::test]
    async fn the_first_byte_is_looked_at_and_left_to_be_read() {
        let mut json = body(" \n{}");
        assert_eq!(json.first_byte().await.unwrap(), Some(b'{'));
        assert_eq!(json.read(9).await.unwrap(), " \n{}");
        assert_eq!(body("\u{feff}{}").first_byte().await.unwrap(), Some(b'{'));
        assert_eq!(body(" \r\n").first_byte().await.unwrap(), None);
    }

    #[tokio::test]
    async fn all_that_comes_is_bounded_and_so_is_what_stands_before_the_first_byte() {
        let error = body("  \n  {}").limited(6).first_byte().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable);
        assert!(error.to_string().contains("`http.max_stream_bytes`"), "{error}");
        assert_eq!(body("  \n  {}").limited(7).first_byte().await.unwrap(), Some(b'{'));
    }

    #[tokio::test]
    async fn an_encoding_that_is_not_known_is_named() {
        for (header, name) in
            [("br", "`br`"), (" ZSTD", "`zstd`"), ("gzip, br", "`gzip, br`"), ("\u{7f}", "`?`")]
        {
            let error = Body::made(Full::from("x"), Coding::of(header)).read(9).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Undecodable);
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(matches!(Coding::of("identity"), Coding::Plain));
        assert!(matches!(Coding::of("X-Gzip"), Coding::Gzip(_)));
    }

    #[tokio::test]
    async fn a_flood_lets_a_limit_of_time_be_looked_at() {
        let mut flood = Body::made(Flood, Coding::Plain).limited(1 << 20);
        let read = timeout(Duration::from_millis(1), flood.first_byte()).await;
        assert!(read.is_err(), "{read:?}");
    }
}
