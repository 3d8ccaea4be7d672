//! What a candidate did lately, in cells that are written and read without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{pack, since, unpack};

/// What one more time moves the typical one at least, so that it follows a change within some tens of attempts.
const PACE_STEP: f32 = 0.1;

/// After so long without a time half of the typical one is forgotten, so that the next one counts for more: the decay by
/// time of Finagle's "peak EWMA" balancer (<https://twitter.github.io/finagle/guide/Clients.html>).
const PACE_HALF_LIFE: Duration = Duration::from_secs(30);

/// What is left of earlier attempts after one more: about the last fifty count, as in discounted Thompson sampling
/// (Raj and Kalyani, "Taming Non-stationary Bandits", 2017).
const SHARE_DISCOUNT: f32 = 0.98;

/// After so long half of the attempts are forgotten, so that a candidate that was repaired is not judged by its past.
const SHARE_HALF_LIFE: Duration = Duration::from_mins(5);

/// Successes and failures that a candidate begins with (a Beta prior): 9 in 10, and as much as ten attempts.
const PRIOR: (f32, f32) = (9.0, 1.0);

/// How long a candidate takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Pace {
    /// So long lately: the geometric mean of its times, which is the median where they are log-normal.
    Measured(Duration),
    /// It was never waited for to the end: at least so long.
    AtLeast(Duration),
}

/// Recency-weighted mean of the logarithm of times, so that single long ones do not carry it away.
#[derive(Debug)]
pub(super) struct PaceCell(AtomicU64);

impl Default for PaceCell {
    fn default() -> Self {
        Self(AtomicU64::new(pack(f32::NAN, 0)))
    }
}

impl PaceCell {
    /// A time from the beginning to the end.
    pub(super) fn took(&self, time: Duration, now_ms: u32) {
        let time = logarithm(time);
        let _ = self.0.fetch_update(Relaxed, Relaxed, |packed| {
            let (mean, at) = unpack(packed);
            let next = match mean.is_nan() || is_bound(mean) {
                true => time,
                false => mean + step(since(now_ms, at)) * (time - mean),
            };
            Some(pack(marked(next, false), now_ms))
        });
    }

    /// A time that nobody waited to the end of: it counts where it is longer than what is typical.
    pub(super) fn took_at_least(&self, time: Duration, now_ms: u32) {
        let time = logarithm(time);
        let _ = self.0.fetch_update(Relaxed, Relaxed, |packed| {
            let (mean, at) = unpack(packed);
            if mean.is_nan() {
                return Some(pack(marked(time, true), now_ms));
            }
            let next = mean + step(since(now_ms, at)) * (time - mean);
            (time > mean).then(|| pack(marked(next, is_bound(mean)), now_ms))
        });
    }

    pub(super) fn read(&self) -> Option<Pace> {
        let (mean, _) = unpack(self.0.load(Relaxed));
        if mean.is_nan() {
            return None;
        }
        let time = Duration::try_from_secs_f32(mean.exp() / 1e6).unwrap_or(Duration::MAX);
        Some(if is_bound(mean) { Pace::AtLeast(time) } else { Pace::Measured(time) })
    }
}

/// The logarithm of its microseconds.
#[expect(clippy::cast_precision_loss, reason = "a typical time needs no precision")]
fn logarithm(time: Duration) -> f32 {
    (time.as_micros().max(1) as f32).ln()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a decay need no precision")]
fn left_after(idle_ms: u32, half_life: Duration) -> f32 {
    (-(idle_ms as f32) / half_life.as_millis() as f32).exp2()
}

fn step(idle_ms: u32) -> f32 {
    PACE_STEP.max(1.0 - left_after(idle_ms, PACE_HALF_LIFE))
}

/// Whether it is only a bound, which the lowest bit says: the cell has no room besides.
fn is_bound(mean: f32) -> bool {
    mean.to_bits() & 1 == 1
}

fn marked(mean: f32, bound: bool) -> f32 {
    f32::from_bits(mean.to_bits() & !1 | u32::from(bound))
}

/// Discounted counts of successes and failures: two numbers of 16 bits above the milliseconds of the last change.
#[derive(Debug, Default)]
pub(super) struct ShareCell(AtomicU64);

/// What one attempt counts in the cell; the sum of all, 50, fits its 16 bits.
const ONE: f32 = 1024.0;

impl ShareCell {
    pub(super) fn count(&self, success: bool, now_ms: u32) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |packed| {
            let (good, bad) = counts(packed, now_ms);
            let (more_good, more_bad) = if success { (1.0, 0.0) } else { (0.0, 1.0) };
            Some(
                fixed(good * SHARE_DISCOUNT + more_good) << 48
                    | fixed(bad * SHARE_DISCOUNT + more_bad) << 32
                    | u64::from(now_ms),
            )
        });
    }

    pub(super) fn read(&self, now_ms: u32) -> f64 {
        let (good, bad) = counts(self.0.load(Relaxed), now_ms);
        f64::from((good + PRIOR.0) / (good + bad + PRIOR.0 + PRIOR.1))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the parts are taken apart")]
fn counts(packed: u64, now_ms: u32) -> (f32, f32) {
    let left = left_after(since(now_ms, packed as u32), SHARE_HALF_LIFE);
    let part = |shift: u32| f32::from((packed >> shift) as u16) / ONE * left;
    (part(48), part(32))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a conversion of floats saturates"
)]
fn fixed(count: f32) -> u64 {
    u64::from((count * ONE) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn seconds(cell: &PaceCell) -> f32 {
        match cell.read().unwrap() {
            Pace::Measured(time) | Pace::AtLeast(time) => time.as_secs_f32(),
        }
    }

    #[test]
    fn a_typical_time_follows_a_change_within_tens_of_attempts_and_back() {
        let cell = PaceCell::default();
        assert_eq!(cell.read(), None);
        for (time, wanted) in [(200, 0.2), (2000, 2.0), (200, 0.2)] {
            for _ in 0..30 {
                cell.took(ms(time), 0);
            }
            assert!((wanted / 1.2..wanted * 1.2).contains(&seconds(&cell)), "{}", seconds(&cell));
        }
    }

    #[test]
    fn one_long_time_does_not_carry_it_away() {
        let cell = PaceCell::default();
        cell.took(ms(200), 0);
        cell.took(ms(20_000), 0);
        assert!(seconds(&cell) < 0.35, "{}", seconds(&cell));
    }

    #[test]
    fn after_a_long_silence_one_time_counts_for_most() {
        let cell = PaceCell::default();
        (0..50).for_each(|_| cell.took(ms(5000), 0));
        cell.took(ms(200), 120_000);
        assert!(seconds(&cell) < 0.3, "{}", seconds(&cell));
    }

    #[test]
    fn what_was_given_up_took_at_least_so_long() {
        let cell = PaceCell::default();
        cell.took_at_least(ms(100), 0);
        assert!(matches!(cell.read(), Some(Pace::AtLeast(_))));
        cell.took_at_least(ms(300), 0);
        assert!(seconds(&cell) > 0.1);
        cell.took(ms(50), 0);
        assert!(
            matches!(cell.read(), Some(Pace::Measured(time)) if time < ms(51)),
            "the first true one counts"
        );
        cell.took_at_least(ms(10), 0);
        assert!((0.0499..0.0501).contains(&seconds(&cell)), "a shorter bound says nothing");
        (0..30).for_each(|_| cell.took_at_least(ms(500), 0));
        assert!(matches!(cell.read(), Some(Pace::Measured(time)) if time > ms(400)));
    }

    #[test]
    fn a_share_begins_at_the_prior_and_follows_the_last_attempts() {
        let cell = ShareCell::default();
        assert!((cell.read(0) - 0.9).abs() < 1e-6);
        (0..10_000).for_each(|_| cell.count(true, 0));
        assert!(cell.read(0) > 0.98);
        (0..50).for_each(|_| cell.count(false, 0));
        assert!(cell.read(0) < 0.5, "{}", cell.read(0));
        assert!(cell.read(60 * 60 * 1000) > 0.89, "after an hour it is forgotten");
    }
}
