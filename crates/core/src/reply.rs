//! A reply is whole or live inside and is read either way.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use crate::{
    ChatEvent, ChatResponse, Result,
    event::{Fold, events_of, interrupted},
};

/// A stream of events that can be stored.
pub type BoxEvents = Pin<Box<dyn Stream<Item = Result<ChatEvent>> + Send>>;

/// What must outlive the call: a permit, a ledger row, a metric. It rides in the reply and is dropped with it.
pub trait StreamGuard: Send + 'static {
    /// Sees each event before the caller does.
    fn on_event(&mut self, _event: &ChatEvent) {}

    /// Sees the end: complete, or the error that ended it. Not called when the caller leaves before.
    fn on_end(&mut self, _end: &Result<()>) {}
}

/// An answer to one request, whole or live.
#[must_use = "a reply that is dropped aborts the exchange"]
pub struct ChatReply {
    body: Body,
    guards: Vec<Box<dyn StreamGuard>>,
}

enum Body {
    Whole(Arc<ChatResponse>),
    Live(BoxEvents),
}

impl ChatReply {
    /// A reply that is already complete. It goes from hand to hand and is not copied.
    pub fn whole(response: impl Into<Arc<ChatResponse>>) -> Self {
        Self { body: Body::Whole(response.into()), guards: Vec::new() }
    }

    /// A reply that comes in pieces. Whatever the stream does, its reader sees events, and then either
    /// `Finished` or one error.
    pub fn live(events: impl Stream<Item = Result<ChatEvent>> + Send + 'static) -> Self {
        Self { body: Body::Live(Box::pin(events)), guards: Vec::new() }
    }

    /// Whether it comes in pieces.
    pub fn is_live(&self) -> bool {
        matches!(self.body, Body::Live(_))
    }

    /// Ties `guard` to the life of the reply.
    pub fn guarded(mut self, guard: impl StreamGuard) -> Self {
        self.guards.push(Box::new(guard));
        self
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// What ended the stream; [`Error::partial`](crate::Error::partial) carries what was received.
    pub async fn collect(self) -> Result<ChatResponse> {
        match self.into_whole() {
            Ok(response) => Ok(Arc::unwrap_or_clone(response)),
            Err(live) => live.into_events().collect().await,
        }
    }

    /// The answer, where it is complete already.
    ///
    /// # Errors
    /// The reply itself, where it comes in pieces.
    pub fn into_whole(self) -> std::result::Result<Arc<ChatResponse>, Self> {
        match self.body {
            Body::Whole(response) => {
                self.guards.into_iter().for_each(|mut guard| guard.on_end(&Ok(())));
                Ok(response)
            }
            Body::Live(_) => Err(self),
        }
    }

    /// Reads the answer as events.
    pub fn into_events(self) -> ChatEvents {
        let source = match self.body {
            Body::Whole(response) => Source::Whole(events_of(Arc::unwrap_or_clone(response)).into_iter()),
            Body::Live(events) => Source::Live(events),
        };
        ChatEvents { source, guards: self.guards, stage: Stage::Open }
    }
}

impl fmt::Debug for ChatReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatReply").field("live", &self.is_live()).finish_non_exhaustive()
    }
}

/// The events of one reply: `Started (Delta | Usage)* Finished`, or one `Err` and nothing after it.
#[must_use = "a stream that is dropped aborts the exchange"]
pub struct ChatEvents {
    source: Source,
    guards: Vec<Box<dyn StreamGuard>>,
    stage: Stage,
}

enum Source {
    Whole(std::vec::IntoIter<ChatEvent>),
    Live(BoxEvents),
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Open,
    /// `Finished` was handed out; the source is asked once more, so that it can tidy up its connection.
    Finished,
    Closed,
}

impl ChatEvents {
    /// Waits for the next event; `None` after the end.
    pub async fn next(&mut self) -> Option<Result<ChatEvent>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Folds what is left into a whole answer.
    ///
    /// # Errors
    /// What ended the stream; [`Error::partial`](crate::Error::partial) carries what was received.
    pub async fn collect(mut self) -> Result<ChatResponse> {
        let mut fold = Fold::default();
        while let Some(event) = self.next().await {
            if let Err(error) = event.and_then(|event| fold.push(event)) {
                return Err(fold.broken_by(error));
            }
        }
        fold.finish()
    }

    fn end(&mut self, end: &Result<()>) {
        self.guards.iter_mut().for_each(|guard| guard.on_end(end));
        // What the guards hold (permits, slots) is free as soon as the answer is there.
        self.guards.clear();
    }
}

impl Stream for ChatEvents {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.stage == Stage::Closed {
            return Poll::Ready(None);
        }
        let next = match &mut this.source {
            Source::Whole(events) => Poll::Ready(events.next().map(Ok)),
            Source::Live(events) => events.as_mut().poll_next(cx),
        };
        if this.stage == Stage::Finished {
            this.stage = Stage::Closed;
            this.source = Source::Whole(Vec::new().into_iter());
            return Poll::Ready(None);
        }
        let end = match next {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(event))) => {
                this.guards.iter_mut().for_each(|guard| guard.on_event(&event));
                if matches!(event, ChatEvent::Finished { .. }) {
                    this.stage = Stage::Finished;
                    this.end(&Ok(()));
                }
                return Poll::Ready(Some(Ok(event)));
            }
            Poll::Ready(Some(Err(error))) => error,
            Poll::Ready(None) => interrupted(),
        };
        this.stage = Stage::Closed;
        let end = Err(end);
        this.end(&end);
        this.source = Source::Whole(Vec::new().into_iter());
        Poll::Ready(end.err().map(Err))
    }
}

impl fmt::Debug for ChatEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatEvents").finish_non_exhaustive()
    }
}
