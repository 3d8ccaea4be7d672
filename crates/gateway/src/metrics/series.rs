//! One instrument with its values, each of its own attributes.

use std::{
    fmt,
    hash::BuildHasher as _,
    sync::{PoisonError, RwLock, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::Counter, histogram::Histogram},
    registry::Unit,
};
use rustc_hash::{FxBuildHasher, FxHashMap};
use ultraai::metrics::{Attribute, Instrument, InstrumentKind, WORKFLOW_DURATION};

/// Series that an instrument may have; the default of OpenTelemetry's SDKs
/// (<https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits>).
pub(super) const MOST: usize = 2000;

/// What a measurement belongs to that would make one too many; the attribute of those SDKs.
const OVERFLOW: [Attribute<'static>; 1] = [("otel.metric.overflow", "true")];

/// Bounds of durations, as the GenAI conventions set them
/// (<https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md>).
const OPERATION_SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// Bounds of the durations of whole requests, as the GenAI conventions set them for workflows.
const WORKFLOW_SECONDS: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];

/// Bounds of tokens, as the GenAI conventions set them.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Bounds of HTTP requests, as the HTTP conventions set them
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>), and three more, since an answer of a model takes longer.
const HTTP_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0, 120.0];

/// One instrument with its values.
pub(super) struct Series {
    name: String,
    unit: Option<Unit>,
    help: &'static str,
    /// None: a counter.
    bounds: Option<&'static [f64]>,
    values: RwLock<Values>,
}

#[derive(Default)]
struct Values {
    /// By the hash of the attributes, so that looking one up allocates nothing. Names that callers choose are not among them,
    /// and there are at most so many, so that the hash need not withstand anybody.
    by_hash: FxHashMap<u64, Vec<Entry>>,
    count: usize,
}

struct Entry {
    attributes: Vec<(&'static str, String)>,
    value: Value,
}

enum Value {
    Counter(Counter<f64, AtomicU64>),
    Histogram(Histogram),
}

impl Series {
    pub(super) fn of(instrument: &Instrument) -> Self {
        let bounds = match instrument.kind {
            InstrumentKind::Histogram if instrument.unit == "{token}" => Some(TOKENS),
            InstrumentKind::Histogram if instrument == &WORKFLOW_DURATION => Some(WORKFLOW_SECONDS),
            InstrumentKind::Histogram => Some(OPERATION_SECONDS),
            _ => None,
        };
        let unit = match instrument.unit {
            "s" => Some(Unit::Seconds),
            // What stands in braces is no unit but a remark.
            unit if unit.starts_with('{') => None,
            unit => Some(Unit::Other(unit.to_owned())),
        };
        Self::new(instrument.name, unit, instrument.description, bounds)
    }

    pub(super) fn of_http_requests() -> Self {
        let help = "time from the head of a request to the end of its answer";
        Self::new("http.server.request.duration", Some(Unit::Seconds), help, Some(HTTP_SECONDS))
    }

    fn new(name: &str, unit: Option<Unit>, help: &'static str, bounds: Option<&'static [f64]>) -> Self {
        Self { name: name.replace('.', "_"), unit, help, bounds, values: RwLock::default() }
    }

    /// Takes a value. Only the first one of its attributes waits for those that are read meanwhile.
    pub(super) fn record(&self, value: f64, attributes: &[Attribute<'_>]) {
        let hash = FxBuildHasher.hash_one(attributes);
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = values.find(hash, attributes) {
            return entry.value.take(value);
        }
        let is_full = values.count >= MOST;
        drop(values);
        if is_full && attributes != OVERFLOW {
            return self.record(value, &OVERFLOW);
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        if values.find(hash, attributes).is_none() {
            let attributes = attributes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let value = match self.bounds {
                Some(bounds) => Value::Histogram(Histogram::new(bounds.iter().copied())),
                None => Value::Counter(Counter::default()),
            };
            values.by_hash.entry(hash).or_default().push(Entry { attributes, value });
            values.count += 1;
        }
        if let Some(entry) = values.find(hash, attributes) {
            entry.value.take(value);
        }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        if values.count == 0 {
            return Ok(());
        }
        let kind = if self.bounds.is_some() { MetricType::Histogram } else { MetricType::Counter };
        let mut metric = encoder.encode_descriptor(&self.name, self.help, self.unit.as_ref(), kind)?;
        for entry in values.by_hash.values().flatten() {
            let labels: Vec<_> = entry
                .attributes
                .iter()
                .map(|(name, value)| (name.replace('.', "_"), value.clone()))
                .collect();
            let encoder = metric.encode_family(&labels)?;
            match &entry.value {
                Value::Counter(counter) => counter.encode(encoder)?,
                Value::Histogram(histogram) => histogram.encode(encoder)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Values {
    fn find(&self, hash: u64, attributes: &[Attribute<'_>]) -> Option<&Entry> {
        self.by_hash.get(&hash)?.iter().find(|entry| {
            let own = entry.attributes.iter().map(|(name, value)| (*name, value.as_str()));
            own.eq(attributes.iter().copied())
        })
    }
}

impl Value {
    fn take(&self, value: f64) {
        match self {
            Self::Counter(counter) => {
                counter.inc_by(value);
            }
            Self::Histogram(histogram) => histogram.observe(value),
        }
    }
}
