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
use tokio::time::{Instant, timeout_at};
use ultraai_core::Result;

use crate::failure;

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
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 64 << 20, error_body: 64 << 10, frame: 16 << 20 }
    }
}

/// The body of a response. Dropping it before its end closes the connection.
#[must_use = "a body that is dropped closes its connection"]
pub struct Body {
    inner: reqwest::Body,
    /// A chunk that was looked at and is still to be read.
    ahead: Option<Bytes>,
}

impl Body {
    pub(crate) fn new(inner: reqwest::Body) -> Self {
        Self { inner, ahead: None }
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(chunk) = self.ahead.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        loop {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(failure::reading(error)))),
                // Trailers say nothing here.
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                }
            }
        }
    }

    /// Waits for the next chunk; `None` after the last.
    ///
    /// # Errors
    /// `Interrupted` when the connection breaks off.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Waits for the first byte that is no white space, and leaves it to be read; `None` when there is none.
    ///
    /// # Errors
    /// `Interrupted` when the connection breaks off.
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
    /// `Interrupted` when the connection breaks off, `Undecodable` when it is larger than `limit`.
    pub async fn read(mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await.transpose()? else {
            return if first.len() > limit { failure::too_large("the answer", limit) } else { Ok(first) };
        };
        let rest = usize::try_from(self.inner.size_hint().lower()).unwrap_or(usize::MAX);
        let known = first.len().saturating_add(second.len()).saturating_add(rest);
        let mut whole = BytesMut::with_capacity(known.min(limit));
        let mut next = Some(second);
        whole.extend_from_slice(&first);
        while let Some(chunk) = next {
            if whole.len().saturating_add(chunk.len()) > limit {
                return failure::too_large("the answer", limit);
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

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::ErrorKind;

    use super::*;

    fn body(text: &'static str) -> Body {
        Body::new(text.into())
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
}
