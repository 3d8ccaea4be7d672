//! The strategies that are compared, each with the options that make it what it is.

use std::{sync::Arc, time::SystemTime};

use serde_json::{Value, json};
use ultraai::{
    Clock, Lookup, Options, Orchestrator, OrchestratorBuilder, Plugin, ProviderSpec, Registry, Result,
    Strategy,
};

use crate::worlds::{SEED, TIMEOUT_SECONDS, World};

/// What every contestant may use. Other builds of this package link more, which must not change a figure.
const PLUGINS: [&str; 12] = [
    "adaptive", "fallback", "parallel", "race", "simple", "dynamic", "priority", "breaker", "budget",
    "hedge", "limit", "retry",
];

/// A strategy with its options.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// What it is called in tables.
    pub name: &'static str,
    strategy: &'static str,
    settings: fn() -> Value,
    options: fn(&mut Options),
}

/// Every contestant.
pub const CONTESTANTS: [Contestant; 8] = [
    Contestant { name: "`fallback`", strategy: "fallback", settings: none, options: |_| {} },
    Contestant { name: "`race`", strategy: "race", settings: none, options: |_| {} },
    Contestant { name: "`simple`", strategy: "simple", settings: none, options: |_| {} },
    Contestant { name: "`simple`, early stopping", strategy: "simple", settings: none, options: stop_early },
    Contestant { name: "`parallel`, waiting for all", strategy: "parallel", settings: none, options: |_| {} },
    Contestant {
        name: "`parallel`, early stopping",
        strategy: "parallel",
        settings: none,
        options: stop_early,
    },
    Contestant {
        name: "`parallel`, early stopping, two at once",
        strategy: "parallel",
        settings: || json!({ "concurrent_requests": 2 }),
        options: stop_early,
    },
    Contestant { name: "`adaptive`", strategy: "adaptive", settings: none, options: |_| {} },
];

fn none() -> Value {
    json!({})
}

fn stop_early(options: &mut Options) {
    options.use_early_stopping = Some(true);
}

impl Contestant {
    /// An orchestrator with this strategy over the candidates of `world`, whose time begins now.
    ///
    /// # Errors
    /// `Config` when a plugin is not linked.
    pub fn orchestrator(&self, world: &World) -> Result<Orchestrator<Arc<dyn Strategy>>> {
        let registry = registry()?;
        let mut options = Options::default();
        (self.options)(&mut options);
        let orchestrator = OrchestratorBuilder::new(registry.strategy(self.strategy, (self.settings)())?)
            .registry(registry)
            .timeout_seconds(TIMEOUT_SECONDS)
            .options(&options)
            .seed(SEED)
            .clock(Clock::new(|| SystemTime::UNIX_EPOCH))
            .lookup(Lookup::empty())
            .build()?;
        for candidate in world.candidates() {
            let (name, (input, output)) = (ultraai::Provider::name(&candidate).to_owned(), candidate.price);
            orchestrator.register_provider(name, ProviderSpec::from(candidate).price(input, output))?;
        }
        Ok(orchestrator)
    }
}

/// The plugins above and no others.
fn registry() -> Result<Arc<Registry>> {
    let linked = Registry::linked()?;
    let strategies = linked.strategies().map(|row| (row.name, Plugin::Strategy(*row)));
    let selectors = linked.selectors().map(|row| (row.name, Plugin::Selector(*row)));
    let layers = linked.layers().map(|row| (row.name, Plugin::Layer(*row)));
    strategies
        .chain(selectors)
        .chain(layers)
        .filter(|(name, _)| PLUGINS.contains(name))
        .try_fold(Registry::builder(), |builder, (_, plugin)| builder.plugin(plugin))
        .map(ultraai::registry::RegistryBuilder::build)
}
