//! How a simulated provider behaves.

use std::{f64::consts::TAU, sync::Arc, time::Duration};

use ultraai_core::ErrorKind;

use crate::{Latency, Outages, Tokens, Trace};

/// How a simulated provider behaves; all of it is drawn under its seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Time to the first word. Default: 300 ms, always.
    pub latency: Latency,
    /// Words a second after the first one; a whole answer takes as long as a live one. Default: none, at once.
    pub words_per_second: Option<f64>,
    /// Words of an answer. Default: 20.
    pub words: usize,
    /// Tokens of an answer, which take the place of its words. Default: none, words are counted.
    pub answer_tokens: Option<Tokens>,
    /// Calls that are slower than the others. Default: none.
    pub slow: Option<Slow>,
    /// A latency that goes up and down over time. Default: none.
    pub drift: Option<Drift>,
    /// Share of calls that fail, 0 to 1. Default: 0.
    pub failure_rate: f64,
    /// How they fail. An `Interrupted` live answer breaks off in its middle. Default: `ServerError`.
    pub failure: ErrorKind,
    /// How they fail where they do so in several ways, with weights, in place of `failure`. Default: none.
    pub failures: Vec<(ErrorKind, f64)>,
    /// After what time they fail. Default: as long as an answer would take to its first word.
    pub failure_after: Option<Latency>,
    /// Share of calls that are never answered, 0 to 1. Default: 0.
    pub hang_rate: f64,
    /// Times in which it is worse. Default: none.
    pub brown_out: Option<BrownOut>,
    /// Calls that it takes. Default: all.
    pub rate_limit: Option<RateLimit>,
    /// Tokens of requests and answers that it takes. Default: all.
    pub token_limit: Option<RateLimit>,
    /// Times in which it is down, some of which others may share. Default: none.
    pub outages: Vec<Outages>,
    /// Recorded calls that are played again, in place of all that is drawn. Default: none.
    pub trace: Option<Arc<Trace>>,
}

/// Calls that are slower than the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slow {
    /// Share of the calls, 0 to 1.
    pub share: f64,
    /// What their latency is multiplied by.
    pub slower: f64,
}

/// A latency that goes up and down, as by day and night.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// From the quickest time to the next one.
    pub every: Duration,
    /// What latencies are multiplied by halfway; less in between.
    pub slower: f64,
}

/// Times, again and again, in which a provider is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrownOut {
    /// From the beginning of one to that of the next. The first one begins after `every - lasting`.
    pub every: Duration,
    /// How long one lasts.
    pub lasting: Duration,
    /// Share of calls that fail in it, 0 to 1.
    pub failure_rate: f64,
    /// What latencies are multiplied by in it.
    pub slower: f64,
}

/// A bucket of calls or tokens: calls beyond it are refused with `RateLimited` and the delay after which one fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Calls a second, or tokens, over a long time.
    pub per_second: f64,
    /// Calls at once, or tokens.
    pub burst: f64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::steady(Duration::from_millis(300))
    }
}

impl Simulation {
    /// Always the same latency, and no failures.
    pub fn steady(latency: Duration) -> Self {
        Self {
            latency: Latency::Fixed(latency),
            words_per_second: None,
            words: 20,
            answer_tokens: None,
            slow: None,
            drift: None,
            failure_rate: 0.0,
            failure: ErrorKind::ServerError,
            failures: Vec::new(),
            failure_after: None,
            hang_rate: 0.0,
            brown_out: None,
            rate_limit: None,
            token_limit: None,
            outages: Vec::new(),
            trace: None,
        }
    }

    /// Log-normal latencies with this median and this 99th percentile.
    pub fn heavy_tailed(p50: Duration, p99: Duration) -> Self {
        Self { latency: Latency::LogNormal { p50, p99 }, ..Self::default() }
    }

    /// Good for 50 seconds, then for 10 seconds 9 of 10 calls fail and the rest take ten times as long.
    pub fn with_brown_outs() -> Self {
        let every = Duration::from_mins(1);
        let lasting = Duration::from_secs(10);
        let brown_out = BrownOut { every, lasting, failure_rate: 0.9, slower: 10.0 };
        Self { brown_out: Some(brown_out), ..Self::default() }
    }

    /// So many calls a second, `burst` at once.
    pub fn rate_limited(per_second: f64, burst: f64) -> Self {
        Self { rate_limit: Some(RateLimit { per_second, burst }), ..Self::default() }
    }

    /// Draws the time to the first word, and how the call fails where it does.
    pub(crate) fn draw(&self, age: Duration, rng: &mut fastrand::Rng) -> (Duration, Option<ErrorKind>) {
        let brown_out = self.brown_out.filter(|brown_out| brown_out.is_at(age));
        let mut latency = self.latency.sample(rng);
        if let Some(slow) = self.slow
            && rng.f64() < slow.share
        {
            latency = times(latency, slow.slower);
        }
        if let Some(drift) = self.drift {
            latency = times(latency, drift.at(age));
        }
        let mut failure_rate = self.failure_rate;
        if let Some(brown_out) = brown_out {
            latency = times(latency, brown_out.slower);
            failure_rate = brown_out.failure_rate;
        }
        if rng.f64() >= failure_rate {
            return (latency, None);
        }
        let after = self.failure_after.map_or(latency, |after| after.sample(rng));
        (after, Some(self.draw_failure(rng)))
    }

    fn draw_failure(&self, rng: &mut fastrand::Rng) -> ErrorKind {
        let weights: f64 = self.failures.iter().map(|(_, weight)| weight).sum();
        if self.failures.is_empty() {
            return self.failure;
        }
        let mut left = rng.f64() * weights;
        let drawn = self.failures.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        drawn.or(self.failures.last()).map_or(self.failure, |(kind, _)| *kind)
    }
}

impl BrownOut {
    fn is_at(&self, age: Duration) -> bool {
        let within = age.as_secs_f64() % self.every.as_secs_f64();
        within >= self.every.saturating_sub(self.lasting).as_secs_f64()
    }
}

impl Drift {
    fn at(&self, age: Duration) -> f64 {
        let turn = TAU * (age.as_secs_f64() / self.every.as_secs_f64()).fract();
        1.0 + (self.slower - 1.0) * (1.0 - turn.cos()) / 2.0
    }
}

/// A time that is so many times as long, and no longer than any clock of a simulation holds.
fn times(time: Duration, factor: f64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(1_000_000_000);
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).map_or(LONGEST, |time| time.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_slowest_halfway() {
        let drift = Drift { every: Duration::from_secs(100), slower: 3.0 };
        let at = |seconds| format!("{:.1}", drift.at(Duration::from_secs(seconds)));
        assert_eq!([0, 25, 50, 75, 100].map(at), ["1.0", "2.0", "3.0", "2.0", "1.0"]);
    }

    #[test]
    fn failures_come_in_their_weights() {
        let failures = vec![(ErrorKind::RateLimited, 3.0), (ErrorKind::Timeout, 1.0)];
        let simulation = Simulation { failure_rate: 1.0, failures, ..Simulation::default() };
        let mut rng = fastrand::Rng::with_seed(4);
        let drawn = (0..4000).filter_map(|_| simulation.draw(Duration::ZERO, &mut rng).1);
        let limited = drawn.filter(|kind| *kind == ErrorKind::RateLimited).count();
        assert!((2850..3150).contains(&limited), "{limited}");
    }

    #[test]
    fn some_calls_are_slower() {
        let slow = Some(Slow { share: 0.03, slower: 10.0 });
        let simulation = Simulation { slow, ..Simulation::default() };
        let mut rng = fastrand::Rng::with_seed(5);
        let drawn = (0..10_000).map(|_| simulation.draw(Duration::ZERO, &mut rng).0);
        let slow = drawn.filter(|latency| *latency == Duration::from_secs(3)).count();
        assert!((240..360).contains(&slow), "{slow}");
    }
}
