//! The report of a simulation as text.

use std::{collections::BTreeMap, fmt::Write as _};

use ultraai::{Cost, ErrorKind};
use ultraai_simulation::{self as simulated, Percentiles, Report};

use crate::terminal::{STRONG, Table};

/// The report as tables.
pub(crate) fn text(strategy: &str, report: &Report) -> String {
    let mut out = format!("{STRONG}Simulation{STRONG:#}\n");
    let mut line = |what: &str, is: String| {
        let _ = writeln!(out, "  {what:<15}{is}");
    };
    line("strategy", strategy.to_owned());
    line(
        "requests",
        format!(
            "{} in {} of virtual time, seed {}",
            report.requests,
            long(report.simulated_seconds),
            report.seed
        ),
    );
    line("answered", format!("{} ({})", report.answered, percent(report.answered_share)));
    line("not answered", kinds(&report.errors));
    line(
        "attempts",
        format!(
            "{} ({:.3} a request): {} retries, {} hedges; {} were given up",
            report.attempts, report.attempts_per_request, report.retries, report.hedges, report.abandoned
        ),
    );
    line("cost", cost(&report.cost));

    let mut times = Table::new(["TIME TO", "P50", "P90", "P95", "P99", "P99.9", "MAX"]);
    for (what, percentiles) in [
        ("the answer", &report.time_to_answer),
        ("first content, where live", &report.time_to_first_content),
        ("an error", &report.time_to_error),
    ] {
        if percentiles.max_seconds.is_some() {
            times.row(std::iter::once(what.to_owned()).chain(cells(percentiles)));
        }
    }
    let mut providers = Table::new([
        "PROVIDER", "ATTEMPTS", "ANSWERED", "FAILED", "RETRIES", "HEDGES", "GIVEN UP", "NOT SENT", "P50",
        "P95", "P99", "COST",
    ]);
    for provider in &report.providers {
        let [p50, _, p95, p99, ..] = cells(&provider.latency);
        providers.row([
            provider.provider_id.to_string(),
            provider.attempts.to_string(),
            provider.answered_share.map_or_else(|| "-".to_owned(), percent),
            kinds(&provider.errors),
            provider.retries.to_string(),
            provider.hedges.to_string(),
            provider.abandoned.to_string(),
            kinds(&provider.refused_unsent),
            p50,
            p95,
            p99,
            cost(&provider.cost),
        ]);
    }
    let _ = write!(
        out,
        "\n{STRONG}Requests{STRONG:#}\n{}\n{STRONG}Attempts{STRONG:#}\n{}",
        times.text(),
        providers.text()
    );
    out
}

fn cells(percentiles: &Percentiles) -> [String; 6] {
    [
        percentiles.p50_seconds,
        percentiles.p90_seconds,
        percentiles.p95_seconds,
        percentiles.p99_seconds,
        percentiles.p99_9_seconds,
        percentiles.max_seconds,
    ]
    .map(|seconds| seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2} s")))
}

fn kinds(kinds: &BTreeMap<ErrorKind, u64>) -> String {
    let kinds: Vec<_> = kinds.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    if kinds.is_empty() { "0".to_owned() } else { kinds.join(", ").replace('_', " ") }
}

/// A share that is not whole is not shown as if it were.
fn percent(share: f64) -> String {
    let percent = (share * 10_000.0).floor() / 100.0;
    format!("{percent:.2} %")
}

fn long(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        120.0..7200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// What is known, and whether that is all: what nobody knows is not zero.
fn cost(cost: &simulated::Cost) -> String {
    match (cost.attempts_of_unknown_cost, cost.known_nano_dollars) {
        (0, known) => Cost::NanoDollars(known).to_string(),
        (_, 0) => Cost::Unknown.to_string(),
        (unknown, known) => format!("{} and that of {unknown} unknown", Cost::NanoDollars(known)),
    }
}
