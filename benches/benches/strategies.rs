//! Strategies in virtual time: criterion's figures are the seconds a caller would have waited, over seeded
//! latencies and failures. CPU time is what the bench `in_process` measures.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};
use ultraai::{FallbackOrchestrator, Orchestrator, OrchestratorBuilder, SimpleOrchestrator, Strategy};
use ultraai_testkit::{Latency, Simulated, Simulation};

const SEED: u64 = 7;

/// Three candidates, by the world they live in.
fn worlds() -> [(&'static str, [Simulation; 3]); 3] {
    let steady = |millis| Simulation::steady(Duration::from_millis(millis));
    let tail = |p50, p99| Simulation::heavy_tailed(Duration::from_millis(p50), Duration::from_millis(p99));
    let failing = |millis| Simulation {
        latency: Latency::Fixed(Duration::from_millis(millis)),
        failure_rate: 0.3,
        ..Simulation::default()
    };
    [
        ("steady", [steady(300), steady(500), steady(800)]),
        ("heavy_tail", [tail(300, 3000), tail(500, 5000), tail(800, 4000)]),
        ("failing_30_percent", [failing(300), failing(500), failing(800)]),
    ]
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing of the system")
}

fn in_world<S: Strategy>(
    builder: OrchestratorBuilder<S>,
    world: &[Simulation; 3],
) -> Result<Orchestrator<S>, ultraai::Error> {
    let orchestrator = builder.seed(SEED).build()?;
    for (number, simulation) in (0..).zip(world) {
        let name = format!("candidate-{number}");
        orchestrator.register_provider(&name, Simulated::new(&name, SEED + number, simulation.clone()))?;
    }
    Ok(orchestrator)
}

fn bench<S: Strategy>(criterion: &mut Criterion, name: &str, builder: impl Fn() -> OrchestratorBuilder<S>) {
    let mut group = criterion.benchmark_group(format!("virtual_time/{name}"));
    for (id, world) in worlds() {
        group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
            bencher.iter_custom(|calls| {
                runtime().block_on(async {
                    let orchestrator = in_world(builder(), &world).expect("the world is sound");
                    let before = Instant::now();
                    for _ in 0..calls {
                        // A request that fails has taken its time too.
                        let _ = black_box(orchestrator.process("hello").await);
                    }
                    before.elapsed()
                })
            });
        });
    }
    group.finish();
}

fn strategies(criterion: &mut Criterion) {
    bench(criterion, "fallback", FallbackOrchestrator::builder);
    bench(criterion, "simple", SimpleOrchestrator::builder);
    bench(criterion, "simple_one_by_one", || SimpleOrchestrator::builder().parallel_requests(false));
    bench(criterion, "simple_early_stopping", || SimpleOrchestrator::builder().use_early_stopping(true));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = strategies
}
criterion_main!(benches);
