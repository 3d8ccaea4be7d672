//! How many second legs there may be.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Second legs that may be saved up. Few, so that a provider that becomes slow as a whole is not asked twice by everybody.
const FULL: u64 = 10 * WHOLE;

/// One second leg, in the smallest unit that is counted.
const WHOLE: u64 = 1_000_000;

/// A share of 1, in the unit that wins are counted in.
const ALL: u32 = 1 << 16;

/// Where fewer than one in five of the second legs win, they do not pay.
const WORTH_IT: u32 = ALL / 5;

/// What one second leg more moves the share of those that win: a sixteenth of the distance.
const STEP_POWER: u32 = 4;

/// A bucket that begins empty and gains a little with every request, so that no run of requests, from the first one on, has
/// more second legs than its share.
#[derive(Debug)]
pub(super) struct Share {
    gain: u64,
    saved: AtomicU64,
}

/// What a second leg was paid with.
#[derive(Debug)]
pub(super) struct Paid(u64);

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

    /// Pays for a second leg, when there is enough. Where second legs do not pay each costs a full bucket, so that one in a
    /// while still finds out whether that has changed.
    pub(super) fn pay(&self, wins: &Wins) -> Option<Paid> {
        let price = if wins.0.load(Relaxed) < WORTH_IT { FULL } else { WHOLE };
        self.saved.fetch_update(Relaxed, Relaxed, |saved| saved.checked_sub(price)).ok().map(|_| Paid(price))
    }

    /// A second leg that was paid for was not sent.
    pub(super) fn give_back(&self, paid: &Paid) {
        let _ = self.saved.fetch_update(Relaxed, Relaxed, |saved| Some(FULL.min(saved + paid.0)));
    }
}

/// The recency-weighted share of second legs that won. Long answers take long whoever writes them: where that makes the tail,
/// a second leg is as late as the first and loses.
#[derive(Debug)]
pub(super) struct Wins(AtomicU32);

impl Default for Wins {
    /// They are believed to win until they do not.
    fn default() -> Self {
        Self(AtomicU32::new(ALL))
    }
}

impl Wins {
    /// A second leg won, or lost to the first.
    pub(super) fn learn(&self, won: bool) {
        let gain = if won { ALL >> STEP_POWER } else { 0 };
        let _ = self.0.fetch_update(Relaxed, Relaxed, |wins| Some(wins - (wins >> STEP_POWER) + gain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_has_more_than_its_share_and_a_slow_time_spends_no_more_than_was_saved() {
        let (share, wins) = (Share::new(0.05), Wins::default());
        let mut taken = 0;
        for request in 1..=10_000 {
            share.earn();
            taken += u64::from(share.pay(&wins).is_some());
            assert!(taken * 20 <= request, "{taken} of {request}");
        }
        assert_eq!(taken, 500);
        (0..100_000).for_each(|_| share.earn());
        let paid: Vec<_> = (0..100).filter_map(|_| share.pay(&wins)).collect();
        assert_eq!(paid.len(), 10);
        share.give_back(&paid[0]);
        assert!(share.pay(&wins).is_some() && share.pay(&wins).is_none());
    }

    #[test]
    fn second_legs_that_always_lose_become_rare_and_those_that_win_again_do_not() {
        let (share, winning) = (Share::new(0.05), Wins::default());
        let run = |requests: u32, wins: fn(u32) -> bool| {
            let mut taken = 0;
            for _ in 0..requests {
                share.earn();
                if share.pay(&winning).is_some() {
                    taken += 1;
                    winning.learn(wins(taken));
                }
            }
            taken
        };
        assert_eq!(run(20_000, |number| number % 3 == 0), 1000);
        let lost = run(20_000, |_| false);
        assert!((90..=130).contains(&lost), "{lost}");
        assert!(run(20_000, |_| true) > 900);
    }
}
