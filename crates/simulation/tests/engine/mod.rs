//! The real engine over the providers of a world.

use std::{fs, sync::Arc};

use ultraai_core::{Orchestrator, OrchestratorBuilder, ProviderId, ProviderSpec, Registry, Result, Strategy};
use ultraai_layers as _;
use ultraai_simulation::{Report, Simulated, World, virtual_time};
use ultraai_strategy_fallback::Fallback;

pub(crate) type Builder = OrchestratorBuilder<Arc<dyn Strategy>>;

/// Reads a world from its text.
pub(crate) fn world(text: &str) -> Result<World> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.toml");
    fs::write(&path, text).unwrap();
    World::read(&path)
}

/// Runs `world` with the strategy `fallback` and all layers over these providers, in that order; the first is the only one
/// with a price.
pub(crate) fn run_with(
    world: &World,
    ids: &[&str],
    prepare: impl FnOnce(Builder) -> Builder,
) -> (Report, Vec<Simulated>) {
    virtual_time().block_on(async {
        let begun = world.begin();
        let builder = OrchestratorBuilder::new(Arc::new(Fallback::default()) as Arc<dyn Strategy>)
            .registry(Registry::linked().unwrap())
            .timeout_seconds(30.0)
            .seed(begun.seed())
            .clock(begun.clock());
        let orchestrator: Orchestrator<_> = prepare(builder).build().unwrap();
        let mut providers = Vec::new();
        for id in ids {
            let provider = begun.provider(&ProviderId::new(id).unwrap(), id);
            let spec = ProviderSpec::from(provider.clone());
            let spec = if providers.is_empty() { spec.price(1.0, 2.0) } else { spec };
            orchestrator.register_provider(id, spec).unwrap();
            providers.push(provider);
        }
        (begun.run(&orchestrator, |_| ()).await.unwrap(), providers)
    })
}
