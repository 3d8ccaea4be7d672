//! How long a candidate takes, from times of which some were cut short.
//!
//! Who hedges never sees how long a leg that lost would have taken, and an estimate that left such legs out, or took them for
//! as quick as they were waited for, would soon find no tail at all, stop, find it again, and swing. So a lost leg counts as
//! *at least* its time, by the product-limit estimate (E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete
//! Observations", Journal of the American Statistical Association 53, 1958).

use std::{
    fmt,
    sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::share::Wins;

/// Times that a generation holds. The estimate is made from two: the last full one, and the one that is filled.
const GENERATION: u64 = 1000;

/// The quantiles are looked up anew after so many times.
const LOOK_EVERY: u64 = 64;

/// Times are counted in units of 2^6 microseconds.
const UNIT_POWER: u32 = 6;

/// Every power of two has 2^4 buckets, each 3 to 6 % wide.
const GROUPING_POWER: u32 = 4;

/// Times up to 2^26 units, 71 minutes; what is longer is counted there.
const BUCKETS: usize = ((26 - GROUPING_POWER + 1) << GROUPING_POWER) as usize;

/// No second leg is started sooner. It costs this machine about as much as the first one did, which is more than some
/// milliseconds are worth, and every request would set a timer for them that wakes its whole thread.
const SOONEST_MICROS: u64 = 10_000;

/// When a second leg is started, and how long a leg usually takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) after: Duration,
    pub(super) usual: Duration,
}

/// The times of one candidate's legs, and what follows from them. Writing takes no lock, and reading is two loads.
pub(super) struct Estimator {
    quantile: f64,
    min_samples: u64,
    seen: AtomicU64,
    generations: [Generation; 2],
    /// Microseconds after which a second leg is started; 0: none is.
    after: AtomicU64,
    usual: AtomicU64,
    wins: Wins,
}

struct Generation {
    ended: [AtomicU16; BUCKETS],
    cut: [AtomicU16; BUCKETS],
}

impl Estimator {
    pub(super) fn new(quantile: f64, min_samples: u64) -> Self {
        let generation = || Generation {
            ended: [const { AtomicU16::new(0) }; BUCKETS],
            cut: [const { AtomicU16::new(0) }; BUCKETS],
        };
        Self {
            quantile,
            min_samples,
            seen: AtomicU64::new(0),
            generations: [generation(), generation()],
            after: AtomicU64::new(0),
            usual: AtomicU64::new(0),
            wins: Wins::default(),
        }
    }

    /// How second legs fared.
    pub(super) fn wins(&self) -> &Wins {
        &self.wins
    }

    /// What to do about a leg that begins now; `None` where a second one would not pay.
    pub(super) fn plan(&self) -> Option<Plan> {
        match self.after.load(Relaxed) {
            0 => None,
            after => {
                let usual = Duration::from_micros(self.usual.load(Relaxed));
                Some(Plan { after: Duration::from_micros(after), usual })
            }
        }
    }

    /// A leg was answered after `time`.
    pub(super) fn took(&self, time: Duration) {
        self.count(time, |generation| &generation.ended);
    }

    /// Nobody waits any longer for a leg that was not answered after `time`.
    pub(super) fn took_at_least(&self, time: Duration) {
        self.count(time, |generation| &generation.cut);
    }

    fn count(&self, time: Duration, kind: impl Fn(&Generation) -> &[AtomicU16; BUCKETS]) {
        let number = self.seen.fetch_add(1, Relaxed);
        let generation = &self.generations[usize::from((number / GENERATION) % 2 == 1)];
        if number.is_multiple_of(GENERATION) {
            // Times that others write meanwhile may be lost with the old ones: a few of a thousand.
            generation.ended.iter().chain(&generation.cut).for_each(|count| count.store(0, Relaxed));
        }
        kind(generation)[bucket(time)].fetch_add(1, Relaxed);
        let seen = number + 1;
        if seen >= self.min_samples && (seen == self.min_samples || seen.is_multiple_of(LOOK_EVERY)) {
            self.look();
        }
    }

    /// Looks the quantiles up.
    fn look(&self) {
        let sum = |kind: fn(&Generation) -> &[AtomicU16; BUCKETS], bucket: usize| -> u32 {
            self.generations.iter().map(|generation| u32::from(kind(generation)[bucket].load(Relaxed))).sum()
        };
        let counts = (0..BUCKETS).map(|bucket| {
            (sum(|generation| &generation.ended, bucket), sum(|generation| &generation.cut, bucket))
        });
        // At the default the 99th percentile stands for the tail, that is one in five of those that are late.
        let tail = 1.0 - (1.0 - self.quantile) / 5.0;
        let [usual, late, tail] = quantiles(counts, [0.5, self.quantile, tail]);
        let late = late.map(|late| late.max(SOONEST_MICROS));
        // A fresh leg takes as long as most do. Where even the slowest would mostly be there before it, it is of no use.
        let after = match (usual, late) {
            (Some(usual), Some(late)) if tail.is_none_or(|tail| late + usual < tail) => {
                self.usual.store(usual, Relaxed);
                late
            }
            _ => 0,
        };
        self.after.store(after, Relaxed);
    }
}

impl fmt::Debug for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Estimator")
            .field("seen", &self.seen)
            .field("plan", &self.plan())
            .finish_non_exhaustive()
    }
}

/// The quantiles `wanted`, in rising order, in microseconds: each the upper end of the bucket that it falls into. `None`
/// for what lies beyond all answers, since what was given up may take any time.
fn quantiles<const N: usize>(
    counts: impl Iterator<Item = (u32, u32)> + Clone,
    wanted: [f64; N],
) -> [Option<u64>; N] {
    let mut at_risk: u32 = counts.clone().map(|(ended, cut)| ended + cut).sum();
    let mut found = [None; N];
    let mut next = 0;
    // The share of legs that are not answered yet.
    let mut open = 1.0;
    for (bucket, (ended, cut)) in counts.enumerate() {
        if ended > 0 {
            open *= 1.0 - f64::from(ended.min(at_risk)) / f64::from(at_risk);
        }
        // What was given up within a bucket was waited for as long as what was answered in it. Others write meanwhile, so that
        // more may be found here than were counted above.
        at_risk = at_risk.saturating_sub(ended + cut);
        while next < N && open <= 1.0 - wanted[next] + f64::EPSILON {
            found[next] = Some(upper_end(bucket));
            next += 1;
        }
        if next == N || at_risk == 0 {
            break;
        }
    }
    found
}

/// The bucket of a time.
fn bucket(time: Duration) -> usize {
    let units = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) >> UNIT_POWER;
    let power = units.max(1).ilog2().saturating_sub(GROUPING_POWER);
    let place = (u64::from(power) << GROUPING_POWER) + (units >> power);
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The first time beyond a bucket, in microseconds.
fn upper_end(bucket: usize) -> u64 {
    let width = 1 << GROUPING_POWER;
    // Below 2 · 2^4 units every unit has its own.
    let power = (bucket as u64 / width).saturating_sub(1);
    (bucket as u64 - power * width + 1) << (power + u64::from(UNIT_POWER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_about_five_percent_wide() {
        let mut last = 0;
        for number in 0..BUCKETS {
            let end = upper_end(number);
            assert_eq!(bucket(Duration::from_micros(last)), number);
            assert_eq!(bucket(Duration::from_micros(end - 1)), number);
            assert!(number < 32 || (end - last) * 16 <= last, "{last} to {end}");
            last = end;
        }
        assert_eq!(Duration::from_micros(last), Duration::from_micros(1 << 32));
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_was_cut_short_counts_until_it_was_and_not_after() {
        // Kaplan and Meier's own example, in months: deaths at 0.8, 3.1, 5.4, 9.2; losses at 1.0, 2.7, 7.0, 12.1. The share
        // that survives falls to 0.875, 0.7, 0.525 and 0.2625.
        let months = [(1, 0), (0, 1), (0, 1), (1, 0), (1, 0), (0, 1), (1, 0), (0, 1)];
        let found = quantiles(months.into_iter(), [0.125, 0.126, 0.3, 0.475, 0.5, 0.7375, 0.74]);
        let place = |found: Option<u64>| found.map(|end| (end >> UNIT_POWER) - 1);
        assert_eq!(found.map(place), [Some(0), Some(3), Some(3), Some(4), Some(6), Some(6), None]);
    }

    #[test]
    fn times_that_are_written_while_it_is_read_do_no_harm() {
        let reads = std::cell::Cell::new(0);
        // The second time it is read, ten more were answered.
        let counts = (0..3).map(|_| {
            reads.set(reads.get() + 1);
            (if reads.get() > 3 { 11 } else { 1 }, 0)
        });
        let found = quantiles(counts, [0.5, 0.95]);
        assert_eq!(found, [Some(upper_end(0)); 2]);
    }

    fn draw(estimator: &Estimator, times: impl Iterator<Item = u64>) {
        times.for_each(|ms| estimator.took(Duration::from_millis(ms)));
    }

    #[test]
    fn narrow_times_make_no_plan_and_a_long_tail_does() {
        let estimator = Estimator::new(0.95, 100);
        draw(&estimator, (0..2000).map(|number| 240 + (number * 37) % 120));
        assert_eq!(estimator.plan(), None);
        let slow = |number: u64| if number.is_multiple_of(33) { 3000 } else { 240 + (number * 37) % 120 };
        draw(&estimator, (0..2000).map(slow));
        let plan = estimator.plan().unwrap();
        assert!((340..=380).contains(&plan.after.as_millis()), "{plan:?}");
        assert!((290..=320).contains(&plan.usual.as_millis()), "{plan:?}");
    }

    #[test]
    fn it_says_nothing_before_it_has_seen_enough_and_forgets_what_is_old() {
        let estimator = Estimator::new(0.95, 100);
        let slow = |number: u64| if number.is_multiple_of(20) { 3000 } else { 300 };
        draw(&estimator, (0..99).map(slow));
        assert_eq!(estimator.plan(), None);
        draw(&estimator, (99..100).map(slow));
        assert!(estimator.plan().is_some());
        draw(&estimator, (0..2 * GENERATION).map(|_| 100));
        assert_eq!(estimator.plan(), None);
    }

    #[test]
    fn milliseconds_are_not_worth_a_second_leg_and_seconds_are() {
        let estimator = Estimator::new(0.95, 100);
        let slow = |late: u64| move |number: u64| if number.is_multiple_of(33) { late } else { 1 };
        draw(&estimator, (0..2000).map(slow(9)));
        assert_eq!(estimator.plan(), None);
        draw(&estimator, (0..2000).map(slow(3000)));
        assert_eq!(estimator.plan().map(|plan| plan.after), Some(Duration::from_millis(10)));
    }

    #[test]
    fn a_tail_that_is_always_cut_short_is_still_one() {
        let estimator = Estimator::new(0.95, 100);
        for number in 0..20 * GENERATION {
            if number.is_multiple_of(33) {
                estimator.took_at_least(Duration::from_millis(700));
            } else {
                estimator.took(Duration::from_millis(240 + (number * 37) % 120));
            }
            let plan = estimator.plan();
            assert!(
                number < 1100 || plan.is_some_and(|plan| plan.after.as_millis() < 400),
                "{number} {plan:?}"
            );
        }
    }
}
