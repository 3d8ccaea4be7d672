//! Measurements, as Prometheus reads them.

use ultraai::{Measurement, Meter};

/// Measurements of requests and attempts. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics;

impl Meter for Metrics {
    fn record(&self, _measurement: &Measurement<'_>) {}
}
