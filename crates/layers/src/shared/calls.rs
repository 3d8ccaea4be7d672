//! What layers have to agree on about a call.

use std::{fmt, time::Duration};

use ultraai_core::{CallContext, Error};

/// A deadline that passes within this time after the start says more about the caller than about the candidate; as in core's
/// own counters.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A refusal with the name of the candidate that was not asked.
pub(crate) fn of_candidate(cx: &CallContext, error: Error) -> Error {
    match cx.candidate() {
        Some(candidate) => error.with_provider(candidate.clone()),
        None => error,
    }
}

/// Why a timeout does not speak against the candidate: the attempt began late, after it had waited for its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LateStart {
    pub(crate) waited: Duration,
}

impl fmt::Display for LateStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it had waited {:.1} s for a place under the provider's limits before",
            self.waited.as_secs_f64()
        )
    }
}

impl std::error::Error for LateStart {}
