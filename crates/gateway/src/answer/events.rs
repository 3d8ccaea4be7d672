//! An answer as a stream of server-sent events.

use std::{
    collections::VecDeque,
    convert::Infallible,
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
use ultraai::{
    AnswerEvents, Answering, ChatEvent, Error, Event, EventEncoder, Losses, Native, Outcome, OutcomeStream,
    OwnedFrame, Result,
};
use ultraai_wire::{write_event, write_frame};

use super::{Api, cost, losses_of, now, told};
use crate::routes::{Exchange, fresh_id};

/// What is sent at once at most, unless one event is longer.
const PIECE: usize = 16 << 10;

/// What keeps a stream open that has nothing to say yet.
const COMMENT: &[u8] = b": working\n\n";

/// The body of a live answer. It is read in the connection's task: dropping it ends everything.
pub(crate) struct Events {
    /// Before the exchange: its attempts close their rows of the ledger when they are dropped, and the exchange reads them.
    stream: OutcomeStream,
    exchange: Exchange,
    encoder: Box<dyn EventEncoder>,
    answer: AnswerEvents,
    pending: VecDeque<ChatEvent>,
    frames: Vec<OwnedFrame>,
    losses: Losses,
    out: Vec<u8>,
    /// The answer comes in frames of the caller's own protocol.
    passing: bool,
    /// The one that ends them, until the answer was found good: it may be refused after it was read.
    held: Option<Native>,
    /// The head has left, and with it the chance to say something else.
    begun: bool,
    ended: bool,
    /// When a comment is due.
    comment: Pin<Box<Sleep>>,
    keep_alive: Duration,
}

impl Events {
    pub(crate) fn new(mut exchange: Exchange, stream: OutcomeStream) -> Self {
        exchange.record.is_stream = true;
        let encoder = encoder(exchange.api, &stream);
        let keep_alive = exchange.live.gateway().keep_alive;
        Self {
            exchange,
            stream,
            encoder,
            answer: AnswerEvents::default(),
            pending: VecDeque::new(),
            frames: Vec::new(),
            losses: Losses::noted(),
            out: Vec::new(),
            passing: false,
            held: None,
            begun: false,
            ended: false,
            comment: Box::pin(tokio::time::sleep(keep_alive)),
            keep_alive,
        }
    }

    /// Waits until there is something to say, so that what fails before has a status of its own.
    pub(crate) async fn response(mut self) -> Response {
        let begun = poll_fn(|cx| match self.fill(cx) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) if !self.out.is_empty() || self.ended => Poll::Ready(Ok(())),
            Ok(()) => self.comment.as_mut().poll(cx).map(Ok),
        });
        if let Err(error) = begun.await {
            let Self { stream, exchange, .. } = self;
            drop(stream);
            return exchange.refused(&error);
        }
        self.begun = true;
        self.exchange.record.status = Some(200);
        let mut head = axum::http::HeaderMap::new();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // So that nginx before us hands on each event at once.
        head.insert("x-accel-buffering", HeaderValue::from_static("no"));
        self.exchange.write_head(&mut head);
        let mut response = Response::new(Body::new(self));
        *response.headers_mut() = head;
        response
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
                Poll::Ready(Some(event)) => event.and_then(|event| self.take(event))?,
            }
        }
        Ok(())
    }

    /// Forgets what was written of an answer that broke off while nothing of it had left yet.
    fn begin_again(&mut self) {
        self.encoder = encoder(self.exchange.api, &self.stream);
        self.answer = AnswerEvents::default();
        self.losses = Losses::noted();
        self.pending.clear();
        self.frames.clear();
        self.out.clear();
        self.passing = false;
        self.held = None;
    }

    fn take(&mut self, event: Event) -> Result<()> {
        let is_told = matches!(event, Event::Finished { .. });
        match &event {
            Event::Discarded { .. } if !self.begun => {
                self.begin_again();
                return Ok(());
            }
            Event::Started { strategy, .. } => self.exchange.record.strategy = Some(strategy.clone()),
            Event::Answering { provider_id, .. } => {
                self.exchange.record.provider = Some(provider_id.to_string());
            }
            Event::Finished { outcome } => {
                self.exchange.record.provider = Some(outcome.synthesis.provider_id.to_string());
                // Before the last frame, behind which nobody reads.
                self.sum_up(outcome);
                if let Some(frame) = self.held.take() {
                    self.let_pass(&frame);
                }
            }
            _ => {}
        }
        self.answer.push(event, |outcome| outcome.ledger.usage(), &mut self.pending)?;
        let protocol = self.exchange.api.codec().protocol();
        while let Some(event) = self.pending.pop_front() {
            match event {
                ChatEvent::Native(frame) if frame.protocol == protocol => {
                    self.passing = true;
                    match self.encoder.is_last(&frame) {
                        true => self.held = Some(frame),
                        false => self.let_pass(&frame),
                    }
                }
                ChatEvent::Finished { .. } if self.passing => self.encoder.end_passing(&mut self.frames),
                _ if self.passing => {}
                event => self.encoder.push(&event, &mut self.frames, &mut self.losses)?,
            }
            self.flush();
        }
        if is_told {
            self.tell_losses();
        }
        Ok(())
    }

    /// What the answer's protocol could not say stands in a comment too, since the head has left.
    fn tell_losses(&mut self) {
        if let Some(losses) = losses_of(&self.losses) {
            self.out.extend_from_slice(format!(": x-ultraai-left-out={losses}\n\n").as_bytes());
        }
    }

    /// Writes a frame as it came, where it is for the caller.
    fn let_pass(&mut self, frame: &Native) {
        if self.encoder.passes(frame) {
            let name = std::str::from_utf8(&frame.name).unwrap_or_default();
            write_event(self.exchange.api.codec().framing(), name, &frame.body, &mut self.out);
        }
    }

    /// A comment at the end tells what a head could not know yet.
    fn sum_up(&mut self, outcome: &Outcome) {
        let totals = &outcome.ledger.totals;
        let line =
            format!(": x-ultraai-attempts={} x-ultraai-cost={}\n\n", totals.attempts, cost(totals.cost()));
        self.out.extend_from_slice(line.as_bytes());
    }

    fn flush(&mut self) {
        let framing = self.exchange.api.codec().framing();
        for frame in self.frames.drain(..) {
            write_frame(framing, &frame, &mut self.out);
        }
    }

    fn fail(&mut self, error: &Error) {
        self.exchange.record.error = Some(error.kind().as_str());
        self.held = None;
        self.encoder.fail(&told(error), &mut self.frames);
        self.flush();
        self.ended = true;
    }
}

/// An encoder of the answer that `stream` is.
fn encoder(api: Api, stream: &OutcomeStream) -> Box<dyn EventEncoder> {
    let id = fresh_id();
    api.codec().encoder(&Answering { request: stream.request(), id: &id, created: now() })
}

impl http_body::Body for Events {
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

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("passing", &self.passing).finish_non_exhaustive()
    }
}
