//! What each layer adds to one call through `fallback`, over a provider that answers at once: CPU time and allocations.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{hint::black_box, sync::Arc};

use cpu_time::ThreadTime;
use tokio::runtime::{Builder, Runtime};
use ultraai::{Orchestrator, Result, Strategy};
use ultraai_benches::layered;

const PROMPT: &str = "Explain the benefits of multi-LLM orchestration systems.";
const ROUNDS: usize = 7;

/// Upper bounds of a call through `fallback`.
const NANOSECONDS: f64 = 6000.0;
const ALLOCATIONS: f64 = 40.0;

/// A row of the table.
struct Measured {
    name: String,
    orchestrator: Orchestrator<Arc<dyn Strategy>>,
    /// Of a whole and of a live answer.
    allocations: [u64; 2],
    rounds: [Vec<f64>; 2],
}

fn main() -> Result<()> {
    // `cargo test --benches` passes no `--bench`: once through is enough then.
    let calls = if std::env::args().any(|argument| argument == "--bench") { 20_000 } else { 10 };
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    let names = layered::names()?;
    let mut rows = vec![Measured::new("none", &[], &runtime)?];
    for name in &names {
        rows.push(Measured::new(name, &[name], &runtime)?);
    }
    rows.push(Measured::new("all of them", &names, &runtime)?);
    // The rounds alternate, so that whatever else the machine does meets all rows.
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.round(&runtime, calls)?;
        }
    }
    println!(
        "CPU time and allocations of one call through `fallback` ({calls} calls, median of {ROUNDS} rounds)"
    );
    println!("{:<14}{:>44}{:>44}", "layers", "whole: process()", "live: process_stream()");
    for row in &rows {
        println!("{:<14}{}{}", row.name, row.cell(0, &rows[0]), row.cell(1, &rows[0]));
    }
    if let Some(all) = rows.last() {
        println!(
            "all of them, whole: {:.0} % of the {:.0} ns and {:.0} % of the {ALLOCATIONS} allocations that a call may take",
            all.median(0) / NANOSECONDS * 100.0,
            NANOSECONDS,
            as_float(all.allocations[0]) / ALLOCATIONS * 100.0
        );
    }
    Ok(())
}

impl Measured {
    fn new(name: &str, layers: &[&str], runtime: &Runtime) -> Result<Self> {
        let orchestrator = layered::orchestrator(layers)?;
        // What is made once is there before anything is measured; the histograms know what an answer takes.
        for _ in 0..200 {
            runtime.block_on(whole(&orchestrator))?;
            runtime.block_on(live(&orchestrator))?;
        }
        let mut result = Ok(0);
        let counted = [
            allocation_counter::measure(|| result = runtime.block_on(whole(&orchestrator))).count_total,
            allocation_counter::measure(|| result = runtime.block_on(live(&orchestrator))).count_total,
        ];
        result?;
        Ok(Self { name: name.to_owned(), orchestrator, allocations: counted, rounds: Default::default() })
    }

    fn round(&mut self, runtime: &Runtime, calls: u32) -> Result<()> {
        let orchestrator = &self.orchestrator;
        self.rounds[0].push(runtime.block_on(nanoseconds(calls, async || whole(orchestrator).await))?);
        self.rounds[1].push(runtime.block_on(nanoseconds(calls, async || live(orchestrator).await))?);
        Ok(())
    }

    fn median(&self, kind: usize) -> f64 {
        let mut rounds = self.rounds[kind].clone();
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    }

    /// What it takes, and what that is more than without any layer.
    fn cell(&self, kind: usize, bare: &Self) -> String {
        let (took, allocations) = (self.median(kind), self.allocations[kind]);
        let more = as_float(allocations) - as_float(bare.allocations[kind]);
        format!(
            "{took:8.0} ns ({:+6.0})  {allocations:3} allocations ({more:+3.0})",
            took - bare.median(kind)
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many allocations")]
fn as_float(number: u64) -> f64 {
    number as f64
}

async fn nanoseconds(calls: u32, call: impl AsyncFn() -> Result<usize>) -> Result<f64> {
    // Nothing waits for anything, so this is the time of a call on a machine that does nothing else.
    let before = ThreadTime::now();
    for _ in 0..calls {
        black_box(call().await?);
    }
    Ok(before.elapsed().as_secs_f64() * 1e9 / f64::from(calls))
}

async fn whole(orchestrator: &Orchestrator<Arc<dyn Strategy>>) -> Result<usize> {
    Ok(orchestrator.process(PROMPT).await?.ledger.rows.len())
}

async fn live(orchestrator: &Orchestrator<Arc<dyn Strategy>>) -> Result<usize> {
    Ok(orchestrator.process_stream(PROMPT)?.outcome().await?.ledger.rows.len())
}
