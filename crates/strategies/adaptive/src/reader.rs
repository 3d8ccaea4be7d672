//! How long an arm was ready to go on and nobody let it: that is a slow reader's time, and not the arm's.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Wake, Waker},
    time::Duration,
};

use tokio::time::Instant;

/// Takes the time between each wake-up of an arm and the poll that follows. Who reads a live answer polls the arm only when he
/// has read what there is, and the ledger's rows hold the time that he takes as well.
#[derive(Debug)]
pub(crate) struct Reader(Mutex<Times>);

#[derive(Debug)]
struct Times {
    task: Waker,
    /// Since when the arm could go on.
    ready: Option<Instant>,
    away: Duration,
    missed: bool,
}

impl Reader {
    pub(crate) fn new() -> Arc<Self> {
        let times = Times { task: Waker::noop().clone(), ready: None, away: Duration::ZERO, missed: false };
        Arc::new(Self(Mutex::new(times)))
    }

    /// Waits for `work`, which ends at `deadline`, and takes the reader's time meanwhile.
    pub(crate) async fn watch<F: Future>(self: &Arc<Self>, work: F, deadline: Option<Instant>) -> F::Output {
        let waker = Waker::from(Arc::clone(self));
        let mut work = Box::pin(work);
        poll_fn(|cx| {
            self.is_back(cx.waker(), deadline);
            work.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    /// The time that the reader let it wait.
    pub(crate) fn away(&self) -> Duration {
        self.times().away
    }

    /// Whether the deadline passed while it could have gone on.
    pub(crate) fn missed_deadline(&self) -> bool {
        self.times().missed
    }

    fn is_back(&self, task: &Waker, deadline: Option<Instant>) {
        let mut times = self.times();
        times.task.clone_from(task);
        if let Some(ready) = times.ready.take() {
            let now = Instant::now();
            times.away += now.duration_since(ready);
            times.missed |= deadline.is_some_and(|deadline| ready < deadline && deadline <= now);
        }
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Reader {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let task = {
            let mut times = self.times();
            times.ready.get_or_insert_with(Instant::now);
            times.task.clone()
        };
        task.wake();
    }
}
