//! What providers say of their rate limits.

use std::time::Duration;

/// What a provider says of its rate limits, as far as it says it. It comes with every response, whatever its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimits {
    /// Requests.
    pub requests: Option<Quota>,
    /// Tokens of requests and answers together.
    pub tokens: Option<Quota>,
    /// Tokens of requests.
    pub input_tokens: Option<Quota>,
    /// Tokens of answers.
    pub output_tokens: Option<Quota>,
    /// How long nothing is to be sent: the provider refused, and said so.
    pub retry_after: Option<Duration>,
}

impl RateLimits {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One limit, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// How many in all, where it is said.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: u64,
    /// How long until the limit is whole again.
    pub reset: Duration,
}

impl Quota {
    /// So many left until `reset` has passed.
    pub fn new(limit: Option<u64>, remaining: u64, reset: Duration) -> Self {
        Self { limit, remaining, reset }
    }
}
