//! Strategies in virtual time: criterion's figures are the seconds a caller would have waited, on the average, in the
//! worlds of the README's tables. CPU time is what the bench `in_process` measures.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use ultraai_benches::{contestants::CONTESTANTS, figures::figures, table::REQUESTS, worlds::WORLDS};

fn strategies(criterion: &mut Criterion) {
    for world in &WORLDS {
        let mut group = criterion.benchmark_group(format!("virtual_time/{}", world.name.replace(' ', "_")));
        group.sampling_mode(SamplingMode::Flat);
        for contestant in &CONTESTANTS {
            let name = contestant.name.replace('`', "");
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter_custom(|calls| {
                    // Criterion asks for as many calls as the processor can make, and more requests than those of the
                    // table would say no more.
                    let figures =
                        figures(world, contestant, calls.min(REQUESTS)).expect("every strategy is linked");
                    let waited: Duration = figures.waits.iter().sum();
                    #[expect(clippy::cast_precision_loss, reason = "there are not so many calls")]
                    waited.mul_f64(calls as f64 / figures.waits.len() as f64)
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    targets = strategies
}
criterion_main!(benches);
