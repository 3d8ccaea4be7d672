//! Requests that arrive at their own times, whether or not those before them were answered, and what comes of them.

use std::{sync::Arc, thread, time::Duration};

use tokio::time::Instant;
use ultraai::{
    Cost, LedgerReport, Method, Outcome, Result,
    ledger::{Row, RowOutcome},
};
use ultraai_simulation::{Arrivals, arrive, virtual_time};

use crate::{
    contestants::{CONTESTANTS, Contestant},
    worlds::{ARRIVALS_PER_SECOND, SEED, WORLDS, World, cost_in_full, prompt},
};

/// What came of the requests of one strategy in one world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of each request, the time until its answer or its error, from the shortest.
    pub waits: Vec<Duration>,
    /// Requests that were answered.
    pub answered: u64,
    /// Answers that were written from several.
    pub synthesized: u64,
    /// Attempts, retries and syntheses among them.
    pub attempts: u64,
    /// What the attempts of known cost cost, in nano-dollars.
    pub known_cost: u64,
    /// The same where every attempt of unknown cost is billed with a whole answer.
    pub most_cost: u64,
    /// Tokens of abandoned attempts, as the ledgers have them.
    pub abandoned_tokens: u64,
}

impl Figures {
    /// The time within which this share of the requests was over.
    pub fn wait(&self, share: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "there are not so many requests")]
        let rank = (self.waits.len() as f64 * share).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let place = (rank as usize).saturating_sub(1);
        self.waits.get(place).copied().unwrap_or_default()
    }

    fn add(&mut self, wait: Duration, result: &Result<Outcome>) {
        self.waits.push(wait);
        let ledger = match result {
            Ok(outcome) => {
                self.answered += 1;
                self.synthesized += u64::from(outcome.synthesis.method == Method::Synthesized);
                Some(&outcome.ledger)
            }
            Err(error) => error.report().map(|report| &report.ledger),
        };
        if let Some(ledger) = ledger {
            self.add_ledger(ledger);
        }
    }

    fn add_ledger(&mut self, ledger: &LedgerReport) {
        self.attempts += ledger.totals.attempts;
        for row in &ledger.rows {
            let tokens = row.usage.unwrap_or_default();
            let (known, most) = match row.cost {
                Cost::NanoDollars(nano) => (nano, nano),
                Cost::Unknown => (0, in_full(row).unwrap_or_default()),
            };
            self.known_cost += known;
            self.most_cost += most;
            if row.outcome == RowOutcome::Abandoned {
                self.abandoned_tokens += tokens.input_tokens + tokens.output_tokens;
            }
        }
    }
}

fn in_full(row: &Row) -> Option<u64> {
    cost_in_full(row.provider_id.as_str(), row.usage?.input_tokens)
}

/// Sends so many requests.
///
/// # Errors
/// `Config` when a plugin is not linked. Requests that fail are counted.
pub fn figures(world: &World, contestant: &Contestant, requests: u64) -> Result<Figures> {
    virtual_time().block_on(async {
        let orchestrator = Arc::new(contestant.orchestrator(world)?);
        let ask = || {
            let orchestrator = Arc::clone(&orchestrator);
            async move {
                let began = Instant::now();
                let result = orchestrator.process(prompt()).await;
                (began.elapsed(), result)
            }
        };
        let mut figures = Figures::default();
        let fold = |(wait, result): (Duration, Result<Outcome>)| figures.add(wait, &result);
        let mut rng = fastrand::Rng::with_seed(SEED);
        arrive(Arrivals::PerSecond(ARRIVALS_PER_SECOND), requests, &mut rng, ask, fold).await?;
        figures.waits.sort_unstable();
        Ok(figures)
    })
}

/// Sends so many requests to every strategy in every world, each world on a thread of its own.
///
/// # Errors
/// As [`figures`].
///
/// # Panics
/// When a thread did.
pub fn all(requests: u64) -> Result<Vec<Vec<Figures>>> {
    thread::scope(|scope| {
        let of_world = |world| {
            let every =
                move || CONTESTANTS.iter().map(|contestant| figures(world, contestant, requests)).collect();
            scope.spawn(every)
        };
        let worlds: Vec<_> = WORLDS.iter().map(of_world).collect();
        worlds.into_iter().map(|world| world.join().expect("no thread panics")).collect()
    })
}
