//! Strategies in virtual time: criterion's figures are the seconds a caller would have waited, on the average, in the
//! worlds of the README's tables. CPU time is what the bench `in_process` measures.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use ultraai_benches::{contestants::CONTESTANTS, figures::figures, worlds::WORLDS};

fn strategies(criterion: &mut Criterion) {
    for world in &WORLDS {
        let mut group = criterion.benchmark_group(format!("virtual_time/{}", world.name.replace(' ', "_")));
        group.sampling_mode(SamplingMode::Flat);
        for contestant in &CONTESTANTS {
            let name = contestant.name.replace('`', "");
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter_custom(|calls| {
                    let figures = figures(world, contestant, calls).expect("every strategy is linked");
                    figures.waits.iter().sum()
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    // These times are virtual too: hundreds of requests for each of few samples, since all draw the same.
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_mins(1)).measurement_time(Duration::from_hours(3));
    targets = strategies
}
criterion_main!(benches);
