//! What was seen: for each kind of task the latest outcomes, and estimates of each arm from them.
//!
//! The outcomes themselves are kept, and not sums of them, so that feedback can replace the quality of an outcome long after
//! it came, and a change can be looked for where it happened.

use std::{collections::VecDeque, sync::Arc};

use ultraai_core::RequestId;

use crate::{AdaptiveSettings, Kind, change};

/// Outcomes that are kept of each kind of task.
pub(crate) const WINDOW: usize = 200;

/// What came of one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Observation {
    /// The arm's place among the names.
    pub(crate) arm: usize,
    pub(crate) request_id: RequestId,
    /// 0 to 1.
    pub(crate) quality: f64,
    /// Whether the application told the quality.
    pub(crate) told: bool,
    pub(crate) seconds: f64,
    /// None where nobody knows.
    pub(crate) nano_dollars: Option<u64>,
    /// Its place in the order in which all outcomes came; 0 for one from a file.
    pub(crate) number: u64,
}

/// How quality, time and money are weighed: `reward = quality - latency_weight * s / (s + latency_reference) -
/// cost_weight * d / (d + cost_reference)`, for `s` seconds and `d` dollars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective {
    latency_weight: f64,
    latency_reference: f64,
    cost_weight: f64,
    cost_reference: f64,
}

impl Objective {
    pub(crate) fn of(settings: &AdaptiveSettings) -> Self {
        Self {
            latency_weight: settings.latency_weight,
            latency_reference: settings.latency_reference_seconds,
            cost_weight: settings.cost_weight,
            cost_reference: settings.cost_reference_dollars,
        }
    }

    /// What so many seconds take from the reward.
    pub(crate) fn latency(&self, seconds: f64) -> f64 {
        self.latency_weight * seconds / (seconds + self.latency_reference)
    }

    /// What so much money takes from the reward.
    #[expect(clippy::cast_precision_loss, reason = "a weight needs no nano-dollar")]
    pub(crate) fn cost(&self, nano_dollars: u64) -> f64 {
        let dollars = nano_dollars as f64 / 1e9;
        self.cost_weight * dollars / (dollars + self.cost_reference)
    }
}

/// What is known of an arm for a kind of task: recency-weighted means of the outcomes that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Outcomes, the latest counting 1 and older ones less.
    pub weight: f64,
    /// Outcomes as they are, those under way among them.
    pub trials: usize,
    /// Quality, 0 to 1.
    pub quality: f64,
    /// Time to the end, in seconds.
    pub seconds: f64,
    /// The share of the outcomes that took longer than the request may take, 0 to 1; 0 without a deadline.
    pub late: f64,
    /// Cost in nano-dollars, over the outcomes whose cost is known; `None` without any.
    pub nano_dollars: Option<f64>,
    /// The reward: quality less what time and money take.
    pub reward: f64,
    /// Variance of the reward.
    pub variance: f64,
}

/// The latest outcomes of each kind of task. Not synchronized.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    names: Vec<Arc<str>>,
    kinds: [VecDeque<Observation>; Kind::ALL.len()],
    /// Arms of requests under way.
    under_way: Vec<(Kind, usize)>,
    /// Outcomes and feedback so far, for saving now and then.
    recorded: u64,
}

impl Memory {
    /// The number of the arm `name`.
    pub(crate) fn arm(&mut self, name: &str) -> usize {
        self.known_arm(name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        })
    }

    /// The number of the arm `name`, as far as it has one.
    pub(crate) fn known_arm(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    pub(crate) fn name(&self, arm: usize) -> &str {
        &self.names[arm]
    }

    pub(crate) fn outcomes(&self, kind: Kind) -> &VecDeque<Observation> {
        &self.kinds[kind as usize]
    }

    pub(crate) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Takes the outcomes of another memory in place of its own. Arms keep their numbers, for requests are under way with them.
    pub(crate) fn replace_outcomes(&mut self, other: Self) {
        let Self { names, kinds, .. } = other;
        for (own, theirs) in self.kinds.iter_mut().zip(kinds) {
            *own = theirs;
        }
        let numbers: Vec<usize> = names.iter().map(|name| self.arm(name)).collect();
        for outcome in self.kinds.iter_mut().flatten() {
            outcome.arm = numbers[outcome.arm];
        }
        self.recorded += 1;
    }

    pub(crate) fn begin(&mut self, kind: Kind, arm: usize) {
        self.under_way.push((kind, arm));
    }

    /// Forgets that a request was under way; what came of it is recorded apart.
    pub(crate) fn end(&mut self, kind: Kind, arm: usize) {
        if let Some(place) = self.under_way.iter().position(|open| *open == (kind, arm)) {
            self.under_way.swap_remove(place);
        }
    }

    /// Adds an outcome, and forgets what was before a change of the arm when it shows one. Returns whether it did.
    pub(crate) fn record(&mut self, kind: Kind, mut observation: Observation, objective: &Objective) -> bool {
        let arm = observation.arm;
        self.recorded += 1;
        observation.number = self.recorded;
        self.push(kind, observation);
        self.forget_before_change(kind, arm, false, objective)
    }

    /// Adds an outcome from a file.
    pub(crate) fn push(&mut self, kind: Kind, observation: Observation) {
        let outcomes = &mut self.kinds[kind as usize];
        if outcomes.len() == WINDOW {
            outcomes.pop_front();
        }
        outcomes.push_back(observation);
    }

    /// The latest outcome of that request, of whatever kind: ids of requests are drawn, and equal seeds may draw equal ones.
    pub(crate) fn newest(&self, id: RequestId) -> Option<(Kind, &Observation)> {
        let of_kind = |kind: Kind| {
            let outcome = self.outcomes(kind).iter().rev().find(|outcome| outcome.request_id == id)?;
            Some((kind, outcome))
        };
        Kind::ALL.into_iter().filter_map(of_kind).max_by_key(|(_, outcome)| outcome.number)
    }

    /// Replaces the quality of the latest outcome of that request. Returns whether it is still known.
    pub(crate) fn tell(&mut self, id: RequestId, quality: f64, objective: &Objective) -> bool {
        let Some((kind, _)) = self.newest(id) else { return false };
        let outcomes = &mut self.kinds[kind as usize];
        let Some(outcome) = outcomes.iter_mut().rev().find(|outcome| outcome.request_id == id) else {
            return false;
        };
        (outcome.quality, outcome.told) = (quality, true);
        let arm = outcome.arm;
        self.recorded += 1;
        self.forget_before_change(kind, arm, true, objective);
        true
    }

    /// After a change of one arm nothing before it is believed, of no arm: what changed one mostly changed others
    /// (as in M-UCB: Cao, Wen, Kveton and Xie, AISTATS 2019).
    ///
    /// Told and guessed qualities are on different scales: only like is compared with like.
    fn forget_before_change(&mut self, kind: Kind, arm: usize, told: bool, objective: &Objective) -> bool {
        let outcomes = &mut self.kinds[kind as usize];
        let like = |outcome: &Observation| outcome.arm == arm && outcome.told == told;
        let rewards: Vec<f64> = (outcomes.iter().filter(|outcome| like(outcome)))
            .map(|outcome| reward_of(outcome, objective))
            .collect();
        let Some(split) = change::find(&rewards) else { return false };
        let mut places = (0..outcomes.len()).filter(|place| like(&outcomes[*place]));
        let first = places.nth(split).unwrap_or_default();
        outcomes.drain(..first);
        true
    }

    /// What is known of each of `arms` for tasks of that kind, an outcome counting half after `half_life` others, where so many
    /// seconds are left.
    pub(crate) fn estimates(
        &self,
        kind: Kind,
        arms: &[usize],
        seconds_left: Option<f64>,
        half_life: f64,
        objective: &Objective,
    ) -> Vec<Estimate> {
        let outcomes = self.outcomes(kind);
        let decay = (-std::f64::consts::LN_2 / half_life).exp();
        let mut sums = vec![Sums::default(); arms.len()];
        let mut weight = 1.0;
        for outcome in outcomes.iter().rev() {
            if let Some(place) = arms.iter().position(|arm| *arm == outcome.arm) {
                sums[place].add(weight, outcome, objective);
                // Who was stopped at a deadline would have taken longer.
                if seconds_left.is_some_and(|left| outcome.seconds >= left) {
                    sums[place].late += weight;
                }
            }
            weight *= decay;
        }
        for open in self.under_way.iter().filter(|(open, _)| *open == kind) {
            if let Some(place) = arms.iter().position(|arm| *arm == open.1) {
                sums[place].trials += 1;
            }
        }
        // What nobody knows is neither free nor dear: it counts as what the others cost on average.
        let known =
            sums.iter().filter_map(Sums::cost_term).fold((0.0, 0_u32), |(sum, n), term| (sum + term, n + 1));
        let usual_cost = if known.1 == 0 { 0.0 } else { known.0 / f64::from(known.1) };
        sums.iter().map(|sums| sums.estimate(usual_cost)).collect()
    }
}

/// The reward of one outcome; an unknown cost takes nothing, which is the same for all that the arm's outcomes are compared
/// with.
fn reward_of(outcome: &Observation, objective: &Objective) -> f64 {
    let cost = outcome.nano_dollars.map_or(0.0, |nano| objective.cost(nano));
    outcome.quality - objective.latency(outcome.seconds) - cost
}

/// Weighted sums over an arm's outcomes.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    trials: usize,
    weight: f64,
    quality: f64,
    seconds: f64,
    late: f64,
    /// Quality less what time takes, and its square.
    net: f64,
    squared_net: f64,
    priced: f64,
    nano_dollars: f64,
    cost_term: f64,
}

impl Sums {
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no nano-dollar")]
    fn add(&mut self, weight: f64, outcome: &Observation, objective: &Objective) {
        let net = outcome.quality - objective.latency(outcome.seconds);
        self.trials += 1;
        self.weight += weight;
        self.quality += weight * outcome.quality;
        self.seconds += weight * outcome.seconds;
        self.net += weight * net;
        self.squared_net += weight * net * net;
        if let Some(nano) = outcome.nano_dollars {
            self.priced += weight;
            self.nano_dollars += weight * nano as f64;
            self.cost_term += weight * objective.cost(nano);
        }
    }

    fn cost_term(&self) -> Option<f64> {
        (self.priced > 0.0).then(|| self.cost_term / self.priced)
    }

    fn estimate(&self, usual_cost: f64) -> Estimate {
        if self.weight <= 0.0 {
            return Estimate { trials: self.trials, ..Estimate::default() };
        }
        let mean = |sum: f64| sum / self.weight;
        Estimate {
            weight: self.weight,
            trials: self.trials,
            quality: mean(self.quality),
            seconds: mean(self.seconds),
            late: mean(self.late),
            nano_dollars: (self.priced > 0.0).then(|| self.nano_dollars / self.priced),
            reward: mean(self.net) - self.cost_term().unwrap_or(usual_cost),
            variance: (mean(self.squared_net) - mean(self.net).powi(2)).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective() -> Objective {
        Objective::of(&AdaptiveSettings::default())
    }

    fn outcome(arm: usize, quality: f64, nano_dollars: Option<u64>) -> Observation {
        let request_id = RequestId::default();
        Observation { arm, request_id, quality, told: false, seconds: 1.0, nano_dollars, number: 0 }
    }

    #[test]
    fn newer_outcomes_count_more() {
        let mut memory = Memory::default();
        memory.push(Kind::Open, outcome(0, 0.0, None));
        memory.push(Kind::Open, outcome(0, 1.0, None));
        let estimate = memory.estimates(Kind::Open, &[0], None, 1.0, &objective())[0];
        assert!((estimate.weight - 1.5).abs() < 1e-9 && (estimate.quality - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(memory.estimates(Kind::Code, &[0], None, 1.0, &objective())[0], Estimate::default());
    }

    #[test]
    fn an_unknown_cost_is_neither_nothing_nor_a_reason_against() {
        let mut memory = Memory::default();
        let dear = 50_000_000;
        for arm in [(0, None), (1, Some(dear)), (2, Some(0))] {
            memory.push(Kind::Open, outcome(arm.0, 0.7, arm.1));
        }
        let estimates = memory.estimates(Kind::Open, &[0, 1, 2], None, 30.0, &objective());
        assert!(estimates[1].reward < estimates[0].reward && estimates[0].reward < estimates[2].reward);
        assert_eq!((estimates[0].nano_dollars, estimates[1].nano_dollars), (None, Some(5e7)));
    }

    #[test]
    fn feedback_lands_on_the_newest_outcome_of_whatever_kind() {
        let mut memory = Memory::default();
        for kind in [Kind::Open, Kind::Code, Kind::Choice, Kind::Extraction] {
            memory.record(kind, outcome(0, 0.7, None), &objective());
        }
        assert!(memory.tell(RequestId::default(), 0.1, &objective()));
        assert!(memory.outcomes(Kind::Extraction)[0].told && !memory.outcomes(Kind::Code)[0].told);
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Memory::default();
        for _ in 0..3 * WINDOW {
            memory.record(Kind::Open, outcome(0, 0.7, None), &objective());
        }
        assert_eq!(memory.outcomes(Kind::Open).len(), WINDOW);
    }

    #[test]
    fn after_a_change_nothing_before_it_is_believed() {
        let mut memory = Memory::default();
        for _ in 0..40 {
            memory.record(Kind::Open, outcome(0, 0.9, None), &objective());
            memory.record(Kind::Open, outcome(1, 0.5, None), &objective());
        }
        let mut changed = 0;
        while !memory.record(Kind::Open, outcome(0, 0.3, None), &objective()) {
            changed += 1;
            assert!(changed < 15);
        }
        let older = memory.outcomes(Kind::Open).iter().filter(|outcome| outcome.quality > 0.4).count();
        assert!(
            older <= 10 && !memory.outcomes(Kind::Open).is_empty(),
            "{older} from before the change are left"
        );
    }
}
