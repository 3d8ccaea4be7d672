//! Who is asked, and in which order: weights, selectors by name, a selector of one's own, the request's own choice, health.
//!
//! A selector puts the candidates into an order; how many of them are asked, and whether at once, is the strategy's work.
//! Whatever the selector says, candidates whose last attempts failed come behind the others. The trace says all of it.
//!
//! Run it with `cargo run -p example-selection-and-priorities`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use serde_json::json;
use ultraai::{
    Candidate, ChatRequest, Event, FallbackOrchestrator, Options, ProviderId, RequestOptions, Result,
    Selector, SelectorRegistration, provider, register_selector,
};

register_selector!(SelectorRegistration::new("by-length", || Arc::new(ByLength)));

/// Short prompts begin with the smallest model, long ones with the largest; the model's name says which it is.
#[derive(Debug)]
struct ByLength;

impl Selector for ByLength {
    fn name(&self) -> &'static str {
        "by-length"
    }

    fn order(&self, request: &ChatRequest, candidates: &mut [Arc<Candidate>], _seed: u64) {
        let is_long = request.messages.iter().map(|message| message.text().len()).sum::<usize>() > 100;
        let is_large = |candidate: &Candidate| candidate.model().is_some_and(|model| *model == "large");
        candidates.sort_by_key(|candidate| is_large(candidate) != is_long);
    }
}

/// Asks, and returns the candidates in the order in which they might have been asked.
async fn order(
    orchestrator: &FallbackOrchestrator,
    prompt: &str,
    options: impl Into<RequestOptions>,
) -> Result<String> {
    let mut events = orchestrator.process_stream_with(prompt, options)?;
    let mut order = String::new();
    while let Some(event) = events.next().await {
        if let Event::Started { candidates, .. } = event? {
            order = candidates.iter().map(ProviderId::as_str).collect::<Vec<_>>().join(", ");
        }
    }
    Ok(order)
}

fn by(selector: &str) -> Options {
    let mut options = Options::default();
    options.selector = Some(selector.to_owned());
    options
}

fn only(id: &str) -> Result<RequestOptions> {
    Ok(RequestOptions::default().with_providers(vec![ProviderId::new(id)?]))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = FallbackOrchestrator::builder().max_retries(0).seed(1).build()?;
    // Higher weights come first; the default is 1.
    let cheap = provider("mock").model("small").price(0.1, 0.4).setting("latency_seconds", 0.05);
    orchestrator.register_provider("cheap", cheap)?;
    let best = provider("mock").model("large").price(3.0, 15.0).setting("latency_seconds", 0.02);
    orchestrator.register_provider("best", best.weight(2.0))?;
    let fails = json!(["ok", "overloaded", "overloaded", "overloaded", "overloaded"]);
    let spare = provider("mock").model("small").price(0.5, 2.0).setting("failures", fails);
    orchestrator.register_provider("spare", spare)?;

    let prompt = "Who is asked first?";
    let weights = order(&orchestrator, prompt, Options::default()).await?;
    println!("by weight:             {weights}");
    assert_eq!(weights, "best, cheap, spare");
    let price = order(&orchestrator, prompt, by("cost")).await?;
    println!("by price:              {price}");
    assert_eq!(price, "cheap, spare, best");
    let length = order(&orchestrator, &"A long story. ".repeat(20), by("by-length")).await?;
    println!("a long prompt:         {length}");
    assert!(length.starts_with("best"));

    // A request may name the providers; here each is asked alone once, so that it is known how quick it is.
    for id in ["cheap", "best", "spare"] {
        let named = order(&orchestrator, prompt, only(id)?).await?;
        println!("the request says so:   {named}");
        assert_eq!(named, id);
    }
    let quickest = order(&orchestrator, prompt, by("latency")).await?;
    println!("by latency:            {quickest}");
    assert_eq!(quickest, "spare, best, cheap");

    // That last request met a failure, and `best` answered in its place. Three more, and it is no longer asked first.
    for _ in 0..3 {
        order(&orchestrator, prompt, only("spare")?).await.expect_err("it is overloaded");
    }
    let healthy = order(&orchestrator, prompt, by("latency")).await?;
    println!("after four failures:   {healthy}");
    assert_eq!(healthy, "best, cheap, spare");
    let stats = orchestrator.stats();
    stats.providers.iter().for_each(|(id, seen)| println!("  the health of {id} is {:.2}", seen.health));
    Ok(())
}
