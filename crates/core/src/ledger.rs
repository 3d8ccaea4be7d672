//! Every attempt is a row: who was asked, what came of it, what it used and cost.

use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{AbandonReason, CallContext, Cost, ErrorKind, ModelName, ProviderId, Usage, UsageSource};

/// The number of a row in its ledger, from 0. Some are missing: what turned out not to have been sent is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(pub u32);

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowOutcome {
    /// Still under way.
    Running,
    /// Answered, and the answer went into what was returned.
    Won,
    /// Answered, and the answer was not used.
    Lost,
    /// Ended with an error.
    Failed,
    /// Given up before its end.
    Abandoned,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Row {
    /// Its number.
    pub id: RowId,
    /// The row of the orchestrator that this attempt was made in, when that is nested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RowId>,
    /// Whether it is an orchestrator's own row: its attempts follow, and it is not summed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_span: bool,
    /// Which ask of the request it belongs to; retries share it.
    pub ask: u32,
    /// The candidate.
    pub provider_id: ProviderId,
    /// `gen_ai.provider.name`.
    pub provider_name: Arc<str>,
    /// `gen_ai.request.model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_model: Option<Arc<str>>,
    /// `gen_ai.response.model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_model: Option<Arc<str>>,
    /// Which attempt of the ask it is: 0, then one more for each retry.
    pub attempt: u32,
    /// Whether it is the second leg of a hedge; the first one is the same attempt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_hedge: bool,
    /// What came of it.
    pub outcome: RowOutcome,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorKind>,
    /// Why it was abandoned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbandonReason>,
    /// Tokens, reported or estimated; `None` while it runs.
    pub usage: Option<Usage>,
    /// What it cost.
    pub cost: Cost,
    /// Start, in seconds after the request's start.
    pub started_seconds: f64,
    /// Time to the first content of a live answer, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_chunk_seconds: Option<f64>,
    /// Time to the end, in seconds; `None` while it runs.
    pub duration_seconds: Option<f64>,
}

impl Row {
    /// The row of an attempt that begins, for the call `cx`.
    pub(crate) fn running(
        cx: &CallContext,
        provider_id: &ProviderId,
        provider_name: &Arc<str>,
        model: Option<&ModelName>,
        started: Instant,
    ) -> Self {
        Self {
            id: RowId(0),
            parent: cx.parent(),
            is_span: false,
            ask: cx.ask(),
            provider_id: provider_id.clone(),
            provider_name: Arc::clone(provider_name),
            request_model: model.cloned().map(Into::into),
            response_model: None,
            attempt: cx.attempt(),
            is_hedge: cx.is_hedge(),
            outcome: RowOutcome::Running,
            error: None,
            reason: None,
            usage: None,
            cost: Cost::Unknown,
            started_seconds: started.duration_since(cx.ledger().started()).as_secs_f64(),
            time_to_first_chunk_seconds: None,
            duration_seconds: None,
        }
    }
}

/// Sums of a ledger. Reported, estimated and unknown stay apart; only attempts are summed, not the
/// orchestrators that they were made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Attempts.
    pub attempts: u64,
    /// Tokens that providers reported.
    pub reported: TokenSum,
    /// Tokens that were estimated.
    pub estimated: TokenSum,
    /// Attempts whose tokens nobody knows.
    pub attempts_of_unknown_usage: u64,
    /// What is known of the cost, in nano-dollars; all of it when no attempt is of unknown cost.
    pub known_cost_nano_dollars: u64,
    /// Attempts whose cost nobody knows.
    pub attempts_of_unknown_cost: u64,
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenSum {
    /// Tokens of requests.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

impl Totals {
    /// The cost of everything: known only when every attempt's is.
    pub fn cost(&self) -> Cost {
        if self.attempts_of_unknown_cost == 0 {
            Cost::NanoDollars(self.known_cost_nano_dollars)
        } else {
            Cost::Unknown
        }
    }

    fn add(&mut self, row: &Row) {
        self.attempts += 1;
        match row.usage {
            Some(usage) => {
                let sum = match usage.source {
                    UsageSource::Reported => &mut self.reported,
                    UsageSource::Estimated => &mut self.estimated,
                };
                sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
                sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
            }
            None => self.attempts_of_unknown_usage += 1,
        }
        match row.cost {
            Cost::NanoDollars(nano) => {
                self.known_cost_nano_dollars = self.known_cost_nano_dollars.saturating_add(nano);
            }
            Cost::Unknown => self.attempts_of_unknown_cost += 1,
        }
    }
}

/// A ledger as data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerReport {
    /// The attempts, in the order they began.
    pub rows: Vec<Row>,
    /// Their sums.
    pub totals: Totals,
}

/// The attempts of one request, or of as many as share it. A clone is the same ledger.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Book>);

#[derive(Debug)]
struct Book {
    started: Instant,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    /// A row that was withdrawn leaves its place empty, so that the others keep their numbers.
    rows: Vec<Option<Row>>,
    asks: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl LedgerReport {
    /// What all attempts used together, where each told it or could be estimated; estimated as soon as one of them is.
    pub fn usage(&self) -> Option<Usage> {
        let mut sum = Usage::default();
        for row in self.rows.iter().filter(|row| !row.is_span) {
            let usage = row.usage?;
            let add = |one: Option<u64>, other: Option<u64>| match (one, other) {
                (None, None) => None,
                (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
            };
            sum.input_tokens = sum.input_tokens.saturating_add(usage.input_tokens);
            sum.output_tokens = sum.output_tokens.saturating_add(usage.output_tokens);
            sum.cache_read = add(sum.cache_read, usage.cache_read);
            sum.cache_write = add(sum.cache_write, usage.cache_write);
            sum.reasoning = add(sum.reasoning, usage.reasoning);
            if usage.source == UsageSource::Estimated {
                sum.source = UsageSource::Estimated;
            }
        }
        Some(sum)
    }
}

impl Ledger {
    /// An empty ledger whose time begins now.
    pub fn new() -> Self {
        Self(Arc::new(Book { started: Instant::now(), pages: Mutex::default() }))
    }

    /// The rows so far, with their sums.
    pub fn report(&self) -> LedgerReport {
        let rows: Vec<Row> = self.pages().rows.iter().flatten().cloned().collect();
        let mut totals = Totals::default();
        rows.iter().filter(|row| !row.is_span).for_each(|row| totals.add(row));
        LedgerReport { rows, totals }
    }

    /// The sums so far.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.pages().rows.iter().flatten().filter(|row| !row.is_span).for_each(|row| totals.add(row));
        totals
    }

    /// When its time began.
    fn started(&self) -> Instant {
        self.0.started
    }

    /// A number for one more ask.
    pub(crate) fn next_ask(&self) -> u32 {
        let mut pages = self.pages();
        pages.asks += 1;
        pages.asks
    }

    /// Writes a new row and returns its number, which stands in it too.
    pub(crate) fn open(&self, mut row: Row) -> RowId {
        let mut pages = self.pages();
        let id = RowId(u32::try_from(pages.rows.len()).unwrap_or(u32::MAX));
        row.id = id;
        pages.rows.push(Some(row));
        id
    }

    /// Takes a row out: nothing was sent, so that there was no attempt.
    pub(crate) fn withdraw(&self, id: RowId) {
        if let Some(row) = self.pages().rows.get_mut(id.0 as usize) {
            *row = None;
        }
    }

    /// Changes a row.
    pub(crate) fn update(&self, id: RowId, change: impl FnOnce(&mut Row)) {
        if let Some(Some(row)) = self.pages().rows.get_mut(id.0 as usize) {
            change(row);
        }
    }

    /// Marks the answers of the asks `lost` as not used, and those they were made from.
    pub(crate) fn mark_lost(&self, lost: &[u32]) {
        let mut inside: Vec<RowId> = Vec::new();
        // A row stands behind the one it is nested in, so one pass is enough.
        for row in self.pages().rows.iter_mut().flatten() {
            if lost.contains(&row.ask) || row.parent.is_some_and(|parent| inside.contains(&parent)) {
                inside.push(row.id);
                if row.outcome == RowOutcome::Won {
                    row.outcome = RowOutcome::Lost;
                }
            }
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
