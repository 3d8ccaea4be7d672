//! Now and then another candidate first, so that what is known of the others does not grow old.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use ultraai_core::Candidate;

/// The share of requests in which another candidate than the best is put first: one in twenty.
///
/// It is the ε of ε-greedy choice (Sutton and Barto, "Reinforcement Learning", 2nd edition, 2.2), which does well with values
/// between 0.01 and 0.1; the one that was asked longest ago is taken, and not any, so that each is looked at in turn.
pub const EXPLORATION: f64 = 0.05;

/// Keeps the draw apart from others under the same seed.
const PURPOSE: u64 = 0x4558_504C_4F52_4521;

/// With the probability [`EXPLORATION`] puts that one of the others first which was asked longest ago. Unhealthy ones, which come
/// last anyway, and those whose weight is 0 are left where they are.
pub(crate) fn explore(candidates: &mut [Arc<Candidate>], seed: u64) {
    if candidates.len() < 2 || fastrand::Rng::with_seed(seed ^ PURPOSE).f64() >= EXPLORATION {
        return;
    }
    let others = candidates.iter().enumerate().skip(1);
    let eligible = others.filter(|(_, candidate)| candidate.weight() > 0.0 && candidate.stats().is_healthy());
    let longest = eligible.min_by_key(|(_, candidate)| {
        let stats = candidate.stats();
        (Reverse(stats.idle().unwrap_or(Duration::MAX)), stats.attempts())
    });
    if let Some((place, _)) = longest {
        candidates[..=place].rotate_right(1);
    }
}
