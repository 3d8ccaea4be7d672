//! What several answers say about each other: walking over them, comparing them, checking their claims, and an analyzer of
//! one's own.
//!
//! Here the answers are compared by their words alone. With the option `analyst` a model compares them; what it finds has
//! the same form.
//!
//! Run it with `cargo run -p example-analyzing-responses`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod length;

use serde_json::{from_value, json};
use ultraai::{
    Analysis, Error, ErrorKind, Options, Outcome, ProviderId, Result, SimpleOrchestrator,
    analysis::{Comparison, Findings},
    provider,
};

fn names(ids: &[ProviderId]) -> String {
    ids.iter().map(ProviderId::as_str).collect::<Vec<_>>().join(", ")
}

/// Asks everybody, and returns the answer with what the analyzer found.
async fn ask(orchestrator: &SimpleOrchestrator, analysis_type: &str) -> Result<(Outcome, Analysis)> {
    let mut options = Options::default();
    options.analysis_type = Some(analysis_type.to_owned());
    let mut outcome = orchestrator.process_with("How tall is the tower?", options).await?;
    let analysis = outcome.analysis.take();
    let analysis = analysis.ok_or_else(|| Error::new(ErrorKind::NoGoodAnswer, "nothing was analyzed"))?;
    Ok((outcome, analysis))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = SimpleOrchestrator::builder().synthesize(false).max_retries(0).build()?;
    for (id, answer) in [
        ("one", "It was opened in 1889. Answer: 330 metres."),
        ("two", "It was opened in 1889. Answer: 312 metres."),
        ("three", "Gustave Eiffel's company built it. Answer: 330 metres."),
    ] {
        orchestrator.register_provider(id, provider("mock").setting("answer", answer))?;
    }
    let down = provider("mock").setting("failures", json!(["overloaded"])).setting("repeat_failures", true);
    orchestrator.register_provider("down", down)?;

    let (outcome, compared) = ask(&orchestrator, "comparative").await?;
    println!("who said what, and what became of it:");
    for said in &outcome.responses {
        let text = said.response.as_ref().map(|response| response.text());
        let text = text.or_else(|| said.error.as_ref().map(|error| error.message.clone()));
        println!(
            "  {} {:?}, used: {}: {}",
            said.provider_id,
            said.status,
            said.used,
            text.unwrap_or_default()
        );
    }
    // An application can make of the answers what it likes: here, the longest one instead of the chosen one.
    let good = outcome.responses.iter().filter_map(|said| said.response.as_ref());
    let longest = good.max_by_key(|response| response.text().len()).expect("somebody answered");
    println!("  chosen:  {}\n  longest: {}", outcome.synthesis.response, longest.text());
    assert_eq!(outcome.synthesis.provider_id, "one");

    println!("\ncomparative, agreement {:.2?}:", compared.agreement);
    let comparison: Comparison = from_value(compared.details).expect("its form is documented");
    for agreement in &comparison.agreements {
        println!("  {} agree: {}", names(&agreement.said_by), agreement.point);
    }
    for difference in &comparison.differences {
        println!("  they differ: {}", difference.point);
        let sides = difference.positions.iter();
        sides.for_each(|side| println!("    {}: {}", names(&side.said_by), side.says));
    }
    // One pair of three says the same.
    assert_eq!(compared.agreement, Some(1.0 / 3.0));

    let (_, checked) = ask(&orchestrator, "factual").await?;
    println!("\nfactual, in the words that a synthesis is given:\n{}", checked.summary);
    println!("and as data:");
    let findings: Findings = from_value(checked.details).expect("its form is documented");
    for claim in &findings.claims {
        println!("  {:?}: {} (by {})", claim.verdict, claim.claim, names(&claim.supported_by));
    }

    let (_, measured) = ask(&orchestrator, "length").await?;
    println!("\nlength: {} {}", measured.summary, measured.details);
    assert_eq!(measured.details, json!([["one", 8], ["two", 8], ["three", 8]]));
    Ok(())
}
