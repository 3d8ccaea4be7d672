//! Measurements, as Prometheus reads them.
//!
//! Names are those of OpenTelemetry's conventions, written as its rules for Prometheus say
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>): dots become `_`, the unit and `_total`
//! stand at the end. Callers choose the models' names, so that those that nobody configured are one: `other`.

mod now;
mod series;

use std::{
    collections::HashSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use axum::http::StatusCode;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    metrics::MetricType,
    registry::Registry,
};
use ultraai::{
    Measurement, Meter,
    metrics::{INSTRUMENTS, Instrument},
};

use self::{now::Now, series::Series};
use crate::App;

/// What models are called that nobody configured.
const OTHER: &str = "other";

/// The methods that are told apart, as OpenTelemetry's conventions of HTTP say; others are `_OTHER`.
const METHODS: [&str; 9] = ["GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE"];

/// Measurements of requests and attempts. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// In the order of [`INSTRUMENTS`].
    gen_ai: Vec<Series>,
    http: Series,
    connections: AtomicI64,
    requests: AtomicI64,
    /// The models that somebody configured.
    models: RwLock<Arc<HashSet<String>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            gen_ai: INSTRUMENTS.iter().map(|instrument| Series::of(instrument)).collect(),
            http: Series::of_http_requests(),
            connections: AtomicI64::new(0),
            requests: AtomicI64::new(0),
            models: RwLock::default(),
        }
    }
}

/// Something that is counted as long as it is there.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Inner>, fn(&Inner) -> &AtomicI64);

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Counts an open connection until what it returns is dropped.
    pub(crate) fn connection(&self) -> Counted {
        self.counted(|inner| &inner.connections)
    }

    /// Counts a request under way until what it returns is dropped.
    pub(crate) fn request(&self) -> Counted {
        self.counted(|inner| &inner.requests)
    }

    fn counted(&self, of: fn(&Inner) -> &AtomicI64) -> Counted {
        of(&self.0).fetch_add(1, Relaxed);
        Counted(Arc::clone(&self.0), of)
    }

    /// Sets which models have names of their own in measurements.
    pub(crate) fn know(&self, models: HashSet<String>) {
        *self.0.models.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(models);
    }

    fn models(&self) -> Arc<HashSet<String>> {
        Arc::clone(&self.0.models.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Measures a whole request; `status` is none where the caller left before it was answered.
    pub(crate) fn http_request(
        &self,
        method: &str,
        route: &'static str,
        status: Option<u16>,
        error: Option<&'static str>,
        seconds: f64,
    ) {
        let method = METHODS.iter().copied().find(|known| *known == method).unwrap_or("_OTHER");
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let all = [
            ("http.request.method", Some(method)),
            ("http.route", Some(route)),
            ("http.response.status_code", status.as_ref().map(StatusCode::as_str)),
            ("error.type", error),
        ];
        let mut attributes = [("", ""); 4];
        let mut count = 0;
        for (name, value) in all {
            if let Some(value) = value {
                attributes[count] = (name, value);
                count += 1;
            }
        }
        self.0.http.record(seconds, &attributes[..count]);
    }

    /// All of it as text.
    pub(crate) fn text(&self, app: &App) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        registry.register_collector(Box::new(Now::of(app, &self.models())));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).expect("a string takes all that is written");
        text
    }
}

impl Meter for Metrics {
    fn record(&self, measurement: &Measurement<'_>) {
        let same = |instrument: &&Instrument| std::ptr::eq(*instrument, measurement.instrument);
        let Some(at) = INSTRUMENTS.iter().position(same) else { return };
        let (series, attributes) = (&self.0.gen_ai[at], measurement.attributes);
        let asked = attributes.iter().find(|(name, _)| *name == "gen_ai.request.model");
        if asked.is_none_or(|(_, model)| {
            self.0.models.read().unwrap_or_else(PoisonError::into_inner).contains(*model)
        }) {
            return series.record(measurement.value, attributes);
        }
        // Who answers may repeat what it was asked for.
        let is_model = |name: &str| matches!(name, "gen_ai.request.model" | "gen_ai.response.model");
        let told =
            attributes.iter().map(|(name, value)| (*name, if is_model(name) { OTHER } else { *value }));
        let attributes: Vec<_> = told.collect();
        series.record(measurement.value, &attributes);
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for series in self.0.gen_ai.iter().chain([&self.0.http]) {
            series.encode(&mut encoder)?;
        }
        let gauges = [
            ("http_server_active_requests", "Requests under way, streams included.", &self.0.requests),
            ("ultraai_gateway_open_connections", "Open connections.", &self.0.connections),
        ];
        for (name, help, value) in gauges {
            encoder
                .encode_descriptor(name, help, None, MetricType::Gauge)?
                .encode_gauge(&value.load(Relaxed))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(metrics: &Metrics, attributes: &[ultraai::metrics::Attribute<'_>]) {
        metrics.record(&Measurement::new(&ultraai::metrics::COST, 0.5, attributes));
    }

    fn text(metrics: &Metrics) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(metrics.clone()));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn names_that_callers_invent_are_one() {
        let metrics = Metrics::default();
        metrics.know(HashSet::from(["gpt".to_owned()]));
        for number in 0..5000 {
            let model = format!("invented-{number}");
            recorded(&metrics, &[("gen_ai.request.model", &model), ("gen_ai.response.model", &model)]);
        }
        recorded(&metrics, &[("gen_ai.request.model", "gpt"), ("gen_ai.response.model", "gpt-1")]);
        let text = text(&metrics);
        assert!(!text.contains("invented"), "{text}");
        let other = r#"ultraai_client_cost_USD_total{gen_ai_request_model="other",gen_ai_response_model="other"} 2500.0"#;
        assert!(text.contains(other), "{text}");
        let known =
            r#"ultraai_client_cost_USD_total{gen_ai_request_model="gpt",gen_ai_response_model="gpt-1"} 0.5"#;
        assert!(text.contains(known), "{text}");
    }

    #[test]
    fn whatever_comes_an_instrument_has_no_more_series_than_it_may() {
        let metrics = Metrics::default();
        for number in 0..series::MOST + 10 {
            recorded(&metrics, &[("error.type", &number.to_string())]);
        }
        let text = text(&metrics);
        assert!(text.contains(r#"ultraai_client_cost_USD_total{otel_metric_overflow="true"} 5.0"#), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("error_type=")).count(), series::MOST);
    }

    #[test]
    fn what_is_counted_is_there_until_it_is_dropped() {
        let metrics = Metrics::default();
        let one = metrics.connection();
        assert!(text(&metrics).contains("ultraai_gateway_open_connections 1\n"));
        drop(one);
        assert!(text(&metrics).contains("ultraai_gateway_open_connections 0\n"));
    }
}
