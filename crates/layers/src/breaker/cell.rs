//! What is known of one candidate's health: closed, open, or open with one probe under way.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use ultraai_core::{Error, ErrorKind};

use super::{BreakerLayer, State};

/// Outcomes that the share of failures is taken of.
const RING: u32 = 20;

/// Failures in a full ring that open the breaker: 60 %.
const RING_FAILURES: u32 = 12;

/// Attempts that may be under way, of those that began while it is doubted whether the candidate is still there.
const DOUBTED_ATTEMPTS: u32 = 10;

/// A provider that asks to be left alone for longer is asked again all the same: it may not mean it.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Where nobody else is asked in its place, a probe is made after this time already: were all of them down, nobody would be
/// answered until the longest open time is over, long after they are back.
const LAST_RESORT: Duration = Duration::from_secs(1);

/// Share of the open time that is drawn, so that the probes of many processes do not meet.
const JITTER: f64 = 0.1;

/// One candidate's health.
#[derive(Debug)]
pub(super) struct Cell {
    settings: BreakerLayer,
    health: Mutex<Health>,
}

#[derive(Debug)]
struct Health {
    phase: Phase,
    /// One more each time it opens or closes: what began before says nothing of what is now.
    generation: u64,
    /// Failures since the last sign of life.
    in_a_row: u32,
    /// The last outcomes, the latest in the lowest bit; 1 is a failure.
    ring: u32,
    /// Outcomes in this generation.
    outcomes: u64,
    /// How often a sign of life ended a doubt.
    doubts: u64,
    /// Attempts under way that began in the present doubt.
    doubted: u32,
    /// How long it was open last, before jitter.
    open_time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Closed,
    Open { since: Instant, until: Instant, last_resort: Instant, why: ErrorKind, probing: bool },
}

/// The right to one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    generation: u64,
    is_probe: bool,
    /// The doubt that it counts in.
    doubt: Option<u64>,
    /// Which outcome of its generation it was, once it is known.
    outcome: Option<u64>,
}

/// What an attempt says of the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is there.
    Alive,
    /// It failed.
    Failed(Failure),
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) why: ErrorKind,
    /// For how long the provider wants to be left alone, where it said so.
    pub(super) asked: Option<Duration>,
    /// Random, from 0 to 1.
    pub(super) draw: f64,
}

/// What an outcome changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    Opened { why: ErrorKind, open_time: Duration },
    Closed,
}

impl Cell {
    pub(super) fn new(settings: &BreakerLayer) -> Self {
        let health = Health {
            phase: Phase::Closed,
            generation: 0,
            in_a_row: 0,
            ring: 0,
            outcomes: 0,
            doubts: 0,
            doubted: 0,
            open_time: settings.open,
        };
        Self { settings: *settings, health: Mutex::new(health) }
    }

    pub(super) fn state(&self) -> State {
        match self.health().phase {
            Phase::Closed => State::Closed,
            Phase::Open { until, probing, .. } if probing || until <= Instant::now() => State::HalfOpen,
            Phase::Open { .. } => State::Open,
        }
    }

    /// Lets an attempt through, or refuses it; `has_spare` where another candidate is asked in its place then.
    pub(super) fn admit(&self, now: Instant, has_spare: bool) -> Result<Pass, Error> {
        let mut guard = self.health();
        let health = &mut *guard;
        let mut pass = Pass { generation: health.generation, is_probe: false, doubt: None, outcome: None };
        match &mut health.phase {
            Phase::Open { since, until, last_resort, why, probing } => {
                let at = if has_spare { *until } else { *last_resort };
                if *probing || now < at {
                    return Err(self.refusal(now, *since, at, *why, *probing));
                }
                *probing = true;
                pass.is_probe = true;
            }
            // What is doubted gets some attempts that may show how it is, and no burst. Half of the failures that open are
            // no doubt yet: a healthy candidate fails now and then, and must not be held back for it.
            Phase::Closed if health.in_a_row >= self.settings.failures_to_open.div_ceil(2) => {
                if health.doubted >= DOUBTED_ATTEMPTS {
                    let message = format!(
                        "it failed {} times in a row, and {DOUBTED_ATTEMPTS} attempts that may show that it is back are \
                         under way: ask another one",
                        health.in_a_row
                    );
                    return Err(Error::new(ErrorKind::CircuitOpen, message).unsent());
                }
                health.doubted += 1;
                pass.doubt = Some(health.doubts);
            }
            Phase::Closed => {}
        }
        Ok(pass)
    }

    /// Ends an attempt that says nothing of the candidate.
    pub(super) fn leave(&self, pass: Pass) {
        self.health().release(pass);
    }

    /// Counts what an attempt says, and returns its pass as a live answer keeps it.
    pub(super) fn count(&self, mut pass: Pass, outcome: Outcome) -> (Pass, Option<Change>) {
        let mut health = self.health();
        health.release(pass);
        pass.doubt = None;
        if let (Outcome::Failed(Failure { asked: Some(asked), .. }), Phase::Open { until, last_resort, .. }) =
            (outcome, &mut health.phase)
        {
            // Even of an attempt that began before it opened: the provider's word holds for all.
            let asked_until = Instant::now() + asked.min(LONGEST_ASKED);
            *until = (*until).max(asked_until);
            *last_resort = (*last_resort).max(asked_until);
        }
        if pass.generation != health.generation {
            return (pass, None);
        }
        let change = match (health.phase, outcome) {
            (Phase::Closed, Outcome::Alive) => {
                pass.outcome = Some(health.push(false));
                health.in_a_row = 0;
                if health.doubted > 0 {
                    health.doubts += 1;
                    health.doubted = 0;
                }
                None
            }
            (Phase::Closed, Outcome::Failed(failure)) => {
                health.push(true);
                health.in_a_row = health.in_a_row.saturating_add(1);
                self.judge(&mut health, failure)
            }
            (Phase::Open { .. }, Outcome::Alive) => {
                health.phase = Phase::Closed;
                health.begin();
                pass.generation = health.generation;
                pass.outcome = Some(health.push(false));
                Some(Change::Closed)
            }
            (Phase::Open { .. }, Outcome::Failed(failure)) => {
                let longer = self.longer(health.open_time);
                Some(health.open(longer, failure))
            }
        };
        (pass, change)
    }

    /// Turns the sign of life that a live answer gave into the failure that its break is.
    pub(super) fn take_back(&self, pass: Pass, failure: Failure) -> Option<Change> {
        let mut health = self.health();
        if pass.generation != health.generation || health.phase != Phase::Closed {
            return None;
        }
        health.in_a_row = health.in_a_row.saturating_add(1);
        let age = health.outcomes - pass.outcome?;
        if age < u64::from(RING) {
            health.ring |= 1 << age;
        }
        if pass.is_probe && u64::from(health.ring.count_ones()) == health.outcomes {
            // It closed the breaker too early, and nobody else was answered since.
            let longer = self.longer(health.open_time);
            return Some(health.open(longer, failure));
        }
        self.judge(&mut health, failure)
    }

    /// Opens after a failure, where it was one too many.
    fn judge(&self, health: &mut Health, failure: Failure) -> Option<Change> {
        let is_full = health.outcomes >= u64::from(RING);
        let is_bad = health.in_a_row >= self.settings.failures_to_open
            || is_full && health.ring.count_ones() >= RING_FAILURES;
        is_bad.then(|| health.open(self.settings.open, failure))
    }

    fn longer(&self, open_time: Duration) -> Duration {
        open_time.saturating_mul(2).min(self.settings.max_open)
    }

    fn refusal(&self, now: Instant, since: Instant, until: Instant, why: ErrorKind, probing: bool) -> Error {
        let wait = until.saturating_duration_since(now);
        let next = if probing {
            "one attempt is under way that shows whether it is back".to_owned()
        } else {
            format!("the next attempt may be made in {:.1} s", wait.as_secs_f64())
        };
        let since = now.duration_since(since).as_secs_f64();
        let message = format!("its breaker opened {since:.1} s ago, the last failure being `{why}`: {next}");
        // Of a probe nobody knows how long it takes; should it fail, it is at least this long to the next one.
        let wait = if probing { self.settings.open } else { wait };
        let last = Error::new(why, "the failure that opened the breaker");
        Error::new(ErrorKind::CircuitOpen, message).unsent().with_retry_after(wait).with_causes(vec![last])
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Frees what a pass holds of its own generation.
    fn release(&mut self, pass: Pass) {
        if pass.generation != self.generation {
            return;
        }
        match &mut self.phase {
            Phase::Open { probing, .. } if pass.is_probe => *probing = false,
            Phase::Closed if pass.doubt == Some(self.doubts) => {
                self.doubted = self.doubted.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Adds an outcome, and returns its number.
    fn push(&mut self, failed: bool) -> u64 {
        self.ring = (self.ring << 1 | u32::from(failed)) & ((1 << RING) - 1);
        self.outcomes += 1;
        self.outcomes
    }

    /// Opens for `open_time`, or for as long as the provider asked.
    fn open(&mut self, open_time: Duration, failure: Failure) -> Change {
        let now = Instant::now();
        let Failure { why, asked, draw } = failure;
        let drawn = open_time.mul_f64(1.0 - JITTER * draw);
        let open = asked.map_or(drawn, |asked| drawn.max(asked.min(LONGEST_ASKED)));
        let since = match self.phase {
            Phase::Open { since, .. } => since,
            Phase::Closed => now,
        };
        let last_resort = now + asked.unwrap_or_default().min(LONGEST_ASKED).max(LAST_RESORT.min(open));
        self.phase = Phase::Open { since, until: now + open, last_resort, why, probing: false };
        self.open_time = open_time;
        self.begin();
        Change::Opened { why, open_time: open }
    }

    /// Begins a generation, of which nothing is known.
    fn begin(&mut self) {
        self.generation += 1;
        self.in_a_row = 0;
        self.ring = 0;
        self.outcomes = 0;
        self.doubts += 1;
        self.doubted = 0;
    }
}
