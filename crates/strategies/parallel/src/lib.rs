//! The strategy `parallel`.
#![doc = include_str!("../README.md")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    ChatRequest, Error, ErrorKind, Field, Orchestrator, Outcome, Result, Run, Strategy, StrategyRegistration,
    orchestrator::{Collecting, Until},
    register_strategy,
    registry::parse_settings,
};

register_strategy!(
    StrategyRegistration::new("parallel", build)
        .summary("the best candidates together; stops as soon as the answer stands")
        .fields(FIELDS)
);

const FIELDS: &[Field] = &[Field {
    name: "concurrent_requests",
    doc: "Candidates that are asked at first; one that fails is replaced by the next. Default: as many as may be asked.",
}];

/// Kept back to return what came when somebody hangs until the deadline: a twentieth of the time, and a second at most.
const KEPT_BACK: (u32, Duration) = (20, Duration::from_secs(1));

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    let strategy: Parallel = parse_settings(settings, FIELDS)?;
    if strategy.concurrent_requests == Some(0) {
        return Err(Error::new(ErrorKind::Config, "`concurrent_requests` is 0: it must be at least 1"));
    }
    Ok(Arc::new(strategy))
}

/// An orchestrator with the strategy [`Parallel`].
pub type ParallelOrchestrator = Orchestrator<Parallel>;

/// Asks the best candidates together and returns the best answer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Parallel {
    /// Candidates that are asked at first; one that fails is replaced by the next. 0 counts as 1. Default: as many as may
    /// be asked.
    pub concurrent_requests: Option<usize>,
}

impl Parallel {
    /// Sets how many candidates are asked at first.
    #[must_use]
    pub fn with_concurrent_requests(mut self, count: usize) -> Self {
        self.concurrent_requests = Some(count);
        self
    }
}

#[async_trait]
impl Strategy for Parallel {
    fn name(&self) -> &'static str {
        "parallel"
    }

    fn selector(&self) -> Option<&'static str> {
        Some("dynamic")
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        run.check_quorum()?;
        let options = run.options();
        let synthesizes = options.synthesize == Some(true) && !request.wants_one_models_answer();
        let until = match (options.use_early_stopping(), synthesizes) {
            (false, _) => Until::All,
            // Every answer more would change a synthesis.
            (true, true) => Until::Enough,
            (true, false) => Until::EnoughOrSettled,
        };
        // What follows the answers takes time: somebody's synthesis, or somebody's comparison.
        let within = match synthesizes || options.analyst.is_some() {
            true => run.context().share(),
            false => run.remaining().map(|left| left.saturating_sub((left / KEPT_BACK.0).min(KEPT_BACK.1))),
        };
        let width = self.concurrent_requests.map(|count| count.max(1));
        let how = Collecting::default().width(width).within(within).until(until);
        let collected = run.collect(&request, &how).await;
        run.conclude(collected, synthesizes).await
    }
}
