//! Limits of time of one attempt.

use std::time::Duration;

use tokio::time::Instant;

/// Limits of time of one attempt. `None` is no limit but the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct AttemptLimits {
    /// From the request to the first content of a live answer; a whole answer has none before its end.
    pub first_event: Option<Duration>,
    /// Between two events of a live answer, while we wait for the provider.
    pub gap: Option<Duration>,
    /// The whole attempt, while we wait for the provider.
    pub attempt: Option<Duration>,
    /// When the first content must be there, of this attempt or a later one of the same ask: others are to be asked then.
    pub content_by: Option<Instant>,
}
