//! Answers in the words of their protocols.

mod api;
mod events;
pub(crate) mod heads;
mod live;
mod refusal;

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, HeaderValue};
use ultraai::{Cost, Losses, ledger::Totals};

pub(crate) use self::{
    api::Api,
    events::Events,
    live::{Live, Sheet, Words},
    refusal::{Refusal, refusal, told},
};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Tells how many attempts were made and what they cost.
pub(crate) fn write_sums(headers: &mut HeaderMap, totals: &Totals) {
    headers.insert(heads::ATTEMPTS, HeaderValue::from(totals.attempts));
    if let Ok(cost) = HeaderValue::from_str(&cost(totals.cost()).to_string()) {
        headers.insert(heads::COST, cost);
    }
}

/// Names in the head what was left out.
pub(crate) fn write_losses<'a>(
    headers: &mut HeaderMap,
    asked: impl Iterator<Item = &'a str>,
    losses: &'a Losses,
) {
    if let Some(Ok(value)) = losses_of(asked, losses).map(HeaderValue::try_from) {
        headers.insert(heads::LEFT_OUT, value);
    }
}

/// What was left out, of what the candidates were `asked` and of the answer, as a header holds it.
pub(crate) fn losses_of<'a>(asked: impl Iterator<Item = &'a str>, losses: &'a Losses) -> Option<String> {
    let answered = losses.as_slice().iter().map(String::as_str);
    let said = asked.chain(answered).collect::<Vec<_>>().join("; ");
    let plain = |letter: char| if letter.is_ascii() && !letter.is_ascii_control() { letter } else { '?' };
    (!said.is_empty()).then(|| said.chars().map(plain).collect())
}

/// An amount in US dollars, or `unknown`.
pub(crate) fn cost(cost: Cost) -> impl fmt::Display {
    fmt::from_fn(move |f| match cost {
        Cost::NanoDollars(nano) => write!(f, "{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000),
        Cost::Unknown => f.write_str("unknown"),
    })
}
