//! What came of the requests, as data.

use std::collections::BTreeMap;

use serde::Serialize;
use ultraai_core::{ErrorKind, ProviderId};

/// What came of the requests of one simulation. The same seed, world and settings make the same report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What was drawn under.
    pub seed: u64,
    /// Requests.
    pub requests: u64,
    /// Those that were answered.
    pub answered: u64,
    /// The same as a share, 0 to 1.
    pub answered_share: f64,
    /// Those that were not, by the kind of the error that the caller saw.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// From the first arrival to the last end, in virtual time.
    pub simulated_seconds: f64,
    /// From the arrival to the whole answer.
    pub time_to_answer: Percentiles,
    /// From the arrival of a request for a live answer to the first content that was not taken back.
    pub time_to_first_content: Percentiles,
    /// From the arrival to an error.
    pub time_to_error: Percentiles,
    /// Attempts that were sent, retries and hedges among them.
    pub attempts: u64,
    /// The same for each request: 1 is no extra load.
    pub attempts_per_request: f64,
    /// Attempts after a first one that was sent to the same candidate.
    pub retries: u64,
    /// Second legs of hedged attempts.
    pub hedges: u64,
    /// Attempts that were given up before their end.
    pub abandoned: u64,
    /// What they cost.
    pub cost: Cost,
    /// Each provider, in the order of the settings.
    pub providers: Vec<ProviderReport>,
}

/// What came of the attempts of one provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProviderReport {
    /// The user's name for it.
    pub provider_id: ProviderId,
    /// Attempts that were sent.
    pub attempts: u64,
    /// Those that were answered.
    pub answered: u64,
    /// The same as a share of those that were not given up, 0 to 1; `None` where there are none.
    pub answered_share: Option<f64>,
    /// Those that failed, by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Those after a first one.
    pub retries: u64,
    /// Second legs of hedged attempts.
    pub hedges: u64,
    /// Those that were given up.
    pub abandoned: u64,
    /// Asks that were refused here and not sent, by kind: an open breaker, a budget.
    pub refused_unsent: BTreeMap<ErrorKind, u64>,
    /// Time to the first content of live answers, to the end of whole ones.
    pub latency: Percentiles,
    /// What they cost.
    pub cost: Cost,
}

/// Costs; what is not known is counted apart and is not taken for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// What is known of it, in nano-dollars.
    pub known_nano_dollars: u64,
    /// Attempts whose cost nobody knows.
    pub attempts_of_unknown_cost: u64,
}

/// Percentiles in seconds, within 0.2 %; `None` without a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// Half are quicker.
    pub p50_seconds: Option<f64>,
    /// 90 of 100 are quicker.
    pub p90_seconds: Option<f64>,
    /// 95 of 100 are quicker.
    pub p95_seconds: Option<f64>,
    /// 99 of 100 are quicker.
    pub p99_seconds: Option<f64>,
    /// 999 of 1000 are quicker.
    #[serde(rename = "p99.9_seconds")]
    pub p99_9_seconds: Option<f64>,
    /// None is slower.
    pub max_seconds: Option<f64>,
}
