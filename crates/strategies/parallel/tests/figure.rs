//! What early stopping saves over heavy tails, and what it costs: in virtual time under fixed seeds, so every run has the same
//! figures.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and this one tells what it measured"
)]

use std::time::Duration;

use tokio::time::Instant;
use ultraai_core::{Cost, OrchestratorBuilder, ProviderSpec, ledger::RowOutcome};
use ultraai_routing as _;
use ultraai_strategy_parallel::Parallel;
use ultraai_testkit::{Simulated, Simulation};

const REQUESTS: usize = 2000;

#[derive(Debug, Default)]
struct Figures {
    seconds: Vec<f64>,
    known_nano_dollars: u64,
    attempts: u64,
    of_unknown_cost: u64,
    abandoned: u64,
    /// Tokens of the attempts that were given up: all are estimates, since nobody reported them.
    abandoned_input: u64,
    abandoned_output: u64,
}

impl Figures {
    fn percentile(&self, percent: usize) -> f64 {
        self.seconds[self.seconds.len() * percent / 100]
    }

    fn tell(&self, name: &str) {
        println!(
            "{name:<16} p50 {:5.2} s   p95 {:5.2} s   p99 {:5.2} s   known cost {} in {} attempts, of {} unknown; given up {}: \
             {} tokens in and {} out, estimated",
            self.percentile(50),
            self.percentile(95),
            self.percentile(99),
            Cost::NanoDollars(self.known_nano_dollars),
            self.attempts,
            self.of_unknown_cost,
            self.abandoned,
            self.abandoned_input,
            self.abandoned_output,
        );
    }
}

/// Five providers with heavy tails, each with a price of its own.
async fn figures(early: bool) -> Figures {
    let orchestrator = OrchestratorBuilder::new(Parallel::default())
        .seed(7)
        .use_early_stopping(early)
        .min_responses_needed(1)
        .build()
        .unwrap();
    for (number, (p50, price)) in (0..).zip([(300, 1.0), (400, 0.8), (500, 0.6), (600, 0.4), (800, 0.2)]) {
        let tail = Simulation::heavy_tailed(Duration::from_millis(p50), Duration::from_millis(p50 * 10));
        let name = format!("provider-{number}");
        let simulated = Simulated::new(&name, 70 + number, tail);
        orchestrator
            .register_provider(&name, ProviderSpec::from(simulated).price(price, 4.0 * price))
            .unwrap();
    }
    let mut figures = Figures::default();
    for _ in 0..REQUESTS {
        let before = Instant::now();
        let outcome = orchestrator.process("What is the capital of Norway?").await.unwrap();
        figures.seconds.push(before.elapsed().as_secs_f64());
        figures.known_nano_dollars += outcome.ledger.totals.known_cost_nano_dollars;
        figures.attempts += outcome.ledger.totals.attempts;
        figures.of_unknown_cost += outcome.ledger.totals.attempts_of_unknown_cost;
        for row in outcome.ledger.rows.iter().filter(|row| row.outcome == RowOutcome::Abandoned) {
            figures.abandoned += 1;
            let usage = row.usage.unwrap();
            figures.abandoned_input += usage.input_tokens;
            figures.abandoned_output += usage.output_tokens;
        }
    }
    figures.seconds.sort_by(f64::total_cmp);
    figures
}

#[tokio::test(start_paused = true)]
async fn over_heavy_tails_the_first_of_five_is_there_in_half_of_the_time_of_all_five() {
    let (all, first) = (figures(false).await, figures(true).await);
    all.tell("waiting for all");
    first.tell("early stopping");
    assert!(first.percentile(95) <= all.percentile(95) / 2.0);
    assert_eq!((all.attempts, first.attempts), (10_000, 10_000), "both asked all five");
    assert_eq!((all.abandoned, first.abandoned), (0, 8000), "who was given up stands in the ledger");
}
