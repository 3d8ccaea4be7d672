//! How many requests a second of wall time can be simulated: the whole engine around providers that cost nothing.

use std::{sync::Arc, time::Duration};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use ultraai::{Lookup, OrchestratorBuilder, ProviderId, ProviderSpec, Registry};
use ultraai_simulation::{Arrivals, World, virtual_time};

/// Requests of one run.
const REQUESTS: u64 = 20_000;

/// The strategies that are simulated; the first one is what the command's example has.
const STRATEGIES: [&str; 3] = ["fallback", "simple", "parallel"];

/// The candidates of the world.
const CANDIDATES: [&str; 2] = ["fast", "careful"];

fn simulation(criterion: &mut Criterion) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/simulate/world.toml");
    let mut world = World::read(folder.as_ref()).expect("the example is right");
    world.requests = REQUESTS;
    world.arrivals = Arrivals::PerSecond(20.0);
    let mut group = criterion.benchmark_group("simulated_requests");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(REQUESTS));
    for strategy in STRATEGIES {
        group.bench_function(strategy, |bencher| bencher.iter(|| answered(&world, strategy)));
    }
    group.finish();
}

fn answered(world: &World, strategy: &str) -> u64 {
    virtual_time().block_on(async {
        let begun = world.begin();
        // As in the command: a tokenizer gets ready in a time that is not virtual.
        let registry = Registry::linked().expect("no two plugins share a name").without_tokenizers();
        let strategy = registry.strategy(strategy, serde_json::Value::Null).expect("it is linked");
        let orchestrator = OrchestratorBuilder::new(strategy)
            .registry(Arc::clone(&registry))
            .timeout_seconds(30.0)
            .seed(begun.seed())
            .clock(begun.clock())
            .lookup(Lookup::empty())
            .build()
            .expect("nothing is asked for that is not linked");
        for id in CANDIDATES {
            let provider = begun.provider(&ProviderId::new(id).expect("it is a name"), id);
            let spec = ProviderSpec::from(provider).price(1.0, 4.0);
            orchestrator.register_provider(id, spec).expect("it needs nothing");
        }
        begun.run(&orchestrator, |_| ()).await.expect("no request panics").answered
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    targets = simulation
}
criterion_main!(benches);
