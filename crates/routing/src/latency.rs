//! The selector `latency`.

use std::sync::Arc;

use ultraai_core::{Candidate, ChatRequest, Selector, SelectorRegistration, register_selector};

use crate::{explore::explore, sight};

register_selector!(
    SelectorRegistration::new("latency", || Arc::new(Latency))
        .summary("the quickest first, by what each took lately; explores")
);

/// The quickest first, by the typical time of its last attempts: to the first content of a live answer, to the end of a whole
/// one. Who was never asked comes before the others, and who was asked and never answered after them.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Latency;

impl Selector for Latency {
    fn name(&self) -> &'static str {
        "latency"
    }

    fn order(&self, request: &ChatRequest, candidates: &mut [Arc<Candidate>], seed: u64) {
        let delivery = sight::comparable(candidates, request.delivery);
        let quickest = sight::quickest(candidates, delivery);
        let key = |candidate: &Candidate| {
            let seconds = match candidate.stats().attempts() {
                0 => 0.0,
                _ => sight::seconds(candidate, delivery, quickest).unwrap_or(f64::INFINITY),
            };
            (seconds, candidate.weight())
        };
        sight::sort_by_key(candidates, key, |(one, one_weight), (other, other_weight)| {
            one.total_cmp(other).then(other_weight.total_cmp(one_weight))
        });
        explore(candidates, seed);
    }
}
