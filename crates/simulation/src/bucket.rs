//! A bucket of calls or of tokens that fills with time.

use std::time::Duration;

use tokio::time::Instant;

use crate::RateLimit;

/// A bucket that is full at first.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    left: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, left: limit.burst, filled: now }
    }

    /// After what time `amount` fits; `None` when it does now. What is more than the bucket holds takes all of it.
    pub(crate) fn wait_for(&mut self, amount: f64, now: Instant) -> Option<Duration> {
        let gained = (now - self.filled).as_secs_f64() * self.limit.per_second;
        self.left = (self.left + gained).min(self.limit.burst);
        self.filled = now;
        let missing = amount.min(self.limit.burst) - self.left;
        (missing > 0.0).then(|| self.until(missing))
    }

    /// Takes what fits, as [`wait_for`](Self::wait_for) said.
    pub(crate) fn take(&mut self, amount: f64) {
        self.left -= amount.min(self.limit.burst);
    }

    /// What it holds, what is left of it, and the time until it is full.
    pub(crate) fn quota(&self) -> (f64, f64, Duration) {
        (self.limit.burst, self.left, self.until(self.limit.burst - self.left))
    }

    fn until(&self, gained: f64) -> Duration {
        Duration::try_from_secs_f64(gained / self.limit.per_second).unwrap_or(Duration::MAX)
    }
}
