//! The events of a request, printed as they come: who is asked, who fails, the answer word by word, the end.
//!
//! A live answer can break off after its first words. Then `Event::Discarded` says that the words so far are void, and
//! another candidate's answer begins afresh: whoever shows words must be able to take them back.
//!
//! Run it with `cargo run -p example-streaming-events`; it needs no key and no network.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::Write as _;

use serde_json::json;
use ultraai::{Delta, Event, FallbackOrchestrator, Result, provider};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let orchestrator = FallbackOrchestrator::builder().gap_timeout_seconds(5.0).build()?;
    // The first one breaks off in the middle of its answer.
    let cut_off =
        provider("mock").setting("failures", json!(["interrupted"])).setting("tokens_per_second", 40);
    orchestrator.register_provider("cut-off", cut_off.max_retries(0))?;
    orchestrator.register_provider("steady", provider("mock").setting("tokens_per_second", 40))?;

    // The request makes progress only while the stream is polled; dropping the stream ends everything.
    let mut events = orchestrator.process_stream("Tell me a story.")?;
    let mut shown = String::new();
    while let Some(event) = events.next().await {
        match event? {
            Event::Started { strategy, candidates } => {
                println!("{strategy} may ask {} candidates", candidates.len());
            }
            Event::Asked { provider_id, .. } => println!("asked {provider_id}"),
            Event::Delta { delta: Delta::Text(words) } => {
                print!("{words}");
                // What cannot be shown at once is shown with the next line.
                let _ = std::io::stdout().flush();
                shown.push_str(&words);
            }
            Event::Discarded { reason, .. } => {
                println!("\n[{} characters are void: {reason}]", shown.chars().count());
                shown.clear();
            }
            Event::Failed { provider_id, error } => println!("{provider_id} failed: {}", error.message),
            Event::Answered { provider_id, good, .. } => println!("\n{provider_id} answered, good: {good}"),
            Event::Finished { outcome } => {
                println!("what was shown is the answer: {}", shown == outcome.synthesis.response);
                println!("attempts: {}", outcome.ledger.totals.attempts);
            }
            // There are more kinds, and there will be others.
            _ => {}
        }
    }
    Ok(())
}
