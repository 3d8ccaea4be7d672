//! One orchestrated call in process, over a provider that answers at once: time and allocations.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;

use tokio::time::Instant;
use ultraai::{FallbackOrchestrator, Orchestrator, Result, SimpleOrchestrator, Strategy};
use ultraai_benches::Instantly;

const PROMPT: &str = "Explain the benefits of multi-LLM orchestration systems.";
const ROUNDS: u32 = 5;

fn main() -> Result<()> {
    // `cargo test --benches` passes no `--bench`: once through is enough then.
    let calls = if std::env::args().any(|argument| argument == "--bench") { 100_000 } else { 10 };
    println!("one call in process ({calls} calls, median of {ROUNDS} rounds)");
    measure("fallback, one candidate", &with_one(FallbackOrchestrator::builder().build()?)?, calls)?;
    measure("simple, one candidate", &with_one(SimpleOrchestrator::builder().build()?)?, calls)
}

fn with_one<S: Strategy>(orchestrator: Orchestrator<S>) -> Result<Orchestrator<S>> {
    orchestrator.register_provider("one", Instantly)?;
    Ok(orchestrator)
}

fn measure<S: Strategy>(name: &str, orchestrator: &Orchestrator<S>, calls: u32) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(orchestrator.process(PROMPT))?;
    let mut allocations = 0;
    let counted = allocation_counter::measure(|| {
        allocations =
            runtime.block_on(orchestrator.process(PROMPT)).map_or(0, |outcome| outcome.ledger.rows.len());
    });
    black_box(allocations);
    let mut rounds: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let took = runtime.block_on(async {
            let before = Instant::now();
            for _ in 0..calls {
                black_box(orchestrator.process(PROMPT).await)?;
            }
            Result::Ok(before.elapsed())
        })?;
        rounds.push(took.as_secs_f64() * 1e6 / f64::from(calls));
    }
    rounds.sort_by(f64::total_cmp);
    let median = rounds[rounds.len() / 2];
    println!(
        "{name:<28} {median:6.2} µs   {:3} allocations, {} bytes",
        counted.count_total, counted.bytes_total
    );
    Ok(())
}
