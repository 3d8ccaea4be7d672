//! The selector `cost`.

use std::sync::Arc;

use ultraai_core::{Candidate, ChatRequest, Selector, SelectorRegistration, register_selector};

use crate::sight;

register_selector!(
    SelectorRegistration::new("cost", || Arc::new(Cost)).summary("the cheapest first; unknown prices last")
);

/// The cheapest first, by its price for three tokens of the request to one of the answer. An unknown price comes after every
/// known one: who asks for the cheapest wants to know. Prices do not depend on asking, so there is no exploration.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Cost;

impl Selector for Cost {
    fn name(&self) -> &'static str {
        "cost"
    }

    fn order(&self, _: &ChatRequest, candidates: &mut [Arc<Candidate>], _: u64) {
        let key = |candidate: &Candidate| (sight::cost(candidate).unwrap_or(u64::MAX), candidate.weight());
        sight::sort_by_key(candidates, key, |(one, one_weight), (other, other_weight)| {
            one.cmp(other).then(other_weight.total_cmp(one_weight))
        });
    }
}
