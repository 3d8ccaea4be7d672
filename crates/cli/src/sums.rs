//! Sums of attempts: of one candidate, and of a whole conversation.

use ultraai::{
    Cost, LedgerReport, ProviderResponse, UsageSource,
    ledger::{Row, RowId, Totals},
};

/// What attempts took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Their sums.
    pub(crate) totals: Totals,
    /// Whether any of the known cost is that of tokens which were estimated.
    pub(crate) cost_is_estimated: bool,
}

/// What all attempts of a ledger took.
pub(crate) fn all(ledger: &LedgerReport) -> Spent {
    let mut attempts = ledger.rows.iter().filter(|row| !row.is_span);
    Spent { totals: ledger.totals, cost_is_estimated: attempts.any(is_estimated) }
}

/// Whether its cost is known, and is that of tokens which were estimated.
fn is_estimated(row: &Row) -> bool {
    let is_guess = row.usage.is_some_and(|usage| usage.source == UsageSource::Estimated);
    is_guess && matches!(row.cost, Cost::NanoDollars(1..))
}

/// What one candidate's attempts took, its retries and what is nested in it included.
pub(crate) fn of(response: &ProviderResponse, ledger: &LedgerReport) -> Spent {
    let mut inside: Vec<RowId> = Vec::new();
    let mut spent = Spent::default();
    // A row stands behind the one it is nested in, so one pass is enough.
    for row in &ledger.rows {
        let is_its_own = row.ask == response.ask && row.provider_id == response.provider_id;
        if !is_its_own && row.parent.is_none_or(|parent| !inside.contains(&parent)) {
            continue;
        }
        inside.push(row.id);
        if row.is_span {
            continue;
        }
        spent.cost_is_estimated |= is_estimated(row);
        let totals = &mut spent.totals;
        totals.attempts += 1;
        match row.usage {
            Some(usage) => {
                let sum = match usage.source {
                    UsageSource::Estimated => &mut totals.estimated,
                    UsageSource::Reported => &mut totals.reported,
                };
                sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
                sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
            }
            None => totals.attempts_of_unknown_usage += 1,
        }
        match row.cost {
            Cost::NanoDollars(nano) => {
                totals.known_cost_nano_dollars = totals.known_cost_nano_dollars.saturating_add(nano);
            }
            Cost::Unknown => totals.attempts_of_unknown_cost += 1,
        }
    }
    spent
}

/// Adds the sums of one request to those of a conversation.
pub(crate) fn add(all: &mut Totals, more: &Totals) {
    for (sum, more) in [(&mut all.reported, more.reported), (&mut all.estimated, more.estimated)] {
        sum.input_tokens = sum.input_tokens.saturating_add(more.input_tokens);
        sum.output_tokens = sum.output_tokens.saturating_add(more.output_tokens);
    }
    for (sum, more) in [
        (&mut all.attempts, more.attempts),
        (&mut all.attempts_of_unknown_usage, more.attempts_of_unknown_usage),
        (&mut all.known_cost_nano_dollars, more.known_cost_nano_dollars),
        (&mut all.attempts_of_unknown_cost, more.attempts_of_unknown_cost),
    ] {
        *sum = sum.saturating_add(more);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(id: u32, ask: u32, parent: Option<u32>, is_span: bool, output: u64) -> Value {
        json!({
            "id": id, "parent": parent, "is_span": is_span, "ask": ask, "attempt": 0, "outcome": "won",
            "provider_id": if parent.is_some() { "inner" } else { "outer" }, "provider_name": "p",
            "usage": { "input_tokens": 1, "output_tokens": output, "source": "estimated" },
            "cost": if output == 20 { json!({ "nano_dollars": 9 }) } else { json!("unknown") }, "started_seconds": 0.0, "duration_seconds": 1.0,
        })
    }

    #[test]
    fn what_is_nested_is_summed_once_and_others_are_not() {
        let rows = json!([
            row(0, 1, None, true, 100),
            row(1, 2, Some(0), false, 10),
            row(2, 3, Some(0), false, 20),
            row(3, 4, None, false, 1000)
        ]);
        let ledger = json!({ "rows": rows, "totals": Totals::default() });
        let ledger: LedgerReport = serde_json::from_value(ledger).unwrap();
        let response = json!({
            "provider_id": "outer", "provider_name": "p", "status": "answered", "used": true,
            "duration_seconds": 1.0, "ask": 1,
        });
        let response: ProviderResponse = serde_json::from_value(response).unwrap();
        let spent = of(&response, &ledger);
        let mut totals = spent.totals;
        assert_eq!((totals.attempts, totals.estimated.output_tokens), (2, 30));
        assert_eq!((totals.attempts_of_unknown_cost, totals.reported.output_tokens), (1, 0));
        assert!(spent.cost_is_estimated && all(&ledger).cost_is_estimated);
        let again = totals;
        add(&mut totals, &again);
        assert_eq!((totals.attempts, totals.estimated.output_tokens), (4, 60));
    }
}
