//! Basic use: two providers are asked together, one of them makes one answer of both, and the outcome says
//! what it cost and why.
//!
//! The providers are mocks, so it needs no key and no network. With a key, `provider("openai").model("gpt-4o")` in
//! place of `provider("mock")` asks a real one (feature `provider-openai`).
//!
//! Run it with `cargo run -p example-basic`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use ultraai::{Result, SimpleOrchestrator, provider};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = SimpleOrchestrator::builder().parallel_requests(true).timeout_seconds(30.0).build()?;
    // A price is in dollars per million tokens. Where none is set the cost is unknown, which is not zero.
    let terse =
        provider("mock").setting("answer", "Mock `terse`, answer {attempt}: several see more than one.");
    orchestrator.register_provider("terse", terse.model("small").price(0.15, 0.60))?;
    let slow = provider("mock").setting("latency_seconds", 0.2);
    orchestrator.register_provider("slow", slow.model("large"))?;

    let outcome = orchestrator.process("Why ask several language models?").await?;

    // `terse` was asked twice: once with everybody, once to make one answer of all.
    println!("answer:   {}", outcome.synthesis.response);
    println!("made by:  {} ({})", outcome.synthesis.provider_id, outcome.synthesis.method.as_str());

    println!("\nwho said what:");
    for said in &outcome.responses {
        let text = said.response.as_ref().map(|response| response.text()).unwrap_or_default();
        println!("  {} after {:.2} s: {text}", said.provider_id, said.duration_seconds);
    }

    println!("\nledger, a row for each attempt:");
    for row in &outcome.ledger.rows {
        let tokens = row.usage.map_or(0, |usage| usage.input_tokens + usage.output_tokens);
        println!("  {}: {:?}, {tokens} tokens, cost {}", row.provider_id, row.outcome, row.cost);
    }
    let totals = outcome.ledger.totals;
    println!(
        "  in all: {} attempts, {} tokens in, {} out, cost {} ({} attempts without a price)",
        totals.attempts,
        totals.reported.input_tokens,
        totals.reported.output_tokens,
        totals.cost(),
        totals.attempts_of_unknown_cost,
    );

    println!("\nwhy:");
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));
    Ok(())
}
