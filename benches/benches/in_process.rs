//! One orchestrated call in process, over a provider that answers at once: CPU time and allocations.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;

use cpu_time::ThreadTime;
use ultraai::{
    AdaptiveOrchestrator, FallbackOrchestrator, Orchestrator, ParallelOrchestrator, Result,
    SimpleOrchestrator, Strategy,
};
use ultraai_benches::Instantly;

const PROMPT: &str = "Explain the benefits of multi-LLM orchestration systems.";
const ROUNDS: u32 = 5;
const FIVE: [&str; 5] = ["one", "two", "three", "four", "five"];

fn main() -> Result<()> {
    // `cargo test --benches` passes no `--bench`: once through is enough then.
    let calls = if std::env::args().any(|argument| argument == "--bench") { 50_000 } else { 10 };
    println!("CPU time of one call in process ({calls} calls, median of {ROUNDS} rounds)");
    let one = &FIVE[..1];
    measure("fallback, one candidate", &over(one, FallbackOrchestrator::builder().build()?)?, calls)?;
    measure("simple, one candidate", &over(one, SimpleOrchestrator::builder().build()?)?, calls)?;
    measure("parallel, one candidate", &over(one, ParallelOrchestrator::builder().build()?)?, calls)?;
    measure("adaptive, one candidate", &over(one, AdaptiveOrchestrator::builder().build()?)?, calls)?;
    measure("fallback, five", &over(&FIVE, FallbackOrchestrator::builder().build()?)?, calls)?;
    measure("parallel, all of five", &over(&FIVE, ParallelOrchestrator::builder().build()?)?, calls)?;
    let early = ParallelOrchestrator::builder().use_early_stopping(true).build()?;
    measure("parallel, first of five", &over(&FIVE, early)?, calls)?;
    measure("adaptive, five", &over(&FIVE, AdaptiveOrchestrator::builder().build()?)?, calls)
}

fn over<S: Strategy>(candidates: &[&str], orchestrator: Orchestrator<S>) -> Result<Orchestrator<S>> {
    candidates.iter().try_for_each(|name| orchestrator.register_provider(name, Instantly))?;
    Ok(orchestrator)
}

fn measure<S: Strategy>(name: &str, orchestrator: &Orchestrator<S>, calls: u32) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    runtime.block_on(orchestrator.process(PROMPT))?;
    let mut rows = 0;
    let counted = allocation_counter::measure(|| {
        rows = runtime.block_on(orchestrator.process(PROMPT)).map_or(0, |outcome| outcome.ledger.rows.len());
    });
    black_box(rows);
    let mut rounds: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let took = runtime.block_on(async {
            // Nothing waits for anything, so this is the time of a call on a machine that does nothing else.
            let before = ThreadTime::now();
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
