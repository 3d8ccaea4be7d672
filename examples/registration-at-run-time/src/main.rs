//! Providers come, change and go while a program runs, and while requests are under way.
//!
//! A request works on what was registered when it began: nobody takes a provider from under it. The name is the user's
//! own; the same name with the same settings is the same candidate and keeps its counters, with other settings it
//! is a new one in the same place.
//!
//! Run it with `cargo run -p example-registration-at-run-time`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use ultraai::{FallbackOrchestrator, ProviderSpec, Result, provider};

/// What the settings of a provider would say.
fn chat(model: &str, latency_seconds: f64) -> ProviderSpec {
    let mock = provider("mock").setting("answer", "the mock `{model}`");
    mock.model(model).setting("latency_seconds", latency_seconds)
}

fn attempts(orchestrator: &FallbackOrchestrator, id: &str) -> u64 {
    orchestrator.stats().provider(id).map_or(0, |counters| counters.requests)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = FallbackOrchestrator::builder().max_retries(0).build()?;
    orchestrator.register_provider("chat", chat("small", 0.2))?;

    // A clone is the same orchestrator, so a server hands clones to its tasks.
    let under_way = orchestrator.clone();
    let request = async move { under_way.process("Who are you?").await };
    let changes = async {
        // The request above has begun, and waits for its answer.
        tokio::time::sleep(Duration::from_millis(50)).await;
        println!("requests under way: {}", orchestrator.requests_in_flight());
        orchestrator.reconfigure_provider("chat", chat("large", 0.0))?;
        let outcome = orchestrator.process("And who are you?").await?;
        println!("begun after the change: {}", outcome.synthesis.response);
        assert_eq!(outcome.synthesis.answer.model.as_deref(), Some("mock:large"));
        orchestrator.unregister_provider("chat")?;
        println!("registered now: {}", orchestrator.candidates().len());
        Ok(())
    };
    let (before, after) = tokio::join!(request, changes);
    after?;
    let before = before?;
    println!("begun before it:        {}", before.synthesis.response);
    assert_eq!(before.synthesis.answer.model.as_deref(), Some("mock:small"));

    // With nobody left, a request is refused and not queued.
    let refused = orchestrator.process("Is anybody there?").await.expect_err("nobody is registered");
    println!("\nwith nobody registered: {refused}");

    // Reading a settings file again changes only what changed in it.
    orchestrator.register_provider("chat", chat("small", 0.0))?;
    orchestrator.process("One.").await?;
    orchestrator.register_provider("chat", chat("small", 0.0))?;
    println!("\nthe same settings keep the counters: {} attempt", attempts(&orchestrator, "chat"));
    assert_eq!(attempts(&orchestrator, "chat"), 1);
    orchestrator.reconfigure_provider("chat", chat("small", 0.01))?;
    println!("other settings begin afresh:         {} attempts", attempts(&orchestrator, "chat"));
    assert_eq!(attempts(&orchestrator, "chat"), 0);

    // Whoever changes or removes what is not there is told the nearest name, and nothing changes.
    let typo = orchestrator.unregister_provider("chta").expect_err("the name is wrong");
    println!("\na typing error: {typo}");
    Ok(())
}
