//! An application that uses a provider from outside UltraAI: the crate is named once, and the provider is then known
//! by its registered name, like any other.
//!
//! Without the line `use acme_ultraai as _;` the linker would drop the crate, and `provider("acme")` would be an error
//! that says so.
//!
//! Run it with `cargo run --manifest-path examples/third-party-app/Cargo.toml`; it needs no key and no network, since
//! a loopback server stands in for Acme.

use acme_ultraai as _;
use serde_json::json;
use ultraai::{FallbackOrchestrator, Registry, Result, Secret, provider};
use ultraai_testkit::{Reply, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    for row in Registry::linked()?.providers() {
        println!("linked: {} ({}) from {} {}", row.name, row.summary, row.package, row.version);
    }
    let answer = json!({ "model": "anvil-1", "text": "Paint a tunnel on the rock.", "in": 9, "out": 7 });
    let server = Server::always(Reply::json(200, &answer));

    let orchestrator = FallbackOrchestrator::builder().max_retries(0).build()?;
    // A real application leaves the key to the variable ACME_API_KEY.
    let acme = provider("acme").model("anvil-1").base_url(server.url()).api_key(Secret::new("made-up")?);
    orchestrator.register_provider("acme", acme)?;

    let outcome = orchestrator.process("How does one catch a roadrunner?").await?;
    println!("{} says: {}", outcome.synthesis.provider_id, outcome.synthesis.response);
    println!("tokens reported: {:?}", outcome.ledger.totals.reported);
    println!("the server got: {}", server.requests()[0].json());
    Ok(())
}
