//! The strategy `simple`.
#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    ChatRequest, Orchestrator, Outcome, Result, Run, Strategy, StrategyRegistration,
    orchestrator::{Collecting, Until},
    register_strategy,
    registry::parse_settings,
};

register_strategy!(
    StrategyRegistration::new("simple", build)
        .summary("collect, analyze, synthesize: one answer from all candidates")
);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(parse_settings::<Simple>(settings, &[])?))
}

/// An orchestrator with the strategy [`Simple`].
pub type SimpleOrchestrator = Orchestrator<Simple>;

/// Asks all candidates and makes one answer from theirs.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Simple {}

#[async_trait]
impl Strategy for Simple {
    fn name(&self) -> &'static str {
        "simple"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        run.check_quorum()?;
        let until = if run.options().use_early_stopping() { Until::Enough } else { Until::All };
        // A third of the time is kept for the synthesis.
        let how = Collecting::default().within(run.context().share()).until(until);
        let collected = run.collect(&request, &how).await;
        run.conclude(collected, run.options().synthesize != Some(false)).await
    }
}
