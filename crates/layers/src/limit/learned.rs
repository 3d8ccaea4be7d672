//! What the provider itself said of its limits.
//!
//! What it says may be stale: other requests were sent since that it had not counted. And it may be wrong: nothing that it says
//! is believed for long.

use std::time::Duration;

use tokio::time::Instant;
use ultraai_core::{Quota, RateLimits};

use super::line::Amount;

/// For how long the provider's word is believed. A quota that is used up until tomorrow costs one refused request in this time.
const BELIEVED: Duration = Duration::from_mins(10);

/// What the quotas count: requests, tokens of both, tokens of requests, tokens of answers.
const COUNTS: [fn(&Amount) -> u64; 4] = [
    |amount| amount.requests,
    |amount| amount.input.saturating_add(amount.output),
    |amount| amount.input,
    |amount| amount.output,
];

/// What the provider said.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Until when nothing is to be sent.
    held_until: Option<Instant>,
    /// How those are let go who were held back.
    pace: Option<Pace>,
    quotas: [Option<Belief>; 4],
    /// The youngest request whose response said something.
    youngest: u64,
    /// All that was let through.
    total: Amount,
}

/// After a refusal they go one by one, the first after the delay that was asked for and each next one in half the time of the
/// one before: all at once would be refused again.
#[derive(Clone, Copy, Debug)]
struct Pace {
    gap: Duration,
    next: Instant,
}

/// The first gap is no longer than this: a window that was used up is mostly whole again after the delay.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// A gap below this is none.
const SHORTEST_GAP: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug)]
struct Belief {
    limit: Option<u64>,
    left: u64,
    until: Instant,
    period: Duration,
    /// Whether it is the limit made whole again, and nothing that a response said.
    is_renewed: bool,
}

impl Learned {
    /// When `amount` may be sent, as far as the provider said.
    pub(super) fn ready(&mut self, amount: &Amount, now: Instant) -> Instant {
        self.held_until = self.held_until.filter(|until| *until > now);
        let mut ready = self.held_until.unwrap_or(now);
        if let Some(pace) = &self.pace {
            ready = ready.max(pace.next);
        }
        for (quota, count) in self.quotas.iter_mut().zip(COUNTS) {
            *quota = quota.and_then(|belief| belief.at(now));
            let Some(belief) = quota else { continue };
            // What is larger than the whole limit may go when that is whole.
            if count(amount).min(belief.limit.unwrap_or(u64::MAX)) > belief.left {
                ready = ready.max(belief.until);
            }
        }
        ready
    }

    /// Counts what is let through, and returns all that was let through so far.
    pub(super) fn add(&mut self, amount: &Amount, now: Instant) -> Amount {
        self.total.add(amount);
        self.pace = self.pace.and_then(|Pace { gap, .. }| {
            let gap = gap / 2;
            (gap >= SHORTEST_GAP).then(|| Pace { gap, next: now + gap })
        });
        for (belief, count) in self.beliefs() {
            belief.left = belief.left.saturating_sub(count(amount));
        }
        self.total
    }

    /// Gives back what was let through and not sent.
    pub(super) fn give_back(&mut self, amount: &Amount) {
        for (belief, count) in self.beliefs() {
            belief.left = belief.left.saturating_add(count(amount));
        }
    }

    /// Learns what the response to the request `number` says, which was the last of `mark` that were let through.
    pub(super) fn observe(&mut self, limits: &RateLimits, number: u64, mark: &Amount, now: Instant) {
        let is_youngest = number >= self.youngest;
        self.youngest = self.youngest.max(number);
        let said = [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens];
        for ((belief, quota), count) in self.quotas.iter_mut().zip(said).zip(COUNTS) {
            let Some(quota) = quota else { continue };
            let is_known = belief.is_some_and(|belief| !belief.is_renewed && belief.until > now);
            // The word of an older request would forget what younger ones have used. That nothing is left is believed of all.
            if is_youngest || !is_known || quota.remaining == 0 {
                let since = count(&self.total).saturating_sub(count(mark));
                *belief = Belief::new(quota, since, now);
            }
        }
        if let Some(delay) = limits.retry_after {
            self.hold(delay, now);
        }
    }

    /// Holds everything back for `delay`.
    pub(super) fn hold(&mut self, delay: Duration, now: Instant) {
        let delay = delay.min(BELIEVED);
        let until = self.held_until.map_or(now + delay, |held| held.max(now + delay));
        self.held_until = Some(until);
        self.pace = Some(Pace { gap: delay.min(LONGEST_GAP), next: until });
    }

    /// Whether tokens are counted.
    pub(super) fn counts_tokens(&self) -> bool {
        self.quotas[1..].iter().any(Option::is_some)
    }

    fn beliefs(&mut self) -> impl Iterator<Item = (&mut Belief, fn(&Amount) -> u64)> {
        self.quotas.iter_mut().zip(COUNTS).filter_map(|(belief, count)| Some((belief.as_mut()?, count)))
    }
}

impl Belief {
    /// What `quota` says, less what was let through since and may not be counted in it.
    fn new(quota: Quota, since: u64, now: Instant) -> Option<Self> {
        let period = quota.reset.min(BELIEVED);
        let belief = Self {
            limit: quota.limit,
            left: quota.remaining.saturating_sub(since),
            until: now + period,
            period,
            is_renewed: false,
        };
        (!period.is_zero()).then_some(belief)
    }

    /// What is left of it now. A limit that is known is whole again after its reset, so that those who waited for that do not go
    /// all at once; when nobody says more of it in a second period, it is forgotten.
    fn at(self, now: Instant) -> Option<Self> {
        if self.until > now {
            return Some(self);
        }
        let until = self.until + self.period;
        let limit = self.limit.filter(|_| !self.is_renewed && until > now)?;
        Some(Self { left: limit, until, is_renewed: true, ..self })
    }
}
