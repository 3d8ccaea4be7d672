//! A tiny exporter: what a meter takes, as lines that Prometheus reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use ultraai::{
    Meter,
    metrics::{InstrumentKind, Measurement},
};

/// Each value of a label makes one more line, so only those are taken that have few.
const LABELS: [&str; 5] = [
    "gen_ai.token.type",
    "gen_ai.workflow.name",
    "ultraai.outcome",
    "ultraai.provider_id",
    "ultraai.usage.source",
];

/// Adds up what it is told and prints it as Prometheus reads it; a real one hands it to the crate `metrics`, say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exporter(Arc<Mutex<BTreeMap<String, f64>>>);

impl Exporter {
    /// What it was told so far, a line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.iter().map(|(name, sum)| format!("{name} {sum:.6}")).collect()
    }
}

impl Meter for Exporter {
    fn record(&self, measured: &Measurement<'_>) {
        let labels = measured.attributes.iter().filter(|(key, _)| LABELS.contains(key));
        let labels: Vec<_> =
            labels.map(|(key, value)| format!("{}={value:?}", key.replace('.', "_"))).collect();
        let ending = match measured.instrument.kind {
            InstrumentKind::Counter => "total",
            // A real exporter keeps counts and buckets too.
            _ => "sum",
        };
        let name = measured.instrument.name.replace('.', "_");
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums.entry(format!("{name}_{ending}{{{}}}", labels.join(","))).or_default() += measured.value;
    }
}
