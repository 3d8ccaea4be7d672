//! Linked, the prices stand in the books; what they do not know stays unknown in every sum.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use ultraai_core::{
    ChatResponse, Clock, Cost, Ledger, Method, Orchestrator, OrchestratorBuilder, Outcome, Plugin,
    PricesRegistration, ProviderRegistration, Registry, RequestOptions, Result, Run, Strategy, Usage,
    async_trait, provider,
};
use ultraai_prices::GenaiPrices;
use ultraai_testkit::{Scripted, Step};

/// Asks the first candidate.
#[derive(Debug)]
struct One;

#[async_trait]
impl Strategy for One {
    fn name(&self) -> &'static str {
        "one"
    }

    async fn process(&self, run: &Run, request: Arc<ultraai_core::ChatRequest>) -> Result<Outcome> {
        let reply = run.ask(&run.candidates()[0], request).await?;
        let answer = run.forward(reply).await?;
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

/// A vendor that answers with the dated name of the model that was asked.
fn vendor() -> Scripted {
    let mut answer = ChatResponse::from_text("hello").with_usage(Usage::reported(7, 3));
    answer.model = Some("gpt-4o-2024-08-06".into());
    Scripted::new([Step::whole(answer)])
}

const PROVIDERS: &[ProviderRegistration] = &[
    ProviderRegistration::new("openai", |_, _, _| Ok(Arc::new(vendor()))),
    ProviderRegistration::new("ollama", |_, _, _| Ok(Arc::new(vendor()))),
];

fn orchestrator() -> Orchestrator<One> {
    let registry = Registry::builder()
        .plugin(Plugin::Providers(PROVIDERS))
        .unwrap()
        .plugin(Plugin::Prices(PricesRegistration::new(GenaiPrices::NAME, || Arc::new(GenaiPrices))))
        .unwrap()
        .build();
    // The beginning of 2026-11-22, UTC.
    let clock = Clock::new(|| UNIX_EPOCH + Duration::from_hours(498_696));
    let orchestrator = OrchestratorBuilder::new(One).registry(registry).clock(clock).build().unwrap();
    orchestrator.register_provider("known", provider("openai").model("gpt-4o")).unwrap();
    orchestrator.register_provider("unknown", provider("ollama").model("gpt-4o")).unwrap();
    orchestrator
}

#[tokio::test(start_paused = true)]
async fn one_unknown_cost_makes_the_sum_unknown_and_keeps_what_is_known_apart() {
    let (orchestrator, ledger) = (orchestrator(), Ledger::new());
    let ask = async |id: &str| {
        let options = RequestOptions::default()
            .with_providers(vec![ultraai_core::ProviderId::new(id).unwrap()])
            .with_ledger(ledger.clone());
        orchestrator.process_with("hi", options).await.unwrap();
        ledger.report()
    };
    let first = ask("known").await;
    let usage = first.rows[0].usage.unwrap();
    // $2.50 and $10 per million tokens.
    let nano_dollars = usage.input_tokens * 2_500 + usage.output_tokens * 10_000;
    assert_eq!(first.rows[0].cost, Cost::NanoDollars(nano_dollars));
    assert_eq!(first.totals.cost(), Cost::NanoDollars(nano_dollars));

    let both = ask("unknown").await;
    assert_eq!(both.rows[1].cost, Cost::Unknown);
    assert_eq!(both.totals.cost(), Cost::Unknown);
    assert_eq!(both.totals.known_cost_nano_dollars, nano_dollars);
    assert_eq!(both.totals.attempts_of_unknown_cost, 1);
}

#[test]
fn the_prices_are_linked_by_their_name() {
    let registry = Registry::linked().unwrap();
    assert!(registry.prices().any(|row| row.name == GenaiPrices::NAME));
}
