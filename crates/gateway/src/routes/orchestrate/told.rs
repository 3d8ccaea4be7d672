//! What happens during a request as server-sent events, each the JSON of its event.

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
use ultraai::{Error, Event, Framing, OutcomeStream, Result};
use ultraai_wire::write_event;

use super::{super::Exchange, body_of, refused};

/// What is sent at once at most, unless one event is longer.
const PIECE: usize = 16 << 10;

/// What keeps a stream open that has nothing to say yet.
const COMMENT: &[u8] = b": working\n\n";

/// The body of a live outcome. It is read in the connection's task: dropping it ends everything.
pub(super) struct Told {
    /// Before the exchange, which reads the ledger when it is dropped: what is under way closes its rows there.
    stream: OutcomeStream,
    exchange: Exchange,
    out: Vec<u8>,
    ended: bool,
    /// When a comment is due.
    comment: Pin<Box<Sleep>>,
    keep_alive: Duration,
}

impl Told {
    pub(super) fn new(mut exchange: Exchange, stream: OutcomeStream) -> Self {
        exchange.record.is_stream = true;
        let keep_alive = exchange.live.gateway().keep_alive;
        let comment = Box::pin(tokio::time::sleep(keep_alive));
        Self { exchange, stream, out: Vec::new(), ended: false, comment, keep_alive }
    }

    /// Waits for the first event, so that what fails before it has a status of its own.
    pub(super) async fn response(mut self) -> Response {
        let begun = poll_fn(|cx| match self.fill(cx) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) if !self.out.is_empty() || self.ended => Poll::Ready(Ok(())),
            Ok(()) => self.comment.as_mut().poll(cx).map(Ok),
        });
        if let Err(error) = begun.await {
            let Self { stream, exchange, .. } = self;
            drop(stream);
            return refused(exchange, &error);
        }
        self.exchange.record.status = Some(200);
        let mut response = Response::new(Body::empty());
        let head = response.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // So that nginx before us hands on each event at once.
        head.insert("x-accel-buffering", HeaderValue::from_static("no"));
        self.exchange.write_head(head);
        response.map(|_| Body::new(self))
    }

    /// Writes what has happened since into `out`, until that is enough or nothing more is there.
    ///
    /// # Errors
    /// What the request ended with.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<()> {
        while !self.ended && self.out.len() < PIECE {
            match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(event)) => self.take(&event?),
            }
        }
        Ok(())
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Started { strategy, .. } => self.exchange.record.strategy = Some(strategy.clone()),
            Event::Finished { outcome } => {
                self.exchange.answered(outcome);
                // Not before the caller has read it.
                self.exchange.record.is_complete = false;
            }
            // What was read from it follows in words of the library.
            Event::Frame { .. } => return,
            _ => {}
        }
        let body = serde_json::to_vec(event).expect("an event has text for keys");
        self.write(event.name(), &body);
    }

    fn write(&mut self, name: &str, body: &[u8]) {
        write_event(Framing::ServerSentEvents, name, body, &mut self.out);
    }

    fn fail(&mut self, error: &Error) {
        self.exchange.record.error = Some(error.kind().as_str());
        self.write("error", body_of(error).to_string().as_bytes());
        self.ended = true;
    }
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Err(error) = this.fill(cx) {
            this.fail(&error);
        }
        if this.out.is_empty() {
            if this.ended {
                this.exchange.record.is_complete = true;
                return Poll::Ready(None);
            }
            if this.comment.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.out.extend_from_slice(COMMENT);
        }
        this.comment.as_mut().reset(Instant::now() + this.keep_alive);
        let _ = this.comment.as_mut().poll(cx);
        let piece = Bytes::from(std::mem::take(&mut this.out));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("ended", &self.ended).finish_non_exhaustive()
    }
}
