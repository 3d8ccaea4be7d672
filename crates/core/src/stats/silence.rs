//! Whether a candidate takes attempts and says nothing: long before the first timeout tells that it hangs.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A candidate whose usual time nobody knows gets no more attempts than this ahead of the others before its first sign of life.
const UNPROVEN_STARTS: u64 = 24;

/// So many attempts without a sign of life are suspect …
const STARTS: u64 = 8;

/// … after so long, where nobody knows its usual time …
const UNPROVEN: Duration = Duration::from_secs(5);

/// … or after so many times its usual time, and no less than this. That of eight attempts none is over by then has a chance of
/// less than one in a thousand, even where one in a hundred takes ten times the median.
const USUAL: u32 = 3;
const LEAST: Duration = Duration::from_millis(500);

/// After so long without an attempt it is tried once more.
const FORGIVEN: Duration = Duration::from_secs(30);

/// Attempts since the last sign of life, which is a first content, an answer, or an error that is no timeout.
#[derive(Debug, Default)]
pub(super) struct Silence {
    starts: AtomicU64,
    /// Milliseconds of the candidate's age at the first of them.
    since: AtomicU64,
}

impl Silence {
    /// An attempt began at this age of the candidate, in milliseconds.
    pub(super) fn began(&self, age: u64) {
        if self.starts.fetch_add(1, Relaxed) == 0 {
            self.since.store(age, Relaxed);
        }
    }

    /// What began was not sent after all.
    pub(super) fn withdrawn(&self) {
        let _ = self.starts.fetch_update(Relaxed, Relaxed, |starts| starts.checked_sub(1));
    }

    /// Something came back.
    pub(super) fn broken(&self) {
        if self.starts.load(Relaxed) > 0 {
            self.starts.store(0, Relaxed);
        }
    }

    /// Whether the candidate probably hangs. It is asked after the others then, and refused nothing: where nobody else is
    /// there, a slow one is asked all the same.
    pub(super) fn is_suspect(
        &self,
        age: impl FnOnce() -> Duration,
        idle: impl FnOnce() -> Option<Duration>,
        usual: impl FnOnce() -> Option<Duration>,
    ) -> bool {
        let starts = self.starts.load(Relaxed);
        if starts < STARTS {
            return false;
        }
        let patience = match usual() {
            Some(usual) => usual.saturating_mul(USUAL).max(LEAST),
            _ if starts >= UNPROVEN_STARTS => Duration::ZERO,
            _ => UNPROVEN,
        };
        let silent = age().saturating_sub(Duration::from_millis(self.since.load(Relaxed)));
        silent >= patience && idle().is_some_and(|idle| idle < FORGIVEN)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};

    use crate::{Delivery, stats::CandidateStats};

    use super::*;

    fn begin(stats: &CandidateStats, attempts: u64) {
        (0..attempts).for_each(|_| stats.started(false, Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_lets_many_begin_and_says_nothing_is_asked_after_the_others() {
        let stats = CandidateStats::default();
        begin(&stats, STARTS);
        assert!(stats.is_healthy(), "some at once are no reason");
        advance(Duration::from_secs(6)).await;
        assert!(!stats.is_healthy());
        stats.first_event(Duration::from_secs(6), Instant::now());
        assert!(stats.is_healthy(), "one word is a sign of life");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_nobody_knows_is_not_trusted_with_a_flood() {
        let stats = CandidateStats::default();
        begin(&stats, UNPROVEN_STARTS - 1);
        assert!(stats.is_healthy());
        begin(&stats, 1);
        assert!(!stats.is_healthy());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_known_is_trusted_for_thrice_its_usual_time() {
        let stats = CandidateStats::default();
        let known = Instant::now();
        begin(&stats, 1);
        advance(Duration::from_secs(2)).await;
        stats.succeeded(Delivery::Whole, known, Instant::now());
        begin(&stats, 1000);
        advance(Duration::from_millis(5900)).await;
        assert!(stats.is_healthy(), "a flood is no reason");
        advance(Duration::from_millis(200)).await;
        assert!(!stats.is_healthy());
    }

    #[tokio::test(start_paused = true)]
    async fn after_half_a_minute_it_is_tried_once() {
        let stats = CandidateStats::default();
        begin(&stats, UNPROVEN_STARTS);
        advance(FORGIVEN).await;
        assert!(stats.is_healthy());
        begin(&stats, 1);
        assert!(!stats.is_healthy());
    }
}
