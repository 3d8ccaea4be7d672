//! What requests did and what they cost, seen three ways: the ledger of a request, the counters of the orchestrator, and
//! measurements for an exporter.
//!
//! A cost is known where a price is: in the provider's settings, else from a source of prices, such as this program's own
//! (or the feature `prices`, which knows the vendors' models). Where nobody knows it the cost is unknown, and so is a sum
//! with it in it; it is never counted as zero.
//!
//! Run it with `cargo run -p example-statistics-and-costs`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod exporter;

use std::time::{Duration, SystemTime};

use ultraai::{
    Cost, Ledger, Price, PriceSource, ProviderId, RequestOptions, Result, SimpleOrchestrator, provider,
};

use self::exporter::Exporter;

/// A company's own price list.
#[derive(Debug)]
struct PriceList;

impl PriceSource for PriceList {
    fn name(&self) -> &'static str {
        "price-list"
    }

    fn price(&self, provider: &str, model: &str, _at: SystemTime) -> Option<Price> {
        // In dollars per million tokens of requests and of answers.
        ((provider, model) == ("mock", "listed")).then(|| Price::per_million_dollars(2.5, 10.0))?
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let exporter = Exporter::default();
    let orchestrator =
        SimpleOrchestrator::builder().synthesize(false).prices(PriceList).meter(exporter.clone()).build()?;
    // Its price stands in its settings, the next one's in the list, and the last one's nowhere.
    orchestrator.register_provider("own", provider("mock").model("mine").price(0.15, 0.60))?;
    let slow = provider("mock").setting("latency_seconds", 0.1);
    orchestrator.register_provider("listed", slow.model("listed"))?;
    orchestrator.register_provider("unlisted", provider("mock").model("secret"))?;
    let only = |ids: &[&str]| -> Result<RequestOptions> {
        let ids = ids.iter().map(ProviderId::new).collect::<Result<_>>()?;
        Ok(RequestOptions::default().with_providers(ids))
    };

    println!("the ledger of a request:");
    for ids in [&["own", "listed"][..], &["own", "unlisted"]] {
        let outcome = orchestrator.process_with("What is it worth?", only(ids)?).await?;
        for row in &outcome.ledger.rows {
            println!("  {}: {:?}, cost {}", row.provider_id, row.outcome, row.cost);
        }
        let totals = outcome.ledger.totals;
        println!(
            "  in all {}, and {} attempts of unknown cost",
            totals.cost(),
            totals.attempts_of_unknown_cost
        );
        assert_eq!(totals.cost() == Cost::Unknown, ids.contains(&"unlisted"));
    }

    // What the provider was asked before its caller left is estimated, and stands apart from what was reported.
    let ledger = Ledger::new();
    let dropped = orchestrator.process_with("Never mind.", only(&["listed"])?.with_ledger(ledger.clone()));
    assert!(tokio::time::timeout(Duration::from_millis(20), dropped).await.is_err(), "it answers too early");
    let totals = ledger.totals();
    println!(
        "  dropped: reported {:?}, estimated {:?}, cost {}",
        totals.reported,
        totals.estimated,
        totals.cost()
    );
    assert!(totals.reported.input_tokens == 0 && totals.estimated.input_tokens > 0);

    println!("\nthe counters so far:");
    let stats = orchestrator.stats();
    let requests = stats.requests;
    println!("  requests: {} answered, {} abandoned", requests.answered, requests.abandoned);
    assert_eq!((requests.answered, requests.abandoned), (2, 1));
    for (id, seen) in &stats.providers {
        let p95 = seen.operation_duration.p95_seconds;
        let p95 = p95.map_or("unknown".to_owned(), |seconds| format!("{seconds:.3} s"));
        let (known, unknown) =
            (Cost::NanoDollars(seen.known_cost_nano_dollars), seen.attempts_of_unknown_cost);
        println!(
            "  {id}: {} attempts, {} abandoned, health {:.1}, 95 % within {p95}, {known} and {unknown} unknown",
            seen.requests, seen.abandoned, seen.health
        );
    }

    println!("\nthe exporter's lines:");
    let lines = exporter.lines();
    assert!(lines.iter().any(|line| line.starts_with("ultraai_client_unknown_cost")), "nothing is unknown");
    for line in lines {
        println!("  {line}");
    }
    Ok(())
}
