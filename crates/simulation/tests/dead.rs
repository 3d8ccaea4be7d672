//! One of two candidates is dead under load: few attempts reach it, and the other answers everything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;

use std::path::PathBuf;

use ultraai_core::ErrorKind;
use ultraai_simulation::Report;

use self::engine::{run_with, world};

/// The ways to be dead.
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

/// The report of a world whose first candidate behaves so, and whose second one is steady.
fn report(requests: u64, first: &str, load: &str, live: bool) -> Report {
    let text = format!(
        "requests = {requests}\n{load}\nlive_share = {}\n[providers.first]\n{first}\n[providers.other]\n\
         latency = {{ least_seconds = 0.8, most_seconds = 1.2 }}\ntokens_per_second = 250\n",
        u8::from(live)
    );
    run_with(&world(&text).unwrap(), &["first", "other"], |builder| builder).0
}

#[test]
fn at_most_thirty_attempts_reach_a_dead_candidate_and_the_other_answers_every_request() {
    for (how, dead) in DEAD {
        for load in LOADS {
            for live in [false, true] {
                let report = report(100, dead, load, live);
                let [dead, other] = &report.providers[..] else { panic!("{report:?}") };
                println!(
                    "{how}, {load}, live {live}: {} attempts reached it, p50 {:?}, max {:?}",
                    dead.attempts, report.time_to_answer.p50_seconds, report.time_to_answer.max_seconds
                );
                assert_eq!(
                    (report.answered, other.answered, dead.answered),
                    (100, 100, 0),
                    "{how}, {load}, {live}"
                );
                // A hundred that arrive in half a second are all under way before anybody could have answered, and which of
                // two that say nothing is dead is not known yet.
                let nobody_can_know = how == "hangs" && load.ends_with("200");
                assert!(
                    dead.attempts <= 30 || nobody_can_know,
                    "{how}, {load}, live {live}: {}",
                    dead.attempts
                );
            }
        }
    }
}

#[test]
fn probes_alone_reach_a_dead_candidate_after_its_breaker_opened() {
    for (how, dead) in DEAD {
        let attempts =
            |requests| report(requests, dead, "arrivals_per_second = 20", false).providers[0].attempts;
        let (few, many) = (attempts(1_000), attempts(10_000));
        println!("{how}: {few} attempts of 1,000 requests in 50 s reached it, {many} of 10,000 in 500 s");
        // After 5, 10, 20 and 40 seconds, and then once a minute.
        assert!(few <= 36 && many <= few + 12, "{how}: {few} and {many}");
    }
}

#[test]
fn a_recorded_burst_of_refusals_reaches_nobody_who_asked() {
    let near = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("ULTRAAI_DATA_DIR").map_or_else(near, PathBuf::from);
    let file = folder.join("traces/llmperf_leaderboard_2023-12.csv.gz");
    if !file.is_file() {
        println!("skipped: no recorded data; name its folder in ULTRAAI_DATA_DIR");
        return;
    }
    for model in ["llama-2-7b-chat", "llama-2-13b-chat", "llama-2-70b-chat"] {
        for load in LOADS {
            let file = file.display().to_string();
            let recorded =
                format!("trace = {{ file = {file:?}, provider = \"lepton\", model = \"{model}\" }}");
            let report = report(150, &recorded, load, false);
            let [first, other] = &report.providers[..] else { panic!("{report:?}") };
            let refused = first.errors.get(&ErrorKind::RateLimited).copied().unwrap_or_default();
            println!("{model}, {load}: {} attempts reached it, {refused} were refused", first.attempts);
            assert_eq!((report.answered, first.answered + other.answered), (150, 150), "{model}, {load}");
            assert!(refused <= 30, "{model}, {load}: {refused}");
        }
    }
}
