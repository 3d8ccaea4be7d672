//! The strategy `race`.
#![doc = include_str!("../README.md")]

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    Answer, ChatRequest, Error, ErrorKind, Field, Method, Orchestrator, Outcome, Result, Run, Strategy,
    StrategyRegistration, async_trait, orchestrator::choose, register_strategy, registry::parse_settings,
};

register_strategy!(StrategyRegistration::new(NAME, build).summary("say what it is").fields(FIELDS));

const NAME: &str = "race";

/// Its own settings; each says what it means, its unit and its default.
const FIELDS: &[Field] = &[];

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(parse_settings::<Race>(settings, FIELDS)?))
}

/// An orchestrator with the strategy [`Race`].
pub type RaceOrchestrator = Orchestrator<Race>;

/// Asks one candidate after the other until enough answered, and returns the answer that most agree with.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Race {}

#[async_trait]
impl Strategy for Race {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let needed = run.options().min_responses_needed();
        let mut good: Vec<Answer> = Vec::new();
        let mut causes = Vec::new();
        for candidate in run.candidates() {
            if good.len() >= needed || run.allowance() == 0 {
                break;
            }
            // It may have answered in place of another one that names it among its `fallbacks`.
            if run.was_asked(candidate.id()) {
                continue;
            }
            let answer = match run.ask(candidate, Arc::clone(&request)).await {
                Ok(reply) => reply.collect().await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) if answer.is_good() => good.push(answer),
                Ok(answer) => causes.push(no_good(&answer)),
                Err(error) => causes.push(error),
            }
        }
        let Some(best) = choose(&good).filter(|_| good.len() >= needed) else {
            let message = format!("{needed} good answers needed, {} came", good.len());
            return Err(run.exhausted(&message, causes));
        };
        run.note(format!("{} is who most of {} answers agree with", best.provider_id(), good.len()));
        run.announce(best).await;
        Ok(run.outcome(Method::Chosen, best, &[], None))
    }
}

/// Why an answer does not count.
fn no_good(answer: &Answer) -> Error {
    let why = answer.response.finish_reason.as_str();
    let message = format!("its answer is no good one (finish reason {why})");
    Error::new(ErrorKind::NoGoodAnswer, message).with_provider(answer.provider_id().clone())
}
