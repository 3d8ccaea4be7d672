//! Whether the server takes requests, finishes those under way, or ends.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It takes requests.
    Serving,
    /// It takes no connection more, and finishes what is under way.
    Stopping,
    /// It ends, whatever is under way.
    Stopped,
}

/// What the server does, and who waits for that to change. It only goes forward.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    /// The same for those who ask all the time: whether it takes no more.
    is_stopping: AtomicBool,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), is_stopping: AtomicBool::new(false) }
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
        self.is_stopping.fetch_or(next >= Phase::Stopping, Ordering::AcqRel);
        self.phase.send_if_modified(|phase| {
            let is_later = *phase < next;
            *phase = next.max(*phase);
            is_later
        });
    }

    /// Whether it takes no connection more.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
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
