//! What every strategy does with its candidates.

mod ends;
mod options;
mod outcomes;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};
use ultraai_core::{
    Orchestrator, OrchestratorBuilder, Outcome, ProviderSpec, Registry, RequestOptions, Result, Strategy,
};

use super::{
    Suite,
    connect::text,
    scenario::{Scenario, Subject},
};
use crate::Scripted;

/// The behaviour that every strategy has: the strategy that is registered as `name`, built by that name.
/// Run it under a paused clock.
///
/// ```no_run
/// # async fn tests() {
/// ultraai_testkit::strategy_suite("simple").run().await;
/// ultraai_testkit::strategy_suite("first")
///     .expect_gaps(&["too_few_good_answers_are_an_error: it takes the first good answer"])
///     .run()
///     .await;
/// # }
/// ```
pub fn strategy_suite(name: &str) -> Suite<StrategySubject> {
    Suite::of(StrategySubject { name: name.to_owned(), settings: Map::new() })
}

/// The strategy that a suite runs over.
#[derive(Debug)]
pub struct StrategySubject {
    name: String,
    settings: Map<String, Value>,
}

impl Suite<StrategySubject> {
    /// Adds one of the strategy's own settings.
    pub fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.subject.settings.insert(name.to_owned(), value.into());
        self
    }
}

impl Subject for StrategySubject {
    fn title(&self) -> String {
        format!("strategy `{}`", self.name)
    }

    fn scenarios(&self) -> Vec<&'static Scenario<Self>> {
        [outcomes::SCENARIOS, options::SCENARIOS, ends::SCENARIOS].into_iter().flatten().collect()
    }
}

/// The deadline of whole requests here, and the bound of one attempt.
const DEADLINE: Duration = Duration::from_secs(12);
const ATTEMPT: Duration = Duration::from_secs(3);

type Orchestrated = Orchestrator<Arc<dyn Strategy>>;

impl StrategySubject {
    fn build(&self, more: &Map<String, Value>) -> Result<Arc<dyn Strategy>> {
        let mut settings = self.settings.clone();
        settings.extend(more.clone());
        Registry::linked()?.strategy(&self.name, Value::Object(settings))
    }

    /// A builder with the strategy, without retries, under a fixed seed.
    fn builder(&self) -> Result<OrchestratorBuilder<Arc<dyn Strategy>>, String> {
        let strategy = self.build(&Map::new()).map_err(text)?;
        let seconds = DEADLINE.as_secs_f64();
        Ok(OrchestratorBuilder::new(strategy).max_retries(0).seed(7).timeout_seconds(seconds))
    }

    /// An orchestrator over these candidates, called `a`, `b`, `c` …
    fn over(&self, candidates: &[&Scripted]) -> Result<Orchestrated, String> {
        let orchestrator = self.builder()?.build().map_err(text)?;
        register(&orchestrator, candidates.iter().map(|candidate| spec(candidate)))?;
        Ok(orchestrator)
    }
}

/// A candidate from a script, with a bound of one attempt.
fn spec(candidate: &Scripted) -> ProviderSpec {
    ProviderSpec::from(candidate.clone()).timeout(ATTEMPT)
}

fn register(
    orchestrator: &Orchestrated,
    specs: impl IntoIterator<Item = ProviderSpec>,
) -> Result<(), String> {
    for (id, spec) in ('a'..='z').zip(specs) {
        orchestrator.register_provider(id.to_string(), spec).map_err(text)?;
    }
    Ok(())
}

/// Asks, and checks that the work can move between threads.
async fn asked(orchestrator: &Orchestrated, options: impl Into<RequestOptions> + Send) -> Result<Outcome> {
    fn movable<F: Future + Send>(work: F) -> F {
        work
    }
    movable(orchestrator.process_with(super::connect::PROMPT, options)).await
}
