//! The documented rules: what an arm must be able to do, what the load allows, and what is taken without history.

use std::time::Duration;

use ultraai_core::{ChatRequest, Options, Run};

use crate::{
    AdaptiveSettings, Estimate, Kind, Task,
    arms::{Arm, Role},
    kind::{Format, Length},
};

/// Time that a synthesis is worth starting with.
const TIME_FOR_SYNTHESIS: Duration = Duration::from_secs(20);

/// Money that a synthesis is worth starting with: ten cents.
const MONEY_FOR_SYNTHESIS: u64 = 100_000_000;

/// Outcomes that an arm needs before it is left out for its time: one that was stopped at a deadline may have been an accident.
const ENOUGH: f64 = 3.0;

/// What a request finds when it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) in_flight: u64,
    pub(crate) candidates: usize,
    pub(crate) remaining: Option<Duration>,
    pub(crate) nano_dollars: Option<u64>,
}

impl Load {
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            in_flight: run.requests_in_flight(),
            candidates: run.candidates().len(),
            remaining: run.remaining(),
            nano_dollars: run.remaining_nano_dollars(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a threshold needs no precision")]
    fn is_busy(&self, settings: &AdaptiveSettings) -> bool {
        self.in_flight as f64 >= settings.busy_per_candidate * self.candidates.max(1) as f64
    }

    fn is_short(&self, settings: &AdaptiveSettings) -> bool {
        self.remaining.is_some_and(|left| left.as_secs_f64() < settings.short_deadline_seconds)
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} under way over {} candidates, ", self.in_flight, self.candidates)?;
        match self.remaining {
            Some(left) => write!(f, "{:.1} s left, ", left.as_secs_f64())?,
            None => write!(f, "no deadline, ")?,
        }
        match self.nano_dollars {
            #[expect(clippy::cast_precision_loss, reason = "it is read by people")]
            Some(nano) => write!(f, "${:.4} left", nano as f64 / 1e9),
            None => write!(f, "no limit of money"),
        }
    }
}

/// Why `arm` cannot answer the request in the way it is meant to, if it cannot.
pub(crate) fn unfit(arm: &Arm, own: &Options, request: &ChatRequest, may_ask: usize) -> Option<&'static str> {
    let options = arm.in_force(own);
    let role = arm.role(&options);
    if arm.contradicts(own) {
        return Some("an option is set otherwise");
    }
    if arm.strategy.name() == "fallback" && options.min_responses_needed() > 1 {
        return Some("it stops at the first good answer, and more are needed");
    }
    if options.use_early_stopping() && own.use_early_stopping.is_none() && options.min_responses_needed() > 1
    {
        // `parallel` stops before the quorum when nothing can change the choice, which the user did not ask for.
        return Some("it may stop before as many good answers came as are needed");
    }
    if options.max_providers_per_request.is_some_and(|most| most < options.min_responses_needed()) {
        return Some("it asks fewer candidates than good answers are needed");
    }
    if role == Role::Synthesis && request.wants_one_models_answer() {
        return Some("the answer must be one model's own");
    }
    if may_ask == 1 && role != Role::Chain {
        return Some("only one candidate may be asked");
    }
    None
}

/// Keeps those of `left` (places among `roles` and `estimates`) that the load allows, and at least one. Says what was left
/// out and why. With `explores` those stay that were in time at least now and then.
pub(crate) fn restrict(
    left: &mut Vec<usize>,
    roles: &[Role],
    estimates: &[Estimate],
    load: &Load,
    settings: &AdaptiveSettings,
    explores: bool,
    mut say: impl FnMut(usize, &'static str),
) {
    let width = |place: usize| match roles[place] {
        Role::Chain => 0,
        Role::Quick => 1,
        _ => 2,
    };
    if load.is_busy(settings) {
        let least = left.iter().map(|place| width(*place)).min();
        keep(left, |place| Some(width(place)) == least, |place| say(place, "many requests are under way"));
    }
    if load.is_short(settings) && left.iter().any(|place| width(*place) < 2) {
        keep(left, |place| width(place) < 2, |place| say(place, "little time is left"));
    }
    if load.remaining.is_some() {
        let most = if explores { 0.999 } else { 0.5 };
        let slow = |place: usize| estimates[place].weight >= ENOUGH && estimates[place].late > most;
        keep_or_best(
            left,
            slow,
            |place| estimates[place].seconds,
            |place| {
                say(place, "it is likely to take longer than the time that is left");
            },
        );
    }
    if let Some(money) = load.nano_dollars {
        #[expect(clippy::cast_precision_loss, reason = "an estimate needs no nano-dollar")]
        let money = money as f64;
        // An unknown cost neither counts as nothing nor forbids: the budget itself decides then.
        let cost = |place: usize| estimates[place].nano_dollars.unwrap_or(0.0);
        keep_or_best(
            left,
            |place| cost(place) > money,
            cost,
            |place| {
                say(place, "it is likely to cost more than the money that is left");
            },
        );
    }
}

fn keep(left: &mut Vec<usize>, stays: impl Fn(usize) -> bool, mut gone: impl FnMut(usize)) {
    left.retain(|place| {
        let stays = stays(*place);
        if !stays {
            gone(*place);
        }
        stays
    });
}

/// Takes those out that are `too_much`, or all but the least where all are.
fn keep_or_best(
    left: &mut Vec<usize>,
    too_much: impl Fn(usize) -> bool,
    measure: impl Fn(usize) -> f64,
    gone: impl FnMut(usize),
) {
    let all = left.iter().all(|place| too_much(*place));
    let least = left.iter().copied().min_by(|one, other| measure(*one).total_cmp(&measure(*other)));
    keep(left, |place| if all { Some(place) == least } else { !too_much(place) }, gone);
}

/// The place in `left` of the arm that is taken without history, and why.
pub(crate) fn without_history(
    left: &[usize],
    roles: &[Role],
    task: &Task,
    load: &Load,
    settings: &AdaptiveSettings,
) -> (usize, &'static str) {
    use Role::{Agreement, Chain, Other, Quick, Synthesis};
    let (order, why) = if load.is_busy(settings) {
        (
            [Chain, Quick, Agreement, Other, Synthesis],
            "many requests are under way: one candidate after the other",
        )
    } else if load.is_short(settings) {
        ([Quick, Chain, Agreement, Other, Synthesis], "little time is left: the first good answer")
    } else if task.format != Format::Text {
        ([Chain, Quick, Agreement, Other, Synthesis], "the format is strict: one model's answer")
    } else {
        match task.kind {
            Kind::Code => (
                [Chain, Quick, Agreement, Other, Synthesis],
                "code: one model's answer, it must fit together",
            ),
            Kind::Extraction => (
                [Chain, Agreement, Quick, Other, Synthesis],
                "extraction: one model's answer, the text holds it",
            ),
            Kind::Arithmetic => {
                ([Agreement, Chain, Quick, Other, Synthesis], "arithmetic: what most agree on")
            }
            Kind::Choice => ([Agreement, Chain, Quick, Other, Synthesis], "choice: what most agree on"),
            Kind::Open if allows_synthesis(task, load) => {
                ([Synthesis, Chain, Agreement, Quick, Other], "an open question, time and money: a synthesis")
            }
            Kind::Open => (
                [Chain, Quick, Agreement, Other, Synthesis],
                "too long, too little time or money for a synthesis",
            ),
        }
    };
    let place = order.iter().find_map(|role| left.iter().position(|place| roles[*place] == *role));
    (place.unwrap_or(0), why)
}

fn allows_synthesis(task: &Task, load: &Load) -> bool {
    task.length != Length::Long
        && load.remaining.is_none_or(|left| left >= TIME_FOR_SYNTHESIS)
        && load.nano_dollars.is_none_or(|nano| nano >= MONEY_FOR_SYNTHESIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 4] = [Role::Chain, Role::Quick, Role::Agreement, Role::Synthesis];
    const IDLE: Load = Load { in_flight: 1, candidates: 3, remaining: None, nano_dollars: None };

    fn rule(prompt: &str, load: Load) -> Role {
        let task = Task::of(&ChatRequest::from_prompt(prompt));
        let left = [0, 1, 2, 3];
        ROLES[left[without_history(&left, &ROLES, &task, &load, &AdaptiveSettings::default()).0]]
    }

    #[test]
    fn without_history_the_table_holds() {
        let seconds = |seconds| Load { remaining: Some(Duration::from_secs(seconds)), ..IDLE };
        for (prompt, load, expected) in [
            ("Write a function in Python", IDLE, Role::Chain),
            ("Extract the names", IDLE, Role::Chain),
            ("What is 3 + 4?", IDLE, Role::Agreement),
            ("Which?\nA. this\nB. that", IDLE, Role::Agreement),
            ("Why is the sky blue?", IDLE, Role::Synthesis),
            ("Why is the sky blue?", seconds(60), Role::Synthesis),
            ("Why is the sky blue?", seconds(10), Role::Chain),
            ("Why is the sky blue?", seconds(2), Role::Quick),
            ("Why is the sky blue?", Load { nano_dollars: Some(1), ..IDLE }, Role::Chain),
            ("What is 3 + 4?", Load { in_flight: 12, ..IDLE }, Role::Chain),
        ] {
            assert_eq!(rule(prompt, load), expected, "{prompt:?} {load:?}");
        }
    }

    fn restricted(load: Load, estimates: &[Estimate; 4]) -> Vec<usize> {
        let mut left = vec![0, 1, 2, 3];
        restrict(&mut left, &ROLES, estimates, &load, &AdaptiveSettings::default(), false, |_, _| {});
        left
    }

    fn seen(seconds: f64, nano_dollars: Option<f64>) -> Estimate {
        let late = f64::from(u8::from(seconds > 10.0));
        Estimate { weight: 5.0, seconds, late, nano_dollars, ..Estimate::default() }
    }

    #[test]
    fn the_load_holds_with_history_too() {
        let quick = [seen(1.0, Some(10.0)); 4];
        assert_eq!(restricted(IDLE, &quick), [0, 1, 2, 3]);
        assert_eq!(restricted(Load { in_flight: 12, ..IDLE }, &quick), [0]);
        assert_eq!(restricted(Load { remaining: Some(Duration::from_secs(3)), ..IDLE }, &quick), [0, 1]);
    }

    #[test]
    fn an_arm_that_would_take_too_long_or_cost_too_much_is_left_out() {
        let estimates = [seen(1.0, Some(5.0)), seen(2.0, None), seen(30.0, Some(10.0)), Estimate::default()];
        let time = Load { remaining: Some(Duration::from_secs(10)), ..IDLE };
        assert_eq!(restricted(time, &estimates), [0, 1, 3]);
        assert_eq!(restricted(Load { nano_dollars: Some(7), ..IDLE }, &estimates), [0, 1, 3]);
        let none =
            [seen(60.0, Some(9.0)), seen(50.0, Some(8.0)), seen(40.0, Some(7.0)), seen(45.0, Some(6.0))];
        assert_eq!(restricted(time, &none), [2], "the quickest, where all are too slow");
        assert_eq!(restricted(Load { nano_dollars: Some(1), ..IDLE }, &none), [3], "the cheapest likewise");
    }

    #[test]
    fn an_accident_leaves_no_arm_out_and_exploring_lets_those_pass_that_may_be_in_time() {
        let time = Load { remaining: Some(Duration::from_secs(10)), ..IDLE };
        let with = |weight: f64, late: f64| Estimate { weight, late, ..seen(30.0, None) };
        let estimates = [seen(1.0, None), with(1.0, 1.0), with(5.0, 0.4), with(5.0, 0.7)];
        assert_eq!(restricted(time, &estimates), [0, 1, 2]);
        let mut left = vec![0, 1, 2, 3];
        let always = [seen(1.0, None), seen(30.0, None), seen(1.0, None), with(5.0, 0.7)];
        restrict(&mut left, &ROLES, &always, &time, &AdaptiveSettings::default(), true, |_, _| {});
        assert_eq!(left, [0, 2, 3]);
    }
}
