//! One choice: which arms fit, which the load allows, and which the policy takes; all of it told to the trace.

use std::fmt::Write as _;

use ultraai_core::{ChatRequest, Error, ErrorKind, Options, Result, Run};

use crate::{
    Adaptive, Considered, Estimate, Situation, Task, Why,
    arms::{Arm, Role},
    rules::{self, Load},
};

/// Told apart from the other users of the request's randomness.
const PURPOSE: u64 = 0x6164_6170;

/// Told apart from the choice itself.
const PATIENCE: u64 = 0x7061_7469;

/// The arm that was chosen.
pub(crate) struct Chosen {
    /// Its place among the arms.
    pub(crate) place: usize,
    /// Its number in the memory.
    pub(crate) number: usize,
}

/// The places of the arms that can answer the request in the way they are meant to; where none can, those that can at all.
///
/// # Errors
/// `Config` when none can.
pub(crate) fn fit(arms: &[Arm], run: &Run, request: &ChatRequest) -> Result<Vec<usize>> {
    let own = run.options();
    let mut left = Vec::with_capacity(arms.len());
    for (place, arm) in arms.iter().enumerate() {
        match rules::unfit(arm, own, request, run.allowance()) {
            None => left.push(place),
            Some(why) => run.note(format!("`{}` was left out: {why}", arm.name)),
        }
    }
    if left.is_empty() {
        left = able(arms, own)?;
        run.note("no arm is left: those that can answer are taken, with the options that the user set");
    }
    Ok(left)
}

/// The places of the arms that can answer anything under the options `own`.
///
/// # Errors
/// `Config` when none can.
pub(crate) fn able(arms: &[Arm], own: &Options) -> Result<Vec<usize>> {
    let can = |place: &usize| arms[*place].strategy.check(&arms[*place].in_force(own)).is_ok();
    let able: Vec<_> = (0..arms.len()).filter(can).collect();
    if able.is_empty() {
        let message = format!(
            "`min_responses_needed` is {}, and no arm of `adaptive` waits for more than one good answer: enable \
             `strategy-parallel` or `strategy-simple`, or add such an arm",
            own.min_responses_needed()
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(able)
}

/// Chooses one of the arms at the places `left`, which are never empty.
pub(crate) fn choose(adaptive: &Adaptive, run: &Run, arms: &[Arm], left: &[usize], task: &Task) -> Chosen {
    let settings = &adaptive.settings;
    let roles: Vec<Role> = arms.iter().map(|arm| arm.role(&arm.in_force(run.options()))).collect();
    let load = Load::of(run);
    let (numbers, estimates) = {
        let seconds_left = load.remaining.map(|left| left.as_secs_f64());
        let mut memory = adaptive.memory();
        let numbers: Vec<usize> = arms.iter().map(|arm| memory.arm(&arm.name)).collect();
        let estimates =
            memory.estimates(task.kind, &numbers, seconds_left, settings.half_life, &adaptive.objective);
        (numbers, estimates)
    };
    run.note(format!("the load: {load}"));
    let mut left = left.to_vec();
    let explores = run.context().rng(PATIENCE).f64() < settings.exploration;
    rules::restrict(&mut left, &roles, &estimates, &load, settings, explores, |place, why| {
        run.note(format!("`{}` was left out: {why}", arms[place].name));
    });
    let (rule, because) = rules::without_history(&left, &roles, task, &load, settings);
    let considered: Vec<_> = left
        .iter()
        .map(|place| Considered { name: &arms[*place].name, estimate: estimates[*place] })
        .collect();
    run.note(listed(&considered));
    let situation = Situation { task, arms: &considered, rule, time_left: load.remaining };
    let choice = adaptive.policy.choose(&situation, &mut run.context().rng(PURPOSE));
    // A policy of somebody else's may err.
    let among = choice.place.min(left.len() - 1);
    let place = left[among];
    let why = match choice.why {
        Why::Rule if left.len() == 1 => "it is the only one left".to_owned(),
        Why::Rule => format!("by the rules, for nothing was seen of this kind of task ({because})"),
        Why::Learned => "it is the best of what was seen".to_owned(),
        Why::Tried => format!("for a trial, it has {} so far", considered[among].estimate.trials),
        Why::Explored => "to explore: it may be better than the best of what was seen".to_owned(),
    };
    run.note(format!("`{}` was chosen: {why}", arms[place].name));
    Chosen { place, number: numbers[place] }
}

fn listed(considered: &[Considered<'_>]) -> String {
    let mut text = String::with_capacity(96 * considered.len());
    text.push_str("considered: ");
    for (place, arm) in considered.iter().enumerate() {
        let between = if place == 0 { "" } else { "; " };
        let Estimate { weight, reward, quality, seconds, nano_dollars, .. } = arm.estimate;
        let _ = write!(text, "{between}`{}` ", arm.name);
        if weight <= 0.0 {
            text.push_str("(nothing seen)");
            continue;
        }
        let _ = write!(text, "(reward {reward:.2} over {weight:.1}: quality {quality:.2}, {seconds:.1} s, ");
        match nano_dollars {
            Some(nano) => {
                let _ = write!(text, "${:.5})", nano / 1e9);
            }
            None => text.push_str("cost unknown)"),
        }
    }
    text
}
