//! What is known of a candidate from its own attempts, and of an orchestrator from its requests.

mod recent;
mod requests;
mod silence;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use histogram::AtomicHistogram;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub(crate) use self::requests::{Flight, RequestStats, UnderWay};
pub use self::{
    recent::Pace,
    requests::{OrchestratorStats, RequestsSnapshot},
};
use self::{
    recent::{PaceCell, ShareCell},
    silence::Silence,
};
use crate::{Cost, Delivery, ErrorKind, Usage};

/// A candidate below this health is asked after the healthy ones.
pub const HEALTHY: f64 = 0.5;

/// What one attempt more moves the health: four failures in a row make a healthy candidate unhealthy.
const HEALTH_STEP: f32 = 0.2;

/// After so long without an attempt half of what is missing in health is forgiven, so that a candidate that
/// was down is tried again.
const HEALTH_HALF_LIFE: Duration = Duration::from_secs(30);

/// Bits of precision: two durations less than 3 % apart may fall together.
const GROUPING_POWER: u8 = 5;

/// Durations up to 2^36 microseconds, about 19 hours.
const MAX_VALUE_POWER: u8 = 36;

/// How a candidate stands beside others, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Nothing speaks against it.
    Healthy,
    /// It may hang. It may as well be new and slow, so that it is still better than one that is known to fail.
    Silent,
    /// Its attempts failed lately.
    Failing,
}

/// Counters of one candidate. Writing and reading take no lock.
#[derive(Debug)]
pub struct CandidateStats {
    born: Instant,
    requests: AtomicU64,
    successes: AtomicU64,
    retries: AtomicU64,
    abandoned: AtomicU64,
    in_flight: AtomicU64,
    failures: [AtomicU64; KINDS.len()],
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
    cost_nano_dollars: AtomicU64,
    attempts_of_unknown_cost: AtomicU64,
    first_event: AtomicHistogram,
    total: AtomicHistogram,
    /// Health as the bits of an `f32`, above the milliseconds since `born` of its last change.
    health: AtomicU64,
    /// Milliseconds since `born` of the last beginning, and one: 0 is never.
    last_began: AtomicU64,
    silence: Silence,
    first_event_pace: PaceCell,
    whole_pace: PaceCell,
    share: ShareCell,
}

/// Every kind once, so that failures are counted in an array.
const KINDS: [ErrorKind; 25] = {
    use ErrorKind as K;
    [
        K::RateLimited,
        K::Overloaded,
        K::ServerError,
        K::Connect,
        K::Timeout,
        K::Interrupted,
        K::Authentication,
        K::PermissionDenied,
        K::ModelNotFound,
        K::ContextTooLong,
        K::ContentFiltered,
        K::QuotaExhausted,
        K::Undecodable,
        K::EmptyAnswer,
        K::NoGoodAnswer,
        K::Unsupported,
        K::Rejected,
        K::CircuitOpen,
        K::Exhausted,
        K::QueueFull,
        K::InvalidRequest,
        K::Config,
        K::BudgetExceeded,
        K::PriceUnknown,
        K::Cancelled,
    ]
};

impl Default for CandidateStats {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            requests: AtomicU64::new(0),
            successes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            failures: [const { AtomicU64::new(0) }; KINDS.len()],
            input_tokens: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            cost_nano_dollars: AtomicU64::new(0),
            attempts_of_unknown_cost: AtomicU64::new(0),
            first_event: histogram(),
            total: histogram(),
            health: AtomicU64::new(pack(1.0, 0)),
            last_began: AtomicU64::new(0),
            silence: Silence::default(),
            first_event_pace: PaceCell::default(),
            whole_pace: PaceCell::default(),
            share: ShareCell::default(),
        }
    }
}

impl CandidateStats {
    /// Attempts under way.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Recency-weighted share of attempts that did not speak against the candidate, 0 to 1. It starts at 1,
    /// moves by a fifth of the distance with each attempt, and half of what is missing comes back in 30 s.
    pub fn health(&self) -> f64 {
        let (health, at) = unpack(self.health.load(Relaxed));
        match health < 1.0 {
            // A healthy candidate is the common case, and needs no look at the time.
            false => 1.0,
            true => f64::from(recovered(health, since(self.age_ms(Instant::now()), at))),
        }
    }

    /// Whether it is asked before the unhealthy ones: its attempts did not fail lately, and it does not seem to hang.
    pub fn is_healthy(&self) -> bool {
        self.standing() == Standing::Healthy
    }

    /// How it stands beside others.
    pub(crate) fn standing(&self) -> Standing {
        match (self.health() >= HEALTHY, self.is_silent()) {
            (true, false) => Standing::Healthy,
            (true, true) => Standing::Silent,
            (false, _) => Standing::Failing,
        }
    }

    /// Whether it seems to hang.
    fn is_silent(&self) -> bool {
        let measured = |delivery| match self.pace(delivery)? {
            Pace::Measured(time) => Some(time),
            Pace::AtLeast(_) => None,
        };
        let usual = || measured(Delivery::Live).max(measured(Delivery::Whole));
        self.silence.is_suspect(|| self.born.elapsed(), || self.idle(), usual)
    }

    /// Attempts so far, retries included.
    pub fn attempts(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// How long ago its last attempt began; `None` before the first.
    pub fn idle(&self) -> Option<Duration> {
        let began = Duration::from_millis(self.last_began.load(Relaxed).checked_sub(1)?);
        Some(self.born.elapsed().saturating_sub(began))
    }

    /// How long it took lately, to the first content of a live answer or to the end of a whole one; `None` before the
    /// first. An attempt that was given up took at least as long as it was waited for.
    pub fn pace(&self, delivery: Delivery) -> Option<Pace> {
        self.pace_cell(delivery).read()
    }

    /// The time in which 95 of 100 of its attempts gave the first content of a live answer, or a whole one; `None` before the
    /// first.
    pub fn p95(&self, delivery: Delivery) -> Option<Duration> {
        let times = match delivery {
            Delivery::Live => &self.first_event,
            Delivery::Whole => &self.total,
        };
        Percentiles::of(times).p95_seconds.map(Duration::from_secs_f64)
    }

    /// Recency-weighted share of its attempts that did not speak against it: about the last fifty, of the last minutes. It
    /// begins at 0.9, as if ten attempts had been made.
    pub fn success_share(&self) -> f64 {
        self.share.read(self.age_ms(Instant::now()))
    }

    fn pace_cell(&self, delivery: Delivery) -> &PaceCell {
        match delivery {
            Delivery::Live => &self.first_event_pace,
            Delivery::Whole => &self.whole_pace,
        }
    }

    /// Nobody waits any longer for what took so long until now.
    pub(crate) fn waited(&self, delivery: Delivery, after: Duration, now: Instant) {
        self.pace_cell(delivery).took_at_least(after, self.age_ms(now));
    }

    pub(crate) fn started(&self, is_retry: bool, now: Instant) {
        let age = u64::try_from(now.duration_since(self.born).as_millis()).unwrap_or(u64::MAX - 1);
        self.last_began.fetch_max(age + 1, Relaxed);
        self.silence.began(age);
        self.requests.fetch_add(1, Relaxed);
        self.retries.fetch_add(u64::from(is_retry), Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// What began was not sent after all.
    pub(crate) fn withdrawn(&self, is_retry: bool) {
        self.requests.fetch_sub(1, Relaxed);
        self.retries.fetch_sub(u64::from(is_retry), Relaxed);
        self.in_flight.fetch_sub(1, Relaxed);
        self.silence.withdrawn();
    }

    pub(crate) fn first_event(&self, after: Duration, now: Instant) {
        self.silence.broken();
        let _ = self.first_event.increment(micros(after));
        self.first_event_pace.took(after, self.age_ms(now));
    }

    /// The end of a live answer says more about who reads it than about who writes it.
    pub(crate) fn succeeded(&self, delivery: Delivery, started: Instant, now: Instant) {
        self.silence.broken();
        self.in_flight.fetch_sub(1, Relaxed);
        self.successes.fetch_add(1, Relaxed);
        let took = now.duration_since(started);
        let _ = self.total.increment(micros(took));
        if delivery == Delivery::Whole {
            self.whole_pace.took(took, self.age_ms(now));
        }
        self.share.count(true, self.age_ms(now));
        self.move_health(1.0, now);
    }

    pub(crate) fn failed(&self, kind: ErrorKind, is_fault: bool, now: Instant) {
        if kind != ErrorKind::Timeout {
            self.silence.broken();
        }
        self.in_flight.fetch_sub(1, Relaxed);
        if let Some(place) = KINDS.iter().position(|known| *known == kind) {
            self.failures[place].fetch_add(1, Relaxed);
        }
        if is_fault {
            self.share.count(false, self.age_ms(now));
            self.move_health(0.0, now);
        }
    }

    pub(crate) fn abandoned(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.abandoned.fetch_add(1, Relaxed);
    }

    pub(crate) fn used(&self, usage: &Usage, cost: Cost) {
        add(&self.input_tokens, usage.input_tokens);
        add(&self.output_tokens, usage.output_tokens);
        match cost {
            Cost::NanoDollars(nano) => add(&self.cost_nano_dollars, nano),
            Cost::Unknown => add(&self.attempts_of_unknown_cost, 1),
        }
    }

    fn move_health(&self, towards: f32, now: Instant) {
        let now = self.age_ms(now);
        let _ = self.health.fetch_update(Relaxed, Relaxed, |packed| {
            let (health, at) = unpack(packed);
            let health = recovered(health, since(now, at));
            Some(pack(health + HEALTH_STEP * (towards - health), now))
        });
    }

    /// Milliseconds since `born`, which begin again after 49 days; differences stay right.
    #[expect(clippy::cast_possible_truncation, reason = "it begins again")]
    fn age_ms(&self, now: Instant) -> u32 {
        now.duration_since(self.born).as_millis() as u32
    }

    /// The counters as data.
    pub fn snapshot(&self) -> StatsSnapshot {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let failures = KINDS.iter().zip(&self.failures).map(|(kind, counter)| (*kind, count(counter)));
        StatsSnapshot {
            requests: count(&self.requests),
            successes: count(&self.successes),
            failures: failures.filter(|(_, count)| *count > 0).collect(),
            retries: count(&self.retries),
            abandoned: count(&self.abandoned),
            in_flight: count(&self.in_flight),
            input_tokens: count(&self.input_tokens),
            output_tokens: count(&self.output_tokens),
            known_cost_nano_dollars: count(&self.cost_nano_dollars),
            attempts_of_unknown_cost: count(&self.attempts_of_unknown_cost),
            time_to_first_chunk: Percentiles::of(&self.first_event),
            operation_duration: Percentiles::of(&self.total),
            health: self.health(),
            success_share: self.success_share(),
            recent_time_to_first_chunk_seconds: measured(&self.first_event_pace),
            recent_operation_duration_seconds: measured(&self.whole_pace),
        }
    }
}

fn measured(pace: &PaceCell) -> Option<f64> {
    match pace.read()? {
        Pace::Measured(time) => Some(time.as_secs_f64()),
        Pace::AtLeast(_) => None,
    }
}

fn histogram() -> AtomicHistogram {
    AtomicHistogram::new(GROUPING_POWER, MAX_VALUE_POWER).expect("the powers are within the library's bounds")
}

/// Adds to a sum that whatever a server reports cannot make overflow.
fn add(sum: &AtomicU64, more: u64) {
    let _ = sum.fetch_update(Relaxed, Relaxed, |sum| Some(sum.saturating_add(more)));
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min((1 << MAX_VALUE_POWER) - 1)
}

fn pack(health: f32, at: u32) -> u64 {
    (u64::from(health.to_bits()) << 32) | u64::from(at)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
fn unpack(packed: u64) -> (f32, u32) {
    (f32::from_bits((packed >> 32) as u32), packed as u32)
}

/// Milliseconds from `at` to `now`, both of which begin again after 49 days. Another thread may have read the clock a
/// little later and written first: then it is 0, and not 49 days.
fn since(now: u32, at: u32) -> u32 {
    const LITTLE: u32 = 60_000;
    let since = now.wrapping_sub(at);
    if since > u32::MAX - LITTLE { 0 } else { since }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a decay need no precision")]
fn recovered(health: f32, idle_ms: u32) -> f32 {
    let half_lives = idle_ms as f32 / HEALTH_HALF_LIFE.as_millis() as f32;
    1.0 - (1.0 - health) * (-half_lives).exp2()
}

/// A candidate's counters at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// Attempts, retries included.
    pub requests: u64,
    /// Attempts that gave a whole answer.
    pub successes: u64,
    /// Attempts that failed, by kind.
    pub failures: BTreeMap<ErrorKind, u64>,
    /// Attempts that were retries.
    pub retries: u64,
    /// Attempts that were given up before their end.
    pub abandoned: u64,
    /// Attempts under way.
    pub in_flight: u64,
    /// Tokens of requests, reported or estimated.
    pub input_tokens: u64,
    /// Tokens of answers, reported or estimated.
    pub output_tokens: u64,
    /// What is known of the cost, in nano-dollars.
    pub known_cost_nano_dollars: u64,
    /// Attempts whose cost nobody knows.
    pub attempts_of_unknown_cost: u64,
    /// Time to the first content of live answers.
    pub time_to_first_chunk: Percentiles,
    /// Time to the end of whole answers.
    pub operation_duration: Percentiles,
    /// Recency-weighted health, 0 to 1.
    pub health: f64,
    /// Recency-weighted share of about the last fifty attempts that did not speak against it; 0.9 before the first.
    #[serde(default)]
    pub success_share: f64,
    /// Typical time to the first content of live answers, lately.
    #[serde(default)]
    pub recent_time_to_first_chunk_seconds: Option<f64>,
    /// Typical time to the end of whole answers, lately.
    #[serde(default)]
    pub recent_operation_duration_seconds: Option<f64>,
}

/// Percentiles in seconds, within 3 %; `None` without a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// Half are quicker.
    pub p50_seconds: Option<f64>,
    /// 95 of 100 are quicker.
    pub p95_seconds: Option<f64>,
    /// 99 of 100 are quicker.
    pub p99_seconds: Option<f64>,
}

impl Percentiles {
    fn of(histogram: &AtomicHistogram) -> Self {
        let sample = histogram.load();
        let seconds = |quantile: f64| {
            let bucket = sample.quantile_bucket(quantile).ok().flatten()?;
            Some(Duration::from_micros(bucket.end()).as_secs_f64())
        };
        Self { p50_seconds: seconds(0.50), p95_seconds: seconds(0.95), p99_seconds: seconds(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn health_falls_with_failures_and_comes_back_with_time() {
        let stats = CandidateStats::default();
        for _ in 0..4 {
            stats.started(false, Instant::now());
            stats.failed(ErrorKind::ServerError, true, Instant::now());
        }
        assert!(!stats.is_healthy());
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(stats.is_healthy());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_request_does_not_speak_against_the_candidate() {
        let stats = CandidateStats::default();
        for _ in 0..10 {
            stats.started(false, Instant::now());
            stats.failed(ErrorKind::ContextTooLong, false, Instant::now());
        }
        assert!(stats.is_healthy());
        assert_eq!(stats.snapshot().failures[&ErrorKind::ContextTooLong], 10);
    }

    #[tokio::test(start_paused = true)]
    async fn health_comes_back_after_months_too() {
        let stats = CandidateStats::default();
        tokio::time::advance(Duration::from_hours(24 * 50)).await;
        for _ in 0..6 {
            stats.started(false, Instant::now());
            stats.failed(ErrorKind::ServerError, true, Instant::now());
        }
        assert!(!stats.is_healthy());
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(stats.is_healthy());
    }

    #[test]
    fn a_clock_that_was_read_a_little_earlier_forgets_nothing() {
        assert_eq!((since(10, 7), since(7, 10), since(3, u32::MAX - 3)), (3, 0, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn percentiles_are_within_three_percent() {
        let stats = CandidateStats::default();
        for ms in 1..=1000 {
            stats.started(false, Instant::now());
            let now = Instant::now();
            stats.succeeded(Delivery::Whole, now, now + Duration::from_millis(ms));
        }
        let p99 = stats.snapshot().operation_duration.p99_seconds.unwrap();
        assert!((0.99..0.99 * 1.035).contains(&p99), "{p99}");
        assert_eq!(stats.snapshot().time_to_first_chunk, Percentiles::default());
    }
}
