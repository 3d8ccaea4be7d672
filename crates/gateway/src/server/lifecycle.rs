//! Whether the server takes requests, finishes those under way, or ends.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicU8, Ordering},
    task::Poll,
};

use tokio::sync::watch;
use ultraai::{Error, ErrorKind, Result};

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It takes requests.
    Serving,
    /// It takes no connection more, and finishes what is under way.
    Stopping,
    /// What is under way is told that it is cut off, and the server ends.
    Stopped,
}

/// What the server does, and who waits for that to change. It only goes forward.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// The same for those who ask all the time.
    now: AtomicU8,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), now: AtomicU8::new(Phase::Serving as u8) }
    }
}

impl Lifecycle {
    /// Asks it to stop: the first time with what is under way finished, the second time at once.
    pub(crate) fn stop(&self) {
        let next = if self.is_stopping() { Phase::Stopped } else { Phase::Stopping };
        self.advance(next);
    }

    /// Lets it go on to `next`, unless it is there already.
    pub(crate) fn advance(&self, next: Phase) {
        self.now.fetch_max(next as u8, Ordering::AcqRel);
        self.phase.send_if_modified(|phase| {
            let is_later = *phase < next;
            *phase = next.max(*phase);
            is_later
        });
    }

    /// Whether it takes no connection more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.now.load(Ordering::Acquire) >= Phase::Stopping as u8
    }

    /// Why a request is cut off, once all of them are. What breaks off without a provider breaks off here.
    pub(crate) fn cut(&self) -> Option<Error> {
        let is_cut = self.now.load(Ordering::Acquire) >= Phase::Stopped as u8;
        is_cut.then(|| Error::new(ErrorKind::Interrupted, "the server is shutting down: ask again"))
    }

    /// Does `work`, unless the server ends before it has. The connection, whose task this is, wakes it up then.
    ///
    /// # Errors
    /// Those of `work`, and `Interrupted`.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        poll_fn(|cx| match self.cut() {
            Some(error) => Poll::Ready(Err(error)),
            None => work.as_mut().poll(cx),
        })
        .await
    }

    /// Waits until it has come to `phase`.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender is ours, so the channel stays open.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_stops_gently_at_first_and_then_at_once() {
        let lifecycle = Lifecycle::default();
        assert!(!lifecycle.is_stopping());
        lifecycle.stop();
        assert!(lifecycle.is_stopping());
        lifecycle.reached(Phase::Stopping).await;
        assert_eq!(*lifecycle.phase.borrow(), Phase::Stopping);
        lifecycle.stop();
        lifecycle.reached(Phase::Stopped).await;
        lifecycle.advance(Phase::Stopping);
        assert_eq!(*lifecycle.phase.borrow(), Phase::Stopped);
    }
}
