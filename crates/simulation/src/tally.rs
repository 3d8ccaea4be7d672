//! Folds what came of each request into a report, so that no outcome is kept.

use std::{collections::BTreeMap, time::Duration};

use histogram::Histogram;
use tokio::time::Instant;
use ultraai_core::{
    Cost, Error, ErrorKind, LedgerReport, Outcome, ProviderId, ProviderResponse, Result,
    ledger::{Row, RowOutcome},
    orchestrator::ResponseStatus,
};

use crate::report::{self, Percentiles, ProviderReport, Report};

/// Bits of precision: two times less than 0.2 % apart may fall together.
const GROUPING_POWER: u8 = 9;

/// Times up to 2^40 microseconds, about 12 days.
const MAX_VALUE_POWER: u8 = 40;

/// What came of one request.
#[derive(Debug)]
pub(crate) struct Done {
    /// From its arrival to its end.
    pub(crate) took: Duration,
    /// From its arrival to the first content of a live answer.
    pub(crate) first_content: Option<Duration>,
    pub(crate) result: Result<Box<Outcome>>,
}

/// The sums so far.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    answer: Times,
    first_content: Times,
    error: Times,
    report: Report,
    providers: Vec<(ProviderReport, Times)>,
}

impl Tally {
    /// Nothing yet, of these candidates; time begins now.
    pub(crate) fn new(seed: u64, ids: impl Iterator<Item = ProviderId>) -> Self {
        Self {
            began: Instant::now(),
            answer: Times::default(),
            first_content: Times::default(),
            error: Times::default(),
            report: Report { seed, ..Report::default() },
            providers: ids.map(|id| (nothing_of(id), Times::default())).collect(),
        }
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u64 {
        self.report.requests
    }

    pub(crate) fn add(&mut self, done: Done) {
        self.report.requests += 1;
        self.report.simulated_seconds = self.began.elapsed().as_secs_f64();
        self.first_content.extend(done.first_content);
        match done.result {
            Ok(outcome) => {
                self.report.answered += 1;
                self.answer.extend([done.took]);
                self.add_attempts(&outcome.ledger, &outcome.responses);
            }
            Err(error) => {
                *self.report.errors.entry(seen(&error)).or_default() += 1;
                self.error.extend([done.took]);
                if let Some(report) = error.report() {
                    self.add_attempts(&report.ledger, &report.responses);
                }
            }
        }
    }

    fn add_attempts(&mut self, ledger: &LedgerReport, responses: &[ProviderResponse]) {
        for (place, row) in ledger.rows.iter().enumerate().filter(|(_, row)| !row.is_span) {
            let is_retry = is_retry(row, &ledger.rows[..place]);
            let report = &mut self.report;
            report.attempts += 1;
            report.retries += u64::from(is_retry);
            report.hedges += u64::from(row.is_hedge);
            report.abandoned += u64::from(row.outcome == RowOutcome::Abandoned);
            report.cost.add(row.cost);
            if let Some((provider, times)) = self.provider(&row.provider_id) {
                add_row(provider, times, row, is_retry);
            }
        }
        let failed = responses.iter().filter(|response| response.status == ResponseStatus::Failed);
        for response in failed {
            let was_sent = ledger.rows.iter().any(|row| row.ask == response.ask);
            if let Some(error) = response.error.as_ref().filter(|_| !was_sent)
                && let Some((provider, _)) = self.provider(&response.provider_id)
            {
                *provider.refused_unsent.entry(error.kind).or_default() += 1;
            }
        }
    }

    fn provider(&mut self, id: &ProviderId) -> Option<&mut (ProviderReport, Times)> {
        self.providers.iter_mut().find(|(provider, _)| provider.provider_id == *id)
    }

    /// The sums as a report.
    pub(crate) fn finish(self) -> Report {
        let finished = |(mut provider, times): (ProviderReport, Times)| {
            provider.latency = times.percentiles();
            let ended = provider.attempts - provider.abandoned;
            provider.answered_share = (ended > 0).then(|| share(provider.answered, ended));
            provider
        };
        let report = self.report;
        Report {
            answered_share: share(report.answered, report.requests),
            attempts_per_request: share(report.attempts, report.requests),
            time_to_answer: self.answer.percentiles(),
            time_to_first_content: self.first_content.percentiles(),
            time_to_error: self.error.percentiles(),
            providers: self.providers.into_iter().map(finished).collect(),
            ..report
        }
    }
}

fn add_row(provider: &mut ProviderReport, times: &mut Times, row: &Row, is_retry: bool) {
    provider.attempts += 1;
    provider.retries += u64::from(is_retry);
    provider.hedges += u64::from(row.is_hedge);
    provider.cost.add(row.cost);
    match row.outcome {
        RowOutcome::Won | RowOutcome::Lost => {
            provider.answered += 1;
            let seconds = row.time_to_first_chunk_seconds.or(row.duration_seconds);
            times.extend(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()));
        }
        RowOutcome::Abandoned => provider.abandoned += 1,
        _ => *provider.errors.entry(row.error.unwrap_or(ErrorKind::Cancelled)).or_default() += 1,
    }
}

/// Whether it came after another attempt of the same ask, and not beside it. One that was refused here was none.
fn is_retry(row: &Row, earlier: &[Row]) -> bool {
    !row.is_hedge && earlier.iter().any(|other| other.ask == row.ask && other.attempt < row.attempt)
}

/// The kind that says most: where nobody answered, the one that all candidates share.
fn seen(error: &Error) -> ErrorKind {
    let mut kinds = error.causes().iter().map(Error::kind);
    match kinds.next() {
        Some(kind) if kinds.all(|other| other == kind) => kind,
        _ => error.kind(),
    }
}

fn nothing_of(provider_id: ProviderId) -> ProviderReport {
    ProviderReport {
        provider_id,
        attempts: 0,
        answered: 0,
        answered_share: None,
        errors: BTreeMap::new(),
        retries: 0,
        hedges: 0,
        abandoned: 0,
        refused_unsent: BTreeMap::new(),
        latency: Percentiles::default(),
        cost: report::Cost::default(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many requests")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl report::Cost {
    fn add(&mut self, cost: Cost) {
        match cost {
            Cost::NanoDollars(nano) => self.known_nano_dollars = self.known_nano_dollars.saturating_add(nano),
            Cost::Unknown => self.attempts_of_unknown_cost += 1,
        }
    }
}

/// Times in a histogram, and the longest as it was.
#[derive(Debug)]
struct Times {
    histogram: Histogram,
    longest: Option<Duration>,
}

impl Default for Times {
    fn default() -> Self {
        let histogram = Histogram::new(GROUPING_POWER, MAX_VALUE_POWER);
        Self { histogram: histogram.expect("the powers are within the library's bounds"), longest: None }
    }
}

impl Extend<Duration> for Times {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, times: T) {
        for time in times {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min((1 << MAX_VALUE_POWER) - 1);
            let _ = self.histogram.increment(micros);
            self.longest = self.longest.max(Some(time));
        }
    }
}

impl Times {
    fn percentiles(&self) -> Percentiles {
        let seconds = |quantile: f64| {
            let bucket = self.histogram.quantile_bucket(quantile).ok().flatten()?;
            // A bucket's end may lie above everything that is in it.
            let end = Duration::from_micros(bucket.end());
            Some(end.min(self.longest?).as_secs_f64())
        };
        Percentiles {
            p50_seconds: seconds(0.5),
            p90_seconds: seconds(0.9),
            p95_seconds: seconds(0.95),
            p99_seconds: seconds(0.99),
            p99_9_seconds: seconds(0.999),
            max_seconds: self.longest.map(|longest| longest.as_secs_f64()),
        }
    }
}
