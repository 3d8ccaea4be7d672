//! A strategy of the application's own: it asks everybody and takes the shortest good answer. It is registered like
//! those of UltraAI and used by its name, as a settings file would name it.
//!
//! A strategy never sleeps, retries or talks to a network: it asks, through what `Run` offers. So the deadline, the
//! retries, the ledger and the events are there without a line of it.
//!
//! Run it with `cargo run -p example-custom-strategy`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::Value;
use ultraai::{
    Answer, Ask, ChatRequest, Method, OrchestratorBuilder, Outcome, Registry, Result, Run, Strategy,
    StrategyRegistration, async_trait, provider, register_strategy, registry::parse_settings,
};

register_strategy!(StrategyRegistration::new("shortest", build).summary("the shortest good answer"));

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    // It has no settings of its own; whoever gives one is told so.
    parse_settings::<Value>(settings, &[])?;
    Ok(Arc::new(Shortest))
}

/// Asks everybody and takes the shortest good answer.
#[derive(Debug)]
struct Shortest;

#[async_trait]
impl Strategy for Shortest {
    fn name(&self) -> &'static str {
        "shortest"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        // A quorum that cannot come costs nobody anything.
        run.check_quorum()?;
        let asks = run.candidates().iter().take(run.allowance());
        let mut panel = run.panel(asks.map(|candidate| Ask::new(candidate, &request)));
        let (mut good, mut causes): (Vec<Answer>, Vec<_>) = (Vec::new(), Vec::new());
        while let Some(said) = panel.next().await {
            match said.result {
                Ok(answer) if answer.is_good() => good.push(answer),
                Ok(answer) => run.note(format!("{} gave no good answer", answer.provider_id())),
                Err(error) => causes.push(error),
            }
        }
        let best = good.iter().min_by_key(|answer| answer.response.text().len());
        let needed = run.options().min_responses_needed();
        let Some(best) = best.filter(|_| good.len() >= needed) else {
            return Err(run.exhausted(&format!("{needed} good answers needed, {} came", good.len()), causes));
        };
        run.note(format!("{} gave the shortest of {} good answers", best.provider_id(), good.len()));
        run.announce(best).await;
        Ok(run.outcome(Method::Chosen, best, &[], None))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let strategy = Registry::linked()?.strategy("shortest", Value::Null)?;
    let orchestrator = OrchestratorBuilder::new(strategy).max_retries(0).build()?;
    orchestrator.register_provider("wordy", provider("mock"))?;
    orchestrator.register_provider("brief", provider("mock").setting("answer", "Mock: yes."))?;
    let outcome = orchestrator.process("Is brevity a virtue?").await?;
    println!("{} says: {}", outcome.synthesis.provider_id, outcome.synthesis.response);
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));
    Ok(())
}
