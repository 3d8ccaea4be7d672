//! An answer that is given word by word.

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use tokio::time::Sleep;
use ultraai_core::{ChatEvent, Result};

/// Gives events with a pause between two words.
pub(crate) struct Paced {
    events: VecDeque<Result<ChatEvent>>,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    began: bool,
}

impl Paced {
    pub(crate) fn new(events: impl IntoIterator<Item = Result<ChatEvent>>, pause: Duration) -> Self {
        Self { events: events.into_iter().collect(), pause, sleep: None, began: false }
    }

    /// Whether the next event is a word after the first one, or the break that comes in place of one.
    fn is_due_later(&self) -> bool {
        self.began && matches!(self.events.front(), Some(Ok(ChatEvent::Delta(_)) | Err(_)))
    }
}

impl Stream for Paced {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // A sleep of zero still waits for the timer's next tick.
        if !this.pause.is_zero() && this.is_due_later() {
            let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(this.pause)));
            ready!(sleep.as_mut().poll(cx));
            this.sleep = None;
        }
        let event = this.events.pop_front();
        this.began |= matches!(event, Some(Ok(ChatEvent::Delta(_))));
        Poll::Ready(event)
    }
}
