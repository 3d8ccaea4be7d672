//! Which arm is taken: the place for other ways of learning.

use std::{fmt, time::Duration};

use crate::{Estimate, Task};

/// Trials that each arm gets for each kind of task before it is judged.
const TRIALS: usize = 3;

/// Share of the requests that serve trials while some are owed, so that the best of what is known serves the others.
const TRIAL_SHARE: f64 = 0.5;

/// While few outcomes are there, at the beginning and after a change, more is explored: this many outcomes of each arm's, divided by the
/// outcomes so far, is the share (Auer, Cesa-Bianchi and Fischer, 2002, let it fall in this way).
const EARLY: f64 = 2.0;

/// The part of the exploration that goes to arms which mostly take more than half of the time that is left: to look at them costs a
/// caller that time, and their reward can hardly be the best.
const SLOW_SHARE: f64 = 0.2;

/// Outcomes of the usual reward that are added to every arm's own, so that few good ones make no champion.
const SHRINKAGE: f64 = 0.5;

/// By how many standard errors another arm must seem better before it takes the place of the one in use.
const LEAD: f64 = 0.25;

/// Chooses among arms. The place for what is to be learned otherwise, such as a selection among models: it sees the task and
/// what is known of each arm, and arms may differ in the selector and the candidates that their options name.
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Chooses one of `situation.arms`, which are never empty. Equal `rng`s must make equal choices.
    fn choose(&self, situation: &Situation<'_>, rng: &mut fastrand::Rng) -> Choice;
}

/// What a policy may know.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Situation<'a> {
    /// The task.
    pub task: &'a Task,
    /// The arms that the request, the load and the options allow.
    pub arms: &'a [Considered<'a>],
    /// The place of the one that the rules without history take.
    pub rule: usize,
    /// The time that the request has left; `None` without a deadline.
    pub time_left: Option<Duration>,
}

impl Situation<'_> {
    /// Whether that arm mostly takes more than half of the time that is left. Once may be an accident.
    fn is_slow(&self, place: usize) -> bool {
        let estimate = &self.arms[place].estimate;
        estimate.weight > 0.0
            && estimate.trials > 1
            && self.time_left.is_some_and(|left| estimate.seconds > left.as_secs_f64() / 2.0)
    }
}

/// An arm that may be chosen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Considered<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What is known of it for this kind of task.
    pub estimate: Estimate,
}

/// An arm and why it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its place among the arms of the situation.
    pub place: usize,
    /// Why.
    pub why: Why,
}

/// Why an arm was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// Nothing was seen of this kind of task, or only one arm is left.
    Rule,
    /// It is the best of what was seen.
    Learned,
    /// Too little was seen of it.
    Tried,
    /// It may be better than the best of what was seen.
    Explored,
}

/// A bandit for worlds that change: the best arm by recency-weighted means, a bounded share of exploration by an upper confidence
/// bound, and a fresh start after a change.
///
/// After discounted UCB (Garivier and Moulines, "On upper-confidence bound policies for switching bandit problems", ALT 2011)
/// with forced exploration and change detection (Liu, Lee and Shroff, AAAI 2018). The bound uses the variance that was seen
/// (Audibert, Munos and Szepesvári, 2009).
#[derive(Clone, Debug)]
pub struct Bandit {
    exploration: f64,
}

impl Bandit {
    /// A bandit that explores with at most this share of the requests, apart from trials, the beginning, and what follows a change.
    pub fn new(exploration: f64) -> Self {
        Self { exploration }
    }

    /// The share of the requests that explore now.
    #[expect(clippy::cast_precision_loss, reason = "the window is short")]
    fn share(&self, arms: &[Considered<'_>]) -> f64 {
        if self.exploration <= 0.0 {
            return 0.0;
        }
        let trials: usize = arms.iter().map(|arm| arm.estimate.trials).sum();
        (EARLY * arms.len() as f64 / trials.max(1) as f64)
            .clamp(self.exploration, TRIAL_SHARE.max(self.exploration))
    }
}

impl Policy for Bandit {
    fn choose(&self, situation: &Situation<'_>, rng: &mut fastrand::Rng) -> Choice {
        let arms = situation.arms;
        // Drawn always, so that equal seeds stay equal whatever was seen.
        let draw = rng.f64();
        let seen: f64 = arms.iter().map(|arm| arm.estimate.weight).sum();
        let owed = (0..arms.len())
            .filter(|place| arms[*place].estimate.trials < TRIALS && !situation.is_slow(*place))
            .min_by_key(|place| arms[*place].estimate.trials)
            .filter(|_| self.exploration > 0.0);
        if arms.len() == 1 || seen <= 0.0 {
            // Where the first ones take long, the others need not wait for their trials.
            let waits = arms[situation.rule].estimate.trials >= TRIALS && draw < TRIAL_SHARE;
            return match owed.filter(|_| waits) {
                Some(place) => Choice { place, why: Why::Tried },
                None => Choice { place: situation.rule, why: Why::Rule },
            };
        }
        let field = Field::of(arms, seen);
        let leader = field.leader();
        if let Some(place) = owed {
            return match draw < TRIAL_SHARE {
                true => Choice { place, why: Why::Tried },
                false => Choice { place: leader, why: Why::Learned },
            };
        }
        let share = self.share(arms);
        if draw < share {
            let patient = draw < SLOW_SHARE * share;
            let others =
                (0..arms.len()).filter(|place| *place != leader && (patient || !situation.is_slow(*place)));
            let hopeful = others.max_by(|one, other| field.bound(*one).total_cmp(&field.bound(*other)));
            if let Some(place) = hopeful.filter(|place| field.bound(*place) > field.mean(leader)) {
                return Choice { place, why: Why::Explored };
            }
        }
        Choice { place: leader, why: Why::Learned }
    }
}

/// The arms with what is common to them.
struct Field<'a> {
    arms: &'a [Considered<'a>],
    seen: f64,
    /// The usual reward.
    usual: f64,
    /// The variance within an arm; half an outcome of the widest spread keeps it from being nothing.
    variance: f64,
}

impl<'a> Field<'a> {
    fn of(arms: &'a [Considered<'a>], seen: f64) -> Self {
        let sum = |of: fn(&Estimate) -> f64| -> f64 {
            arms.iter().map(|arm| arm.estimate.weight * of(&arm.estimate)).sum()
        };
        let usual = sum(|estimate| estimate.reward) / seen;
        let variance = (sum(|estimate| estimate.variance) + 0.125) / (seen + 0.5);
        Self { arms, seen, usual, variance }
    }

    /// The arm's reward, drawn towards the usual one.
    fn mean(&self, place: usize) -> f64 {
        let estimate = &self.arms[place].estimate;
        (estimate.weight * estimate.reward + SHRINKAGE * self.usual) / (estimate.weight + SHRINKAGE)
    }

    /// The reward that the arm may have.
    fn bound(&self, place: usize) -> f64 {
        let weight = self.arms[place].estimate.weight;
        if weight <= 0.0 {
            return f64::INFINITY;
        }
        self.mean(place) + (2.0 * self.variance * (1.0 + self.seen).ln() / weight).sqrt()
    }

    /// The arm that was used most, unless another one is clearly better: equal arms do not take turns.
    fn leader(&self) -> usize {
        let by = |value: &dyn Fn(usize) -> f64| {
            // The first of equals.
            (0..self.arms.len()).rev().max_by(|one, other| value(*one).total_cmp(&value(*other))).unwrap_or(0)
        };
        let used = by(&|place| self.arms[place].estimate.weight);
        let best =
            by(&|place| if self.arms[place].estimate.weight > 0.0 { self.mean(place) } else { f64::MIN });
        let of = |place: usize| 1.0 / (self.arms[place].estimate.weight + SHRINKAGE);
        let error = (self.variance * (of(used) + of(best))).sqrt();
        match self.mean(best) > self.mean(used) + LEAD * error {
            true => best,
            false => used,
        }
    }
}

#[cfg(test)]
mod tests {
    use ultraai_core::ChatRequest;

    use super::*;

    fn chosen(rewards: &[(f64, f64)], exploration: f64, seed: u64) -> Choice {
        let task = Task::of(&ChatRequest::from_prompt("hello"));
        let arms: Vec<_> = rewards
            .iter()
            .map(|(reward, weight)| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "small and whole"
                )]
                let trials = *weight as usize;
                let estimate = Estimate {
                    reward: *reward,
                    weight: *weight,
                    trials,
                    variance: 0.05,
                    ..Estimate::default()
                };
                Considered { name: "", estimate }
            })
            .collect();
        let situation = Situation { task: &task, arms: &arms, rule: 1, time_left: None };
        Bandit::new(exploration).choose(&situation, &mut fastrand::Rng::with_seed(seed))
    }

    #[test]
    fn without_history_the_rule_holds() {
        for seed in 0..20 {
            let choice = chosen(&[(0.0, 0.0), (0.0, 0.0)], 0.1, seed);
            assert_eq!(choice, Choice { place: 1, why: Why::Rule });
        }
    }

    #[test]
    fn the_best_of_what_was_seen_is_taken_and_others_are_explored_now_and_then() {
        let choices: Vec<_> = (0..1_000).map(|seed| chosen(&[(0.9, 40.0), (0.6, 3.0)], 0.1, seed)).collect();
        let explored = choices.iter().filter(|choice| choice.why == Why::Explored).count();
        assert!((50..=150).contains(&explored), "{explored}");
        assert!(choices.iter().all(|choice| (choice.place == 0) == (choice.why == Why::Learned)));
        assert!((0..1_000).all(|seed| chosen(&[(0.9, 40.0), (0.6, 3.0)], 0.0, seed).place == 0));
    }

    #[test]
    fn who_takes_most_of_the_time_is_explored_seldom() {
        let task = Task::of(&ChatRequest::from_prompt("hello"));
        let of = |seconds: f64, weight: f64| {
            let estimate =
                Estimate { reward: 0.7, weight, trials: 9, seconds, variance: 0.05, ..Estimate::default() };
            Considered { name: "", estimate }
        };
        let arms = [of(1.0, 40.0), of(22.0, 3.0)];
        let explored = |time_left: Option<Duration>| {
            let situation = Situation { task: &task, arms: &arms, rule: 0, time_left };
            let choose = |seed| Bandit::new(0.1).choose(&situation, &mut fastrand::Rng::with_seed(seed));
            (0..2_000).filter(|seed| choose(*seed).why == Why::Explored).count()
        };
        let (patient, hurried) =
            (explored(Some(Duration::from_mins(2))), explored(Some(Duration::from_secs(30))));
        assert_eq!(patient, explored(None));
        assert!(hurried > 0 && hurried * 4 < patient && patient < hurried * 6, "{patient} and {hurried}");
    }

    #[test]
    fn while_the_first_ones_take_long_others_are_tried() {
        let task = Task::of(&ChatRequest::from_prompt("hello"));
        let under_way =
            |trials| Considered { name: "", estimate: Estimate { trials, ..Estimate::default() } };
        let chosen = |trials: usize, seed| {
            let arms = [under_way(trials), under_way(0)];
            let situation = Situation { task: &task, arms: &arms, rule: 0, time_left: None };
            Bandit::new(0.1).choose(&situation, &mut fastrand::Rng::with_seed(seed)).place
        };
        assert!((0..100).all(|seed| chosen(2, seed) == 0));
        let others = (0..100).filter(|seed| chosen(3, *seed) == 1).count();
        assert!((30..=70).contains(&others), "{others}");
    }

    #[test]
    fn what_is_hopeless_is_not_explored() {
        assert!((0..200).all(|seed| chosen(&[(0.9, 20.0), (0.1, 20.0)], 0.5, seed).place == 0));
    }

    #[test]
    fn a_little_better_is_not_enough_to_change() {
        assert_eq!(chosen(&[(0.70, 30.0), (0.72, 4.0)], 0.0, 1).place, 0);
        assert_eq!(chosen(&[(0.50, 30.0), (0.95, 6.0)], 0.0, 1).place, 1);
    }
}
