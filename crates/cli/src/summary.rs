//! What there is to say after an answer: who, how long, how many tokens, how much money.

use std::fmt::Write as _;

use ultraai::{
    FinishReason, LedgerReport, Method, Outcome, ProviderResponse,
    ledger::{Row, RowOutcome, Totals},
    orchestrator::ResponseStatus,
};

use crate::{
    sums::{self, Spent},
    terminal::{DIM, NOTE, printable},
};

/// The lines after an answer.
pub(crate) fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    if let Some(why) = shortcoming(outcome) {
        let _ = writeln!(out, "{NOTE}note:{NOTE:#} {why}");
    }
    let _ = writeln!(out, "{DIM}{}{DIM:#}", printable(&who(outcome)));
    let spent = sums::all(&outcome.ledger);
    let _ = writeln!(
        out,
        "{DIM}{:.1} s · {} · cost {}{DIM:#}",
        outcome.duration_seconds,
        tokens(&spent.totals),
        cost(&spent)
    );
    out
}

/// Why each candidate was asked, skipped, given up or trusted.
pub(crate) fn explanation(trace: &[String], ledger: &LedgerReport) -> String {
    let mut out = String::new();
    let hedges = ledger.rows.iter().filter(|row| row.is_hedge).map(hedge);
    for sentence in trace.iter().cloned().chain(hedges) {
        let _ = writeln!(out, "{DIM}  - {}{DIM:#}", printable(&sentence));
    }
    out
}

/// What came of the second leg of a hedge.
fn hedge(row: &Row) -> String {
    let came = match row.outcome {
        RowOutcome::Won => "it answered first".to_owned(),
        RowOutcome::Lost => "its answer was not used".to_owned(),
        RowOutcome::Failed => "it failed".to_owned(),
        RowOutcome::Abandoned => {
            let reason = row.reason.map_or("nobody says why", |reason| reason.as_str());
            format!("it was given up: {}", reason.replace('_', " "))
        }
        _ => "it is still under way".to_owned(),
    };
    format!("`{}` got a second leg of a hedge after {:.1} s: {came}", row.provider_id, row.started_seconds)
}

/// How often somebody was asked in vain; nothing when nobody was.
pub(crate) fn effort(ledger: &LedgerReport) -> String {
    let spent = sums::all(ledger);
    match spent.totals.attempts {
        0 => String::new(),
        1 => format!("{DIM}1 attempt was made · cost {}{DIM:#}\n", cost(&spent)),
        number => format!("{DIM}{number} attempts were made · cost {}{DIM:#}\n", cost(&spent)),
    }
}

/// Whether the answer was cut off.
pub(crate) fn is_cut_off(outcome: &Outcome) -> bool {
    !outcome.synthesis.answer.is_complete()
}

fn shortcoming(outcome: &Outcome) -> Option<&'static str> {
    let answer = &outcome.synthesis.answer;
    match answer.finish_reason {
        FinishReason::Length => {
            Some("the answer is cut off: it reached --max-tokens or the model's own limit")
        }
        FinishReason::ContentFilter => Some("the answer is cut off: the provider's filter ended it"),
        _ if answer.is_refusal() => Some("the model declined to answer"),
        _ if !answer.is_complete() => Some("the answer is not finished: the provider paused it"),
        _ => None,
    }
}

fn who(outcome: &Outcome) -> String {
    let synthesis = &outcome.synthesis;
    let names = |keep: fn(&&ProviderResponse) -> bool| {
        let mut names: Vec<&str> = Vec::new();
        for response in outcome.responses.iter().filter(keep) {
            if !names.contains(&response.provider_id.as_str()) {
                names.push(response.provider_id.as_str());
            }
        }
        names.join(", ")
    };
    let mut text = match synthesis.method {
        Method::Chosen => format!("{} answered", synthesis.provider_id),
        Method::Synthesized => {
            format!("{} wrote it from the answers of {}", synthesis.provider_id, names(|one| one.used))
        }
        Method::Degraded => {
            format!("{} answered: degraded, for there was no better way", synthesis.provider_id)
        }
        other => format!("{} answered ({})", synthesis.provider_id, other.as_str()),
    };
    for (what, list) in [
        ("not used", names(|one| one.status == ResponseStatus::Answered && !one.used)),
        ("not good", names(|one| one.status == ResponseStatus::NotGood && !one.used)),
        ("failed", names(|one| one.status == ResponseStatus::Failed)),
        ("given up", names(|one| one.status == ResponseStatus::Abandoned)),
    ] {
        if !list.is_empty() {
            let _ = write!(text, "; {what}: {list}");
        }
    }
    let _ = write!(text, " ({}, {})", outcome.strategy, synthesis.method.as_str());
    text
}

/// Tokens in and out, with `~` where any of them is an estimate.
pub(crate) fn tokens(totals: &Totals) -> String {
    let (reported, estimated) = (totals.reported, totals.estimated);
    let guess = if estimated.input_tokens > 0 || estimated.output_tokens > 0 { "~" } else { "" };
    let input = reported.input_tokens.saturating_add(estimated.input_tokens);
    let mut text = format!(
        "{guess}{input} token{} in, {guess}{} out",
        if input == 1 { "" } else { "s" },
        reported.output_tokens.saturating_add(estimated.output_tokens)
    );
    if totals.attempts_of_unknown_usage > 0 {
        let _ = write!(text, ", and those of {}", attempts(totals.attempts_of_unknown_usage));
    }
    text
}

/// What all attempts cost, with `~` where any of it is an estimate, and of how many that is unknown.
pub(crate) fn cost(spent: &Spent) -> String {
    let (totals, guess) = (&spent.totals, if spent.cost_is_estimated { "~" } else { "" });
    match (totals.attempts_of_unknown_cost, totals.known_cost_nano_dollars) {
        (0, _) | (_, 0) => format!("{guess}{}", totals.cost()),
        (unknown, known) => {
            let known = ultraai::Cost::NanoDollars(known);
            format!("{guess}{known}, and that of {}", attempts(unknown))
        }
    }
}

fn attempts(number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} attempt{plural} which nobody knows")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn totals(value: serde_json::Value) -> Totals {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_second_leg_of_a_hedge_is_told() {
        let row = |is_hedge: bool, outcome: &str, reason: Option<&str>| {
            json!({
                "id": 0, "ask": 1, "attempt": 0, "is_hedge": is_hedge, "outcome": outcome, "reason": reason,
                "provider_id": "near", "provider_name": "p", "usage": null, "cost": "unknown",
                "started_seconds": 1.25, "duration_seconds": 1.0,
            })
        };
        let rows =
            [row(false, "won", None), row(true, "abandoned", Some("lost_hedge")), row(true, "won", None)];
        let ledger = serde_json::from_value(json!({ "rows": rows, "totals": Totals::default() })).unwrap();
        let text = explanation(&["`near` was asked".to_owned()], &ledger);
        assert_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            "  - `near` was asked\n  - `near` got a second leg of a hedge after 1.2 s: it was given up: lost hedge\n  \
             - `near` got a second leg of a hedge after 1.2 s: it answered first\n"
        );
    }

    #[test]
    fn an_unknown_cost_is_never_zero_and_an_estimate_is_marked() {
        let none = json!({ "input_tokens": 0, "output_tokens": 0 });
        let mixed = totals(json!({
            "attempts": 3,
            "reported": { "input_tokens": 10, "output_tokens": 5 },
            "estimated": { "input_tokens": 2, "output_tokens": 1 },
            "attempts_of_unknown_usage": 1, "known_cost_nano_dollars": 0, "attempts_of_unknown_cost": 3,
        }));
        assert_eq!(tokens(&mixed), "~12 tokens in, ~6 out, and those of 1 attempt which nobody knows");
        assert_eq!(cost(&Spent { totals: mixed, cost_is_estimated: false }), "unknown");
        let known = totals(json!({
            "attempts": 2, "reported": none, "estimated": none,
            "attempts_of_unknown_usage": 0, "known_cost_nano_dollars": 1_000_000, "attempts_of_unknown_cost": 2,
        }));
        let mut known = Spent { totals: known, cost_is_estimated: false };
        assert_eq!(cost(&known), "$0.001000, and that of 2 attempts which nobody knows");
        known.cost_is_estimated = true;
        assert_eq!(cost(&known), "~$0.001000, and that of 2 attempts which nobody knows");
        known.totals.attempts_of_unknown_cost = 0;
        assert_eq!(cost(&known), "~$0.001000");
    }
}
