//! The strategy `second-opinion`.
#![doc = include_str!("../README.md")]

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    Answer, Ask, ChatRequest, Field, Method, Outcome, Result, Run, Strategy, StrategyRegistration,
    async_trait, orchestrator::choose, register_strategy, registry::parse_settings,
};

const FIELDS: &[Field] = &[Field { name: "agreeing", doc: "Answers that must agree. Default: 2." }];

register_strategy!(
    StrategyRegistration::new("second-opinion", build)
        .summary("an answer that others give too")
        .fields(FIELDS)
);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(parse_settings::<SecondOpinion>(settings, FIELDS)?))
}

/// Asks one more until enough agree.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct SecondOpinion {
    agreeing: usize,
}

impl Default for SecondOpinion {
    fn default() -> Self {
        Self { agreeing: 2 }
    }
}

#[async_trait]
impl Strategy for SecondOpinion {
    fn name(&self) -> &'static str {
        "second-opinion"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        run.check_quorum()?;
        let needed = run.options().min_responses_needed();
        let (mut good, mut causes): (Vec<Answer>, Vec<_>) = (Vec::new(), Vec::new());
        loop {
            // Among equally many the choice is the user's order, and not who was quicker.
            let place =
                |said: &Answer| run.candidates().iter().position(|one| one.id() == said.provider_id());
            good.sort_by_key(place);
            let best = choose(&good);
            let agrees =
                |said: &&Answer| best.is_some_and(|best| said.response.text() == best.response.text());
            let agreeing = good.iter().filter(agrees).count();
            let missing = self.agreeing.saturating_sub(agreeing).max(needed.saturating_sub(good.len()));
            // Who stood in for another was asked already.
            let more = run.candidates().iter().filter(|one| !run.was_asked(one.id()));
            let more = more.take(missing.min(run.allowance())).map(|one| Ask::new(one, &request));
            let mut panel = run.panel(more);
            match best {
                Some(best) if panel.is_empty() && good.len() >= needed => {
                    run.note(format!("{agreeing} of {} say what {} said", good.len(), best.provider_id()));
                    run.announce(best).await;
                    return Ok(run.outcome(Method::Chosen, best, &[], None));
                }
                _ if panel.is_empty() => return Err(run.exhausted("too few gave a good answer", causes)),
                _ => {}
            }
            while let Some(said) = panel.next().await {
                match said.result {
                    Ok(answer) if answer.is_good() => good.push(answer),
                    Ok(answer) => run.note(format!("{} gave no good answer", answer.provider_id())),
                    Err(error) => causes.push(error),
                }
            }
        }
    }
}
