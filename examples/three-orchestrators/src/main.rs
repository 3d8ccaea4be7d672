//! The three orchestrators side by side, over the same providers: what each asks, how long it takes, what it costs.
//!
//! - `SimpleOrchestrator` asks everybody and lets one of them make one answer of all: the dearest, and all are heard.
//! - `ParallelOrchestrator` asks the best together and stops, where it may, as soon as the answer stands: the quickest.
//! - `AdaptiveOrchestrator` chooses how to ask, by the task, the load, and what came of earlier requests.
//!
//! An orchestrator is a base and a strategy. Here the three share one base, and so its providers, counters and options.
//!
//! Run it with `cargo run -p example-three-orchestrators`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use ultraai::{
    AdaptiveOrchestrator, Cost, Options, Outcome, ParallelOrchestrator, Result, SimpleOrchestrator,
    ledger::RowOutcome,
    provider,
    strategies::{adaptive::Adaptive, parallel::Parallel},
};

const PROMPT: &str = "Why is the sky blue?";

/// Prints what came of a request, and returns how many attempts were given up.
fn show(outcome: &Outcome) -> usize {
    let totals = outcome.ledger.totals;
    let abandoned = outcome.ledger.rows.iter().filter(|row| row.outcome == RowOutcome::Abandoned).count();
    println!(
        "\n{}: {} by {} after {:.2} s, {} attempts, {abandoned} abandoned, {} and {} of unknown cost",
        outcome.strategy,
        outcome.synthesis.method.as_str(),
        outcome.synthesis.provider_id,
        outcome.duration_seconds,
        totals.attempts,
        Cost::NanoDollars(totals.known_cost_nano_dollars),
        totals.attempts_of_unknown_cost,
    );
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));
    abandoned
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let simple = SimpleOrchestrator::builder().max_retries(0).seed(1).build()?;
    let parallel = ParallelOrchestrator::new(simple.base().clone(), Parallel::default());
    let adaptive = AdaptiveOrchestrator::new(simple.base().clone(), Adaptive::default());
    // Registered once, known to all three.
    for (id, latency_seconds, input, output) in
        [("quick", 0.02, 0.1, 0.4), ("steady", 0.1, 0.5, 2.0), ("thorough", 0.3, 3.0, 15.0)]
    {
        let mock = provider("mock").setting("latency_seconds", latency_seconds);
        simple.register_provider(id, mock.model(id).price(input, output))?;
    }

    let everybody = simple.process(PROMPT).await?;
    assert_eq!(show(&everybody), 0);

    // What was given up is no longer waited for; what it cost is unknown, since nobody reported it.
    let mut early = Options::default();
    early.use_early_stopping = Some(true);
    let quickest = parallel.process_with(PROMPT, early).await?;
    assert_eq!(show(&quickest), 2);

    // It tries its ways while it has seen little. An application that knows how good an answer was tells it so.
    for _ in 0..3 {
        let outcome = adaptive.process(PROMPT).await?;
        show(&outcome);
        let remembered = adaptive.strategy().feedback(outcome.request_id, 0.9)?;
        let decision = adaptive.strategy().decision(outcome.request_id).filter(|_| remembered);
        let decision = decision.expect("it remembers its latest requests");
        println!("  it chose {}, of quality {}", decision.arm, decision.quality);
    }

    println!("\nthe counters are shared:");
    for (id, seen) in &simple.stats().providers {
        println!("  {id}: {} attempts, {} abandoned", seen.requests, seen.abandoned);
    }
    assert_eq!(simple.stats().requests.answered, 5);
    Ok(())
}
