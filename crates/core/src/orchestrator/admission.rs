//! How many requests an orchestrator has under way at once, and how many wait their turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{Error, ErrorKind, Options, Result, stats::UnderWay};

/// Requests that wait for each that may be under way, where nobody said how many.
const QUEUED_FOR_EACH: usize = 4;

/// Lets in so many requests at once, and the others in the order they came. A queue that is full refuses at once: whoever
/// waits longer than the deadline waits for nothing.
#[derive(Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    most: usize,
    queue: usize,
    waiting: AtomicUsize,
}

/// A place among the requests under way, until it is dropped.
#[derive(Debug)]
#[must_use = "the place is free again as soon as this is dropped"]
pub struct Place {
    /// None where any number may be under way.
    pub(super) _permit: Option<OwnedSemaphorePermit>,
    pub(super) _counted: UnderWay,
}

/// A place in the queue, until it is dropped.
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Admission {
    /// Nothing where any number may be under way.
    pub(super) fn new(options: &Options) -> Option<Self> {
        let (most, queue) = Self::bounds(options)?;
        Some(Self { places: Arc::new(Semaphore::new(most)), most, queue, waiting: AtomicUsize::new(0) })
    }

    /// How many may be under way, and how many may wait.
    pub(super) fn bounds(options: &Options) -> Option<(usize, usize)> {
        let most = options.max_requests_in_flight?.min(Semaphore::MAX_PERMITS);
        Some((most, options.max_queued_requests.unwrap_or(most.saturating_mul(QUEUED_FOR_EACH))))
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Waits for a place; `None` when the deadline came first. `usual` is how long a request takes, where that is known.
    ///
    /// # Errors
    /// `QueueFull`, with the delay after which there will probably be room.
    pub(super) async fn enter(
        &self,
        deadline: Option<Instant>,
        usual: impl FnOnce() -> Option<Duration>,
    ) -> Result<Option<OwnedSemaphorePermit>> {
        // The semaphore gives what is freed to those who wait, so nobody passes them here.
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Some(permit));
        }
        let more = |waiting: usize| (waiting < self.queue).then_some(waiting + 1);
        if self.waiting.fetch_update(Relaxed, Relaxed, more).is_err() {
            return Err(self.full(usual()));
        }
        let _turn = Turn(&self.waiting);
        let permit = Arc::clone(&self.places).acquire_owned();
        let permit = match deadline {
            None => permit.await,
            Some(deadline) => match timeout_at(deadline, permit).await {
                Ok(permit) => permit,
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(permit.expect("the semaphore is never closed")))
    }

    fn full(&self, usual: Option<Duration>) -> Error {
        let message = format!(
            "not admitted: as many requests are under way and wait as may, {} and {} (`max_requests_in_flight`, `max_queued_requests`); try again later",
            self.most, self.queue
        );
        let error = Error::new(ErrorKind::QueueFull, message);
        // By then those who wait will have had their turn.
        let rounds = u32::try_from(self.queue / self.most + 1).unwrap_or(u32::MAX);
        match usual {
            Some(usual) => error.with_retry_after(usual.saturating_mul(rounds)),
            None => error,
        }
    }
}
