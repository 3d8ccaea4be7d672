//! What a selector reads of the candidates, once for each request.

use std::sync::Arc;

use ultraai_core::{Candidate, Cost, Delivery, Usage, stats::Pace};

/// Tokens that prices are compared by: three of the request for one of the answer, the blend by which Artificial Analysis
/// compares models (<https://artificialanalysis.ai/methodology>).
const INPUT_TOKENS: u64 = 3000;
const OUTPUT_TOKENS: u64 = 1000;

/// How long `candidate` takes in seconds, as far as anybody knows. Of one that was never waited for to the end it is known
/// that it took at least so long, and it is not taken for quicker than the quickest.
pub(crate) fn seconds(candidate: &Candidate, delivery: Delivery, quickest: Option<f64>) -> Option<f64> {
    match candidate.stats().pace(delivery)? {
        Pace::Measured(time) => Some(time.as_secs_f64()),
        Pace::AtLeast(time) => Some(time.as_secs_f64().max(quickest.unwrap_or(0.0))),
        _ => None,
    }
}

/// The times that candidates are compared by: to the first content for live requests, to the end for whole ones, or the other
/// where more of them were measured by it. Panels ask for whole answers even where the request is live.
pub(crate) fn comparable(candidates: &[Arc<Candidate>], wanted: Delivery) -> Delivery {
    let measured = |delivery| {
        let paces = candidates.iter().map(|candidate| candidate.stats().pace(delivery));
        paces.filter(|pace| matches!(pace, Some(Pace::Measured(_)))).count()
    };
    let other = match wanted {
        Delivery::Live => Delivery::Whole,
        Delivery::Whole => Delivery::Live,
    };
    if measured(other) > measured(wanted) { other } else { wanted }
}

/// The shortest time that was measured of any of them.
pub(crate) fn quickest(candidates: &[Arc<Candidate>], delivery: Delivery) -> Option<f64> {
    let measured = candidates.iter().filter_map(|candidate| match candidate.stats().pace(delivery) {
        Some(Pace::Measured(time)) => Some(time.as_secs_f64()),
        _ => None,
    });
    measured.min_by(f64::total_cmp)
}

/// What 4,000 tokens cost, in nano-dollars; `None` where the price is not known.
pub(crate) fn cost(candidate: &Candidate) -> Option<u64> {
    match candidate.price()?.cost(&Usage::reported(INPUT_TOKENS, OUTPUT_TOKENS)) {
        Cost::NanoDollars(nano) => Some(nano),
        Cost::Unknown => None,
    }
}

/// Sorts by `key`, which is read once for each candidate: what it depends on changes meanwhile. Equals stay as they are.
pub(crate) fn sort_by_key<K>(
    candidates: &mut [Arc<Candidate>],
    key: impl Fn(&Candidate) -> K,
    compare: impl Fn(&K, &K) -> std::cmp::Ordering,
) {
    let mut keyed: Vec<_> =
        candidates.iter().map(|candidate| (key(candidate), Arc::clone(candidate))).collect();
    keyed.sort_by(|(one, _), (other, _)| compare(one, other));
    for (place, (_, candidate)) in candidates.iter_mut().zip(keyed) {
        *place = candidate;
    }
}
