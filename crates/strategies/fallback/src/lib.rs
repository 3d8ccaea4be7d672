//! The strategy `fallback`.
#![doc = include_str!("../README.md")]

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    ChatRequest, Error, ErrorKind, FinishReason, Method, Options, Orchestrator, Outcome, Recovery, Result,
    Run, Strategy, StrategyRegistration, register_strategy, registry::parse_settings,
};

register_strategy!(
    StrategyRegistration::new("fallback", build).summary("an ordered chain: the first good answer")
);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(parse_settings::<Fallback>(settings, &[])?))
}

/// An orchestrator with the strategy [`Fallback`].
pub type FallbackOrchestrator = Orchestrator<Fallback>;

/// Asks the candidates one after the other until one gives a good answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Fallback {}

#[async_trait]
impl Strategy for Fallback {
    fn name(&self) -> &'static str {
        "fallback"
    }

    fn check(&self, options: &Options) -> Result<()> {
        let needed = options.min_responses_needed();
        if needed > 1 {
            let message = format!(
                "`min_responses_needed` is {needed}, and the strategy `fallback` stops at the first good answer: \
                 use `simple`, or set it to 1"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(())
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        self.check(run.options())?;
        let mut causes = Vec::new();
        let mut incomplete = None;
        let mut chain = run.candidates().iter().peekable();
        // Whoever has no place under its limits is passed over, and waited for where nobody else answers.
        let mut without_place = VecDeque::new();
        while let Some((candidate, waits)) =
            chain.next().map(|candidate| (candidate, false)).or_else(|| without_place.pop_front())
        {
            if !waits && run.was_asked(candidate.id()) {
                continue;
            }
            if !waits && run.allowance() == 0 {
                run.note("the rest was not asked: `max_providers_per_request` is reached");
                chain = [].iter().peekable();
                continue;
            }
            if waits {
                run.note(format!("{} is asked again, and waited for", candidate.id()));
            }
            // One that hangs must leave time for the next, and one without a place is not waited for before that.
            let limit = run.context().share().filter(|_| chain.peek().is_some());
            let asked = match limit {
                Some(limit) => run.ask_within(candidate, Arc::clone(&request), limit).await,
                None => run.ask(candidate, Arc::clone(&request)).await,
            };
            let answer = match asked {
                Ok(reply) => run.forward(reply).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) if answer.is_good() => {
                    run.note(format!("{} gave the first good answer", answer.provider_id()));
                    return Ok(run.outcome(Method::Chosen, &answer, &[], None));
                }
                Ok(answer) => {
                    let why = answer.no_good();
                    run.note(format!("{} gave no good answer: {}", answer.provider_id(), why.message()));
                    let nobody_left =
                        (chain.peek().is_none() || run.allowance() == 0) && without_place.is_empty();
                    // Cut off where the caller wished it, the next answer would be too, unless it had no room for more than
                    // its reasoning.
                    let as_asked = request.max_tokens.is_some()
                        && answer.response.finish_reason == FinishReason::Length
                        && !answer.response.is_empty();
                    let is_best = answer.replaces(incomplete.as_ref());
                    if run.is_live() && is_best && (nobody_left || as_asked) {
                        // It has been handed on, and nothing better can take its place.
                        return Ok(run.settle_for(&answer, true).await);
                    }
                    run.discard("the answer is no good one").await;
                    causes.push(why);
                    if is_best {
                        incomplete = Some(answer);
                    }
                }
                Err(error) if error.had_no_place() && limit.is_some() => {
                    without_place.push_back((candidate, true));
                }
                Err(error) => {
                    let recovery = error.kind().recovery();
                    causes.push(error);
                    if recovery == Recovery::GiveUp {
                        break;
                    }
                }
            }
        }
        match incomplete {
            Some(answer) => Ok(run.settle_for(&answer, false).await),
            None => Err(run.exhausted("no candidate answered", causes)),
        }
    }
}
