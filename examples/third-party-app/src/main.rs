//! An application that uses a provider and a strategy from outside UltraAI: each crate is named once, and what it brings
//! is then known by its registered name, like anything else.
//!
//! Without the lines `use … as _;` the linker would drop the crates, and their names would be errors that say so.
//!
//! Run it with `cargo run --manifest-path examples/third-party-app/Cargo.toml`; it needs no key and no network, since
//! loopback servers stand in for Acme.

use acme_ultraai as _;
use second_opinion_ultraai as _;
use serde_json::json;
use ultraai::{OrchestratorBuilder, Registry, Result, Secret, provider};
use ultraai_testkit::{Reply, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let registry = Registry::linked()?;
    for row in registry.providers() {
        println!("linked: {} ({}) from {} {}", row.name, row.summary, row.package, row.version);
    }
    for row in registry.strategies() {
        println!("linked: {} ({}) from {} {}", row.name, row.summary, row.package, row.version);
    }

    let strategy = registry.strategy("second-opinion", json!({ "agreeing": 2 }))?;
    let orchestrator = OrchestratorBuilder::new(strategy).max_retries(0).build()?;
    let mut servers = Vec::new();
    for (model, text) in [("anvil-1", "A rope."), ("anvil-2", "Birdseed."), ("anvil-3", "Birdseed.")] {
        let server =
            Server::always(Reply::json(200, &json!({ "model": model, "text": text, "in": 9, "out": 7 })));
        // A real application leaves the key to the variable ACME_API_KEY.
        let acme = provider("acme").model(model).base_url(server.url()).api_key(Secret::new("made-up")?);
        orchestrator.register_provider(model, acme)?;
        servers.push(server);
    }

    let outcome = orchestrator.process("What does a roadrunner like?").await?;
    println!("{} says: {}", outcome.synthesis.provider_id, outcome.synthesis.response);
    assert_eq!((outcome.synthesis.response.as_str(), outcome.responses.len()), ("Birdseed.", 3));
    outcome.trace.iter().for_each(|sentence| println!("  {sentence}"));
    println!("tokens reported: {:?}", outcome.ledger.totals.reported);
    println!("a server got: {}", servers[0].requests()[0].json());
    Ok(())
}
