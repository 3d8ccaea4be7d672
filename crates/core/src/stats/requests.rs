//! What is known of an orchestrator from its requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use histogram::AtomicHistogram;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Percentiles, StatsSnapshot, histogram, micros};
use crate::{
    Error, ErrorKind, Meter, ProviderId,
    metrics::{self, Attributes},
};

/// Counters of an orchestrator's requests. Writing and reading take no lock.
#[derive(Debug)]
pub(crate) struct RequestStats {
    started: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
    in_flight: AtomicU64,
    duration: AtomicHistogram,
}

impl Default for RequestStats {
    fn default() -> Self {
        Self {
            started: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            duration: histogram(),
        }
    }
}

impl RequestStats {
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// How long half of the answered requests took at most.
    pub(crate) fn usual_duration(&self) -> Option<Duration> {
        Percentiles::of(&self.duration).p50_seconds.map(Duration::from_secs_f64)
    }

    pub(crate) fn snapshot(&self, queued: u64) -> RequestsSnapshot {
        RequestsSnapshot {
            started: self.started.load(Relaxed),
            answered: self.answered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            in_flight: self.in_flight(),
            queued,
            duration: Percentiles::of(&self.duration),
        }
    }
}

/// Counts a request as under way until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<RequestStats>);

impl UnderWay {
    pub(crate) fn begin(stats: &Arc<RequestStats>) -> Self {
        stats.in_flight.fetch_add(1, Relaxed);
        Self(Arc::clone(stats))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// One request on its way. Dropped before it landed, it was abandoned.
#[derive(Debug)]
pub(crate) struct Flight {
    counted: UnderWay,
    meter: Option<Arc<dyn Meter>>,
    started: Instant,
    /// Empty until a strategy begins.
    pub(crate) strategy: &'static str,
    landed: bool,
}

impl Flight {
    pub(crate) fn begin(stats: &Arc<RequestStats>, meter: Option<Arc<dyn Meter>>) -> Self {
        stats.started.fetch_add(1, Relaxed);
        let counted = UnderWay::begin(stats);
        Self { counted, meter, started: Instant::now(), strategy: "", landed: false }
    }

    /// Counts how it ended, and after which time: without an error it was answered.
    pub(crate) fn land(mut self, after: Duration, error: Option<&Error>) {
        self.landed = true;
        let stats = &self.counted.0;
        match error {
            Some(_) => {
                stats.failed.fetch_add(1, Relaxed);
            }
            None => {
                stats.answered.fetch_add(1, Relaxed);
                let _ = stats.duration.increment(micros(after));
            }
        }
        self.measure(after, error.map(Error::kind));
    }

    fn measure(&self, after: Duration, error: Option<ErrorKind>) {
        let Some(meter) = self.meter.as_deref().filter(|_| !self.strategy.is_empty()) else { return };
        let mut attributes = Attributes::of_operation("invoke_workflow");
        attributes.push("gen_ai.workflow.name", self.strategy);
        attributes.push("error.type", error.map(ErrorKind::as_str));
        metrics::WORKFLOW_DURATION.record(meter, after.as_secs_f64(), &attributes);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.counted.0.abandoned.fetch_add(1, Relaxed);
            self.measure(self.started.elapsed(), Some(ErrorKind::Cancelled));
        }
    }
}

/// The counters of an orchestrator at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrchestratorStats {
    /// Of whole requests.
    pub requests: RequestsSnapshot,
    /// Of the attempts of each candidate.
    pub providers: BTreeMap<ProviderId, StatsSnapshot>,
}

impl OrchestratorStats {
    pub(crate) fn new(requests: RequestsSnapshot, providers: BTreeMap<ProviderId, StatsSnapshot>) -> Self {
        Self { requests, providers }
    }

    /// The counters of the candidate of that name.
    pub fn provider(&self, id: &str) -> Option<&StatsSnapshot> {
        self.providers.get(id)
    }
}

/// Counters of whole requests at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestsSnapshot {
    /// Requests that began; what was refused before that is not among them.
    pub started: u64,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that ended with an error.
    pub failed: u64,
    /// Requests whose caller left.
    pub abandoned: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Those of them that wait for their turn.
    #[serde(default)]
    pub queued: u64,
    /// Time from the start of answered requests to their end.
    pub duration: Percentiles,
}
