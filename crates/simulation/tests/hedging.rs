//! What hedging is worth where tails are long, and that it stays still where they are not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;

use ultraai_simulation::Report;

use self::engine::{run_with, world};

/// The same world with and without hedging.
fn both(latency: &str) -> [Report; 2] {
    let text = format!("requests = 10_000\narrivals_per_second = 20\n[default]\n{latency}\n");
    [false, true].map(|enabled| {
        let settings = serde_json::json!({ "enabled": enabled }).as_object().unwrap().clone();
        run_with(&world(&text).unwrap(), &["one"], |builder| builder.layer_settings("hedge", settings)).0
    })
}

/// By what share the 99th percentile falls, and how many more attempts that takes, as a share too.
#[expect(clippy::print_stdout, reason = "a test tells its figures")]
fn worth(latency: &str) -> (f64, f64) {
    let [without, with] = both(latency);
    assert!(with.answered_share >= without.answered_share && without.answered_share > 0.999);
    let p99 = |report: &Report| report.time_to_answer.p99_seconds.unwrap();
    let falls = 1.0 - p99(&with) / p99(&without);
    let more = with.attempts_per_request / without.attempts_per_request - 1.0;
    println!(
        "{latency}: p99 {:.2} s → {:.2} s, {:.2} % more attempts",
        p99(&without),
        p99(&with),
        more * 100.0
    );
    (falls, more)
}

#[test]
fn where_three_in_a_hundred_are_ten_times_slower_the_99th_percentile_falls_by_three_fifths() {
    let (falls, more) =
        worth("latency = { least_seconds = 0.8, most_seconds = 1.2 }\nslow_share = 0.03\nslower = 10");
    assert!(falls >= 0.6 && more <= 0.05, "{falls} for {more}");
}

#[test]
fn on_a_log_normal_tail_the_99th_percentile_falls_by_three_tenths() {
    let (falls, more) = worth("latency = { p50_seconds = 1, p99_seconds = 10 }");
    assert!(falls >= 0.3 && more <= 0.05, "{falls} for {more}");
}

#[test]
fn on_a_narrow_tail_nothing_is_hedged() {
    let (_, more) = worth("latency = { least_seconds = 0.9, most_seconds = 1.1 }");
    assert!(more < 0.01, "{more}");
}
