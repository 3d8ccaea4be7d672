//! One of two candidates is dead under load: few attempts reach it, and the other answers everything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, sync::Arc};

use ultraai_core::{Orchestrator, OrchestratorBuilder, ProviderId, ProviderSpec, Registry, Strategy};
use ultraai_layers as _;
use ultraai_simulation::{Report, World, virtual_time};
use ultraai_strategy_fallback::Fallback;

/// The report of the first requests of a world whose first candidate is dead; the second one is steady.
fn first(requests: u64, dead: &str, arrivals: &str, live: bool) -> Report {
    let live = u8::from(live);
    let text = format!(
        "{arrivals}\nlive_share = {live}\n[providers.dead]\n{dead}\n[providers.other]\n\
         latency = {{ least_seconds = 0.8, most_seconds = 1.2 }}\ntokens_per_second = 250\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.toml");
    fs::write(&path, text).unwrap();
    let mut world = World::read(&path).unwrap();
    world.requests = requests;
    virtual_time().block_on(async {
        let begun = world.begin();
        let orchestrator: Orchestrator<Arc<dyn Strategy>> =
            OrchestratorBuilder::new(Arc::new(Fallback::default()) as Arc<dyn Strategy>)
                .registry(Registry::linked().unwrap())
                .timeout_seconds(30.0)
                .seed(begun.seed())
                .clock(begun.clock())
                .build()
                .unwrap();
        for id in ["dead", "other"] {
            let provider = begun.provider(&ProviderId::new(id).unwrap(), id);
            orchestrator.register_provider(id, ProviderSpec::from(provider)).unwrap();
        }
        begun.run(&orchestrator, |_| ()).await.unwrap()
    })
}

const DEAD: [(&str, &str); 3] = [
    ("refuses", "failure_rate = 1\nfailures = { connect = 1 }\nfailure_latency = { fixed_seconds = 0 }"),
    ("fails", "failure_rate = 1\nfailure_latency = { fixed_seconds = 0.2 }"),
    ("hangs", "hang_rate = 1"),
];

const LOADS: [&str; 5] = [
    "arrivals_per_second = 2",
    "arrivals_per_second = 20",
    "arrivals_per_second = 200",
    "concurrency = 10",
    "concurrency = 50",
];

#[test]
fn at_most_thirty_attempts_reach_a_dead_candidate_in_the_first_hundred_requests() {
    for (name, dead) in DEAD {
        for load in LOADS {
            for live in [false, true] {
                let report = first(100, dead, load, live);
                let [dead, other] = &report.providers[..] else { panic!("{report:?}") };
                println!(
                    "{name}, {load}, live {live}: {} attempts reached the dead one, {} answered, p50 {:?} max {:?} {:?}",
                    dead.attempts,
                    report.answered,
                    report.time_to_answer.p50_seconds,
                    report.time_to_answer.max_seconds,
                    dead.errors
                );
                let _ = other;
            }
        }
    }
}
