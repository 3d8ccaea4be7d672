//! `fallback` over one candidate that answers at once, through the layers that are chosen.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use ultraai::{Options, Orchestrator, OrchestratorBuilder, Plugin, ProviderSpec, Registry, Result, Strategy};

use crate::Instantly;

/// What makes each layer do its work for every request and refuse none.
pub fn settings(layer: &str) -> Map<String, Value> {
    let settings = match layer {
        "limit" => {
            json!({ "requests_per_minute": 1_000_000_000, "tokens_per_minute": 1_000_000_000_000_u64, "max_concurrency": 1000 })
        }
        _ => json!({}),
    };
    settings.as_object().cloned().unwrap_or_default()
}

/// The names of the layers that are linked, from the outside in.
///
/// # Errors
/// `Config` when two packages register the same name.
pub fn names() -> Result<Vec<&'static str>> {
    let linked = Registry::linked()?;
    let mut rows: Vec<_> = linked.layers().collect();
    rows.sort_by_key(|row| row.slot);
    Ok(rows.iter().map(|row| row.name).collect())
}

/// `fallback` through these layers and no others.
///
/// # Errors
/// `Config` when one of them is not linked.
pub fn orchestrator(layers: &[&str]) -> Result<Orchestrator<Arc<dyn Strategy>>> {
    let linked = Registry::linked()?;
    let strategies = linked.strategies().map(|row| Plugin::Strategy(*row));
    let rows = layers.iter().map(|name| linked.layer(name).map(|row| Plugin::Layer(*row)));
    let registry = rows
        .chain(strategies.map(Ok))
        .try_fold(Registry::builder(), |builder, plugin| builder.plugin(plugin?))?
        .build();
    // A budget that no request here comes near to.
    let dollars = layers.contains(&"budget").then_some(1000.0);
    let options = Options::default().edited(|options| {
        options.budget_dollars = dollars;
        options.daily_budget_dollars = dollars.map(|dollars| dollars * 100.0);
    });
    let builder = OrchestratorBuilder::new(registry.strategy("fallback", Value::Null)?).options(&options);
    let builder = layers.iter().fold(builder, |builder, name| builder.layer_settings(*name, settings(name)));
    let orchestrator = builder.registry(registry).build()?;
    orchestrator.register_provider("one", ProviderSpec::from(Instantly).price(1.0, 4.0))?;
    Ok(orchestrator)
}
