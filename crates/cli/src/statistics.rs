//! What this process counted for each candidate.

use std::fmt::Write as _;

use ultraai::{
    Cost,
    stats::{OrchestratorStats, StatsSnapshot},
};

use crate::terminal::{STRONG, Table};

/// The counters as a table, and those of whole requests in a line.
pub(crate) fn text(stats: &OrchestratorStats) -> String {
    let mut table = Table::new([
        "PROVIDER",
        "ATTEMPTS",
        "ANSWERED",
        "FAILED",
        "RETRIES",
        "GIVEN UP",
        "P50",
        "P95",
        "HEALTH",
        "TOKENS IN",
        "OUT",
        "COST",
    ]);
    for (id, counted) in &stats.providers {
        table.row([
            id.to_string(),
            counted.requests.to_string(),
            counted.successes.to_string(),
            failures(counted),
            counted.retries.to_string(),
            counted.abandoned.to_string(),
            seconds(counted.operation_duration.p50_seconds),
            seconds(counted.operation_duration.p95_seconds),
            format!("{:.0} %", counted.health * 100.0),
            counted.input_tokens.to_string(),
            counted.output_tokens.to_string(),
            cost(counted),
        ]);
    }
    let requests = &stats.requests;
    let mut out = format!("{STRONG}Statistics of this process{STRONG:#}\n{}", table.text());
    let _ = writeln!(
        out,
        "  requests: {} answered, {} failed, {} given up; p50 {}, p95 {}",
        requests.answered,
        requests.failed,
        requests.abandoned,
        seconds(requests.duration.p50_seconds),
        seconds(requests.duration.p95_seconds)
    );
    if requests.queued > 0 {
        let _ =
            writeln!(out, "  {} of {} under way wait for their turn", requests.queued, requests.in_flight);
    }
    out
}

/// How many, and of which kinds.
fn failures(counted: &StatsSnapshot) -> String {
    let kinds: Vec<_> = counted.failures.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    if kinds.is_empty() { "0".to_owned() } else { kinds.join(", ").replace('_', " ") }
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2} s"))
}

/// What is known, and whether that is all: what nobody knows is not zero.
fn cost(counted: &StatsSnapshot) -> String {
    match (counted.attempts_of_unknown_cost, counted.known_cost_nano_dollars) {
        (0, known) => Cost::NanoDollars(known).to_string(),
        (_, 0) => Cost::Unknown.to_string(),
        (unknown, known) => format!("{} and that of {unknown} unknown", Cost::NanoDollars(known)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_are_told_by_kind_and_an_unknown_cost_is_not_zero() {
        let none = json!({ "p50_seconds": null, "p95_seconds": null, "p99_seconds": null });
        let some = json!({ "p50_seconds": 1.234, "p95_seconds": 2.0, "p99_seconds": 2.0 });
        let counted = json!({
            "requests": 5, "successes": 2, "failures": { "rate_limited": 2, "timeout": 1 }, "retries": 3,
            "abandoned": 0, "in_flight": 0, "input_tokens": 10, "output_tokens": 4,
            "known_cost_nano_dollars": 0, "attempts_of_unknown_cost": 2, "time_to_first_chunk": none,
            "operation_duration": some, "health": 0.836,
        });
        let requests = json!({
            "started": 1, "answered": 1, "failed": 0, "abandoned": 0, "in_flight": 0, "duration": some,
        });
        let stats = json!({ "providers": { "near": counted }, "requests": requests });
        let text = text(&serde_json::from_value(stats).unwrap());
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(
            text.ends_with("  requests: 1 answered, 0 failed, 0 given up; p50 1.23 s, p95 2.00 s\n"),
            "{text}"
        );
        let words: Vec<_> =
            text.lines().nth(2).unwrap().split("  ").filter(|word| !word.is_empty()).collect();
        let words: Vec<_> = words.into_iter().map(str::trim).collect();
        assert_eq!(
            words,
            [
                "near",
                "5",
                "2",
                "2 rate limited, 1 timeout",
                "3",
                "0",
                "1.23 s",
                "2.00 s",
                "84 %",
                "10",
                "4",
                "unknown"
            ]
        );
    }
}
