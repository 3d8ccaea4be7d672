//! The body of a live answer, whatever words it is told in.

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::Response,
};
use bytes::Bytes;
use futures_core::Stream as _;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use ultraai::{Error, Event, Losses, OutcomeStream, Result};

use super::{heads, write_losses};
use crate::{access::word_of, routes::Exchange};

/// What is sent at once at most, unless one event is longer.
const PIECE: usize = 16 << 10;

/// Room for an event of the usual size, so that writing one makes room once.
const EVENT: usize = 512;

/// What keeps a stream open that has nothing to say yet.
const COMMENT: &[u8] = b": working\n\n";

/// The words that an answer is told in.
pub(crate) trait Words: Send + Unpin + 'static {
    /// Writes what `event` tells.
    ///
    /// # Errors
    /// What the answer ends with.
    fn take(&mut self, event: Event, sheet: &mut Sheet) -> Result<()>;

    /// Writes the error that ends an answer which has begun.
    fn fail(&mut self, error: &Error, sheet: &mut Sheet);

    /// The answer to a request that failed before anything was said.
    fn refused(exchange: Exchange, error: &Error) -> Response;
}

/// What an answer is written on.
pub(crate) struct Sheet {
    pub(crate) exchange: Exchange,
    /// What has not left yet.
    pub(crate) out: Vec<u8>,
    /// The head has left, and with it the chance to say something else.
    pub(crate) begun: bool,
}

/// The body of a live answer. It is read in the connection's task: dropping it ends everything.
pub(crate) struct Live<W> {
    /// Before the exchange: its attempts close their rows of the ledger when they are dropped, and the exchange reads them.
    /// None once an error has ended it.
    stream: Option<OutcomeStream>,
    sheet: Sheet,
    words: W,
    ended: bool,
    /// When a comment is due.
    comment: Pin<Box<Sleep>>,
    keep_alive: Duration,
}

impl<W: Words> Live<W> {
    pub(crate) fn new(mut exchange: Exchange, stream: OutcomeStream, words: W) -> Self {
        exchange.record.is_stream = true;
        let keep_alive = exchange.live.gateway().keep_alive;
        let comment = Box::pin(tokio::time::sleep(keep_alive));
        let sheet = Sheet { exchange, out: Vec::new(), begun: false };
        Self { stream: Some(stream), sheet, words, ended: false, comment, keep_alive }
    }

    /// Waits until there is something to say, so that what fails before has a status of its own.
    pub(crate) async fn response(mut self) -> Response {
        let begun = poll_fn(|cx| match self.fill(cx) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) if !self.sheet.out.is_empty() || self.ended => Poll::Ready(Ok(())),
            Ok(()) => self.comment.as_mut().poll(cx).map(Ok),
        });
        if let Err(error) = begun.await {
            let Self { stream, sheet, .. } = self;
            drop(stream);
            return W::refused(sheet.exchange, &error);
        }
        self.sheet.begun = true;
        self.sheet.exchange.record.status = Some(200);
        let mut response = Response::new(Body::empty());
        let head = response.headers_mut();
        self.sheet.exchange.write_head(head);
        head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        head.insert(heads::ACCEL_BUFFERING, HeaderValue::from_static("no"));
        // What the answer loses is told in its end.
        let left_out = self.stream.as_ref().map(OutcomeStream::left_out).unwrap_or_default();
        write_losses(head, left_out.iter().map(String::as_str), &Losses::default());
        response.map(|_| Body::new(self))
    }

    /// Writes what has happened since, until that is enough or nothing more is there.
    ///
    /// # Errors
    /// What the request ended with.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if let Some(error) = self.sheet.exchange.app.lifecycle.cut().filter(|_| !self.ended) {
            return Err(error);
        }
        while let Some(stream) = &mut self.stream
            && !self.ended
            && self.sheet.out.len() < PIECE
        {
            match Pin::new(stream).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(event)) => {
                    self.sheet.out.reserve(EVENT);
                    self.words.take(event?, &mut self.sheet)?;
                }
            }
        }
        Ok(())
    }
}

impl<W: Words> http_body::Body for Live<W> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Err(error) = this.fill(cx) {
            // What is under way ends first, so that the books hold what it took.
            this.stream = None;
            this.sheet.exchange.record.error = Some(word_of(&error));
            this.words.fail(&error, &mut this.sheet);
            this.ended = true;
        }
        if this.sheet.out.is_empty() {
            if this.ended {
                this.sheet.exchange.record.is_complete = true;
                return Poll::Ready(None);
            }
            if this.comment.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.sheet.out.extend_from_slice(COMMENT);
        }
        this.comment.as_mut().reset(Instant::now() + this.keep_alive);
        let _ = this.comment.as_mut().poll(cx);
        let piece = Bytes::from(std::mem::take(&mut this.sheet.out));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl<W> fmt::Debug for Live<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("ended", &self.ended).finish_non_exhaustive()
    }
}
