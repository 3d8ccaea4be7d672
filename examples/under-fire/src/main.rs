//! What protects a request: the breaker of a provider that is down, limits of rate, of money and of requests under way, and a
//! race against a provider that hangs.
//!
//! Run it with `cargo run -p example-under-fire`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::{Map, Value, json};
use ultraai::{ErrorKind, FallbackOrchestrator, Options, RaceOrchestrator, Result, provider};

/// Settings of a layer, as they would stand under `[layers.NAME]`.
fn settings(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // 1. A provider that is down is not asked for long: its breaker opens, and only a probe now and then reaches it.
    let orchestrator = FallbackOrchestrator::builder().max_retries(0).build()?;
    orchestrator.register_provider("down", provider("mock").setting("failure_rate", 1.0))?;
    orchestrator.register_provider("up", provider("mock").setting("answer", "hello"))?;
    for _ in 0..50 {
        orchestrator.process("Anybody there?").await?;
    }
    let (down, up) =
        (orchestrator.stats().providers["down"].requests, orchestrator.stats().providers["up"].requests);
    println!("of 50 requests {down} reached the provider that is down; the other answered {up}");
    assert!(down <= 5 && up == 50);

    // 2. A limit of rate is waited for in order, and not beyond the deadline: what would come too late is refused at once.
    let slow_down = settings(&json!({ "requests_per_minute": 60 }));
    let orchestrator = FallbackOrchestrator::builder()
        .max_retries(0)
        .layer_settings("limit", slow_down)
        .timeout_seconds(0.5)
        .build()?;
    orchestrator.register_provider("limited", provider("mock"))?;
    let mut refused = None;
    for _ in 0..100 {
        if let Err(error) = orchestrator.process("Next, please!").await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("nobody answers a hundred requests in a second at sixty a minute");
    println!("\nbeyond the limit: {}", refused.causes()[0]);
    assert_eq!(refused.causes()[0].kind(), ErrorKind::RateLimited);

    // 3. A request costs no more than it may. Each attempt sets aside the most that it may cost before it begins.
    let orchestrator = FallbackOrchestrator::builder().budget_dollars(0.01).build()?;
    orchestrator.register_provider("dear", provider("mock").price(1000.0, 1000.0))?;
    orchestrator.register_provider("cheap", provider("mock").price(0.01, 0.01))?;
    let outcome = orchestrator.process("What may this cost?").await?;
    println!("\n{} answered for {}", outcome.synthesis.provider_id, outcome.ledger.totals.cost());
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));
    assert_eq!(outcome.synthesis.provider_id, "cheap");

    // 4. So many requests at once, so many in the queue; further ones are told when to come back.
    let orchestrator =
        FallbackOrchestrator::builder().max_requests_in_flight(1).max_queued_requests(1).build()?;
    orchestrator.register_provider("slow", provider("mock").setting("latency_seconds", 0.2))?;
    orchestrator.process("How long does this take?").await?;
    let (first, second, third) = tokio::join!(
        orchestrator.process("first"),
        orchestrator.process("second"),
        orchestrator.process("third"),
    );
    let full = third.expect_err("one is under way, and one waits");
    println!("\n{full}; come back in {:.1} s", full.retry_after().unwrap_or_default().as_secs_f64());
    assert!(first.is_ok() && second.is_ok() && full.kind() == ErrorKind::QueueFull);

    // 5. One that hangs costs a step of the race, and no timeout.
    let orchestrator = RaceOrchestrator::builder().build()?;
    orchestrator.register_provider("hangs", provider("mock").setting("latency_seconds", 3600))?;
    orchestrator.register_provider("lives", provider("mock").setting("answer", "here"))?;
    let mut hurry = Options::default();
    hurry.timeout_seconds = Some(30.0);
    let outcome = orchestrator.process_with("Who is first?", hurry).await?;
    println!("\n{} won after {:.1} s", outcome.synthesis.provider_id, outcome.duration_seconds);
    assert_eq!(outcome.synthesis.provider_id, "lives");
    Ok(())
}
