//! What one request may set for itself, and what it leaves behind when its caller goes away.
//!
//! Options stand at three depths, and the later one wins: a settings file (here `Options` that a program read), the
//! orchestrator's builder, the request. What none of them sets has its documented default.
//!
//! Run it with `cargo run -p example-request-options`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{io::Write as _, sync::Arc, time::Duration};

use ultraai::{
    Candidate, ChatRequest, Delta, Event, Ledger, Options, ProviderId, RequestOptions, Result, Selector,
    SimpleOrchestrator, provider,
};

/// Begins with anybody, as the request's seed has it, so that the load is spread.
#[derive(Debug)]
struct Anybody;

impl Selector for Anybody {
    fn name(&self) -> &'static str {
        "anybody"
    }

    fn order(&self, _: &ChatRequest, candidates: &mut [Arc<Candidate>], seed: u64) {
        let first = usize::try_from(seed % candidates.len() as u64).unwrap_or(0);
        candidates.rotate_left(first);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // 1. Depths. A file says that two answers are needed and waits ten seconds; the program waits five …
    let mut from_a_file = Options::default();
    from_a_file.min_responses_needed = Some(2);
    from_a_file.timeout_seconds = Some(10.0);
    let builder = SimpleOrchestrator::builder().options(&from_a_file).timeout_seconds(5.0).synthesize(false);
    let orchestrator = builder.selector(Anybody).build()?;
    orchestrator.register_provider("quick", provider("mock").setting("tokens_per_second", 100))?;
    orchestrator.register_provider("slow", provider("mock").setting("latency_seconds", 0.8))?;
    let outcome = orchestrator.process("How are options put together?").await?;
    println!("both needed: {} answers after {:.1} s", outcome.responses.len(), outcome.duration_seconds);
    assert_eq!(outcome.responses.len(), 2);

    // … and this request, which is in a hurry, needs one, and has half a second.
    let mut hurry = Options::default();
    hurry.min_responses_needed = Some(1);
    hurry.use_early_stopping = Some(true);
    hurry.timeout_seconds = Some(0.6);
    let outcome = orchestrator.process_with("Quickly, please!", hurry.clone()).await?;
    println!("one needed:  {} after {:.1} s", outcome.synthesis.provider_id, outcome.duration_seconds);
    assert_eq!(outcome.synthesis.provider_id, "quick");

    // 2. Only some of the providers. A time that cannot be kept is an error that names the bound.
    let only_slow = RequestOptions::from(hurry).with_providers(vec![ProviderId::new("slow")?]);
    let late = orchestrator.process_with("Only you!", only_slow).await.expect_err("it is too slow");
    println!("\nonly `slow`: {late}");
    late.causes().iter().for_each(|cause| println!("  {cause}"));

    // 3. Equal seeds make equal choices, so that a request can be repeated as it was.
    let mut one = Options::default();
    one.min_responses_needed = Some(1);
    one.max_providers_per_request = Some(1);
    let mut asked = Vec::new();
    for seed in [6, 6, 7] {
        let seeded = RequestOptions::from(one.clone()).with_seed(seed);
        let outcome = orchestrator.process_with("Who is it?", seeded).await?;
        asked.push(outcome.synthesis.provider_id.to_string());
    }
    println!("\nseeds 6, 6 and 7 ask {}", asked.join(", "));
    assert!(asked[0] == asked[1] && asked[1] != asked[2]);

    // 4. The answer while it is made: where one candidate answers, its words are handed on as they come.
    let only_quick = RequestOptions::from(one).with_providers(vec![ProviderId::new("quick")?]);
    let mut events = orchestrator.process_stream_with("Word by word, please.", only_quick.clone())?;
    print!("\nlive: ");
    while let Some(event) = events.next().await {
        if let Event::Delta { delta: Delta::Text(words) } = event? {
            print!("{words}");
            let _ = std::io::stdout().flush();
        }
    }

    // 5. A caller that goes away gets no outcome. A ledger of its own still has every attempt, and how it ended.
    let ledger = Ledger::new();
    let call = orchestrator.process_with("I shall not wait.", only_quick.with_ledger(ledger.clone()));
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err(), "it answers too early");
    for row in ledger.report().rows {
        println!("\n\ndropped: {} is {:?}: {:?}", row.provider_id, row.outcome, row.reason);
    }
    Ok(())
}
