//! A fallback chain: the first provider is down, the second is busy once, and the request is answered all the same.
//!
//! Two things decide who is asked next: the strategy `fallback` asks the candidates in order, and a provider may name
//! `fallbacks` of its own, which are asked in its place whatever the strategy. Retrying one and the same provider is the
//! work of the layer `retry`, up to `max_retries` times.
//!
//! Run it with `cargo run -p example-fallback-chain`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use ultraai::{FallbackOrchestrator, Result, provider};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = FallbackOrchestrator::builder().max_retries(2).build()?;

    // A wrong key is no reason to try again with the same key: the next one is asked at once.
    let wrong_key =
        provider("mock").setting("failures", json!(["authentication"])).setting("repeat_failures", true);
    orchestrator.register_provider("wrong-key", wrong_key.fallbacks(["busy-once"]))?;
    // A rate limit passes: the same one is asked again after a moment.
    orchestrator
        .register_provider("busy-once", provider("mock").setting("failures", json!(["rate_limited"])))?;
    orchestrator.register_provider("last", provider("mock"))?;

    let outcome = orchestrator.process("Is anybody there?").await?;
    println!("{} answered: {}\n", outcome.synthesis.provider_id, outcome.synthesis.response);

    println!("every attempt is a row of the ledger, the failed ones too:");
    for row in &outcome.ledger.rows {
        let why = row.error.map_or("", |kind| kind.as_str());
        println!("  {} attempt {}: {:?} {why}", row.provider_id, row.attempt + 1, row.outcome);
    }
    println!("\nwhy:");
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));

    // When nobody answers, the error holds each candidate's own, and what was spent all the same.
    orchestrator.unregister_provider("busy-once")?;
    orchestrator.unregister_provider("last")?;
    if let Err(error) = orchestrator.process("And now?").await {
        println!("\nwithout the others: {error}");
        error.causes().iter().for_each(|cause| println!("  {cause}"));
        let attempts = error.report().map_or(0, |report| report.ledger.totals.attempts);
        println!("  attempts in the ledger: {attempts}");
    }
    Ok(())
}
