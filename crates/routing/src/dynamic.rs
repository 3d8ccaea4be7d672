//! The selector `dynamic`.

use std::sync::Arc;

use ultraai_core::{Candidate, ChatRequest, Delivery, Selector, SelectorRegistration, register_selector};

use crate::{explore::explore, sight};

register_selector!(
    SelectorRegistration::new("dynamic", || Arc::new(Dynamic))
        .summary("the best first, by what each did lately, its price and its weight; explores")
);

/// How much better than the best one that was measured a candidate is taken to be that was never asked, so that it is tried:
/// an optimistic initial value (Sutton and Barto, "Reinforcement Learning", 2nd edition, 2.6).
const NEWCOMER: f64 = 2.0;

/// Attempts under way that halve the score, so that no candidate is given everything at once.
const HALVING_LOAD: f64 = 16.0;

/// Below this cost of 4,000 tokens, in nano-dollars, nobody is cheaper than another: one cent per million tokens. Without it one
/// that costs nothing would leave nothing of the others' score.
const NEGLIGIBLE: u64 = 40_000;

/// The best first, by a score made of the candidates' own statistics; the crate's documentation has the formula.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Dynamic;

impl Selector for Dynamic {
    fn name(&self) -> &'static str {
        "dynamic"
    }

    fn order(&self, request: &ChatRequest, candidates: &mut [Arc<Candidate>], seed: u64) {
        let scale = Scale::of(candidates, sight::comparable(candidates, request.delivery));
        sight::sort_by_key(candidates, |candidate| scale.score(candidate), |one, other| other.total_cmp(one));
        explore(candidates, seed);
    }
}

/// What candidates are measured against.
struct Scale {
    delivery: Delivery,
    quickest: Option<f64>,
    /// The logarithm of the lowest cost, and what stands for an unknown one: the mean of the known ones.
    costs: Option<(f64, f64)>,
}

impl Scale {
    fn of(candidates: &[Arc<Candidate>], delivery: Delivery) -> Self {
        let (mut least, mut sum, mut known) = (f64::INFINITY, 0.0, 0.0);
        for cost in candidates.iter().filter_map(|candidate| log_cost(candidate)) {
            least = least.min(cost);
            sum += cost;
            known += 1.0;
        }
        let costs = (known > 0.0).then(|| (least, sum / known));
        Self { delivery, quickest: sight::quickest(candidates, delivery), costs }
    }

    fn score(&self, candidate: &Candidate) -> f64 {
        let stats = candidate.stats();
        candidate.weight()
            * stats.success_share()
            * stats.health()
            * self.speed(candidate)
            * self.thrift(candidate)
            * load(stats.in_flight())
    }

    /// 1 for the quickest, and half for one that takes twice as long.
    fn speed(&self, candidate: &Candidate) -> f64 {
        if candidate.stats().attempts() == 0 {
            return NEWCOMER;
        }
        let own = sight::seconds(candidate, self.delivery, self.quickest);
        match (self.quickest, own) {
            (Some(quickest), Some(own)) if own > 0.0 => quickest / own,
            _ => 1.0,
        }
    }

    /// 1 for the cheapest, and half for one that costs four times as much.
    fn thrift(&self, candidate: &Candidate) -> f64 {
        let Some((least, mean)) = self.costs else { return 1.0 };
        ((least - log_cost(candidate).unwrap_or(mean)) / 2.0).exp()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a score needs no more than 53 bits")]
fn log_cost(candidate: &Candidate) -> Option<f64> {
    sight::cost(candidate).map(|nano| (nano.max(NEGLIGIBLE) as f64).ln())
}

#[expect(clippy::cast_precision_loss, reason = "a score needs no more than 53 bits")]
fn load(in_flight: u64) -> f64 {
    1.0 / (1.0 + in_flight as f64 / HALVING_LOAD)
}
