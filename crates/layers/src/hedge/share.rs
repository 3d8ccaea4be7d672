//! How many second legs there may be.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Second legs that may be saved up. Few, so that a provider that becomes slow as a whole is not asked twice by everybody.
const FULL: u64 = 10 * WHOLE;

/// One second leg, in the smallest unit that is counted.
const WHOLE: u64 = 1_000_000;

/// A bucket that begins empty and gains a little with every request, so that no run of requests, from the first one on, has
/// more second legs than its share.
#[derive(Debug)]
pub(super) struct Share {
    gain: u64,
    saved: AtomicU64,
}

impl Share {
    /// At most so many second legs for each request.
    pub(super) fn new(share: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share is between 0 and 1"
        )]
        let gain = (share * WHOLE as f64) as u64;
        Self { gain, saved: AtomicU64::new(0) }
    }

    /// One request more.
    pub(super) fn earn(&self) {
        let more = |saved| (saved < FULL).then(|| FULL.min(saved + self.gain));
        let _ = self.saved.fetch_update(Relaxed, Relaxed, more);
    }

    /// Takes a second leg, when one is there.
    pub(super) fn take(&self) -> bool {
        self.saved.fetch_update(Relaxed, Relaxed, |saved| saved.checked_sub(WHOLE)).is_ok()
    }

    /// A second leg that was taken was not needed.
    pub(super) fn give_back(&self) {
        let _ = self.saved.fetch_update(Relaxed, Relaxed, |saved| Some(FULL.min(saved + WHOLE)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_has_more_than_its_share_and_a_slow_time_spends_no_more_than_was_saved() {
        let share = Share::new(0.05);
        let mut taken = 0;
        for request in 1..=10_000 {
            share.earn();
            taken += u64::from(share.take());
            assert!(taken * 20 <= request, "{taken} of {request}");
        }
        assert_eq!(taken, 500);
        (0..100_000).for_each(|_| share.earn());
        assert_eq!((0..100).filter(|_| share.take()).count(), 10);
        share.give_back();
        assert!(share.take() && !share.take());
    }
}
