//! What is read at the moment of a scrape: requests under way, the states of layers, the build.

use std::collections::{BTreeMap, HashSet};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::MetricType};
use ultraai::{BaseOrchestrator, LayerReading};

use super::OTHER;
use crate::App;

/// What is true at the moment of a scrape.
#[derive(Debug)]
pub(super) struct Now {
    /// Requests under way and those of them that wait, of each orchestrator.
    requests: Vec<(String, u64, u64)>,
    states: BTreeMap<&'static str, States>,
    dropped_lines: u64,
}

/// The states that one layer knows, and the one of each provider and model, by its place among them.
#[derive(Debug)]
struct States {
    all: &'static [&'static str],
    of: BTreeMap<(String, String), usize>,
}

impl Now {
    pub(super) fn of(app: &App, models: &HashSet<String>) -> Self {
        let live = app.live();
        let orchestrators = live.orchestrators.orchestrators();
        let requests = orchestrators.iter().map(|(name, orchestrator)| {
            let base = orchestrator.base();
            (name.clone(), base.requests_in_flight(), base.requests_queued())
        });
        let base = live.orchestrators.default_orchestrator().base();
        let mut states = BTreeMap::new();
        for row in base.registry().layers() {
            let Some(readings) = row.readings else { continue };
            let readings = readings();
            if let Some(first) = readings.first() {
                let of = states_of(base, models, &readings);
                states.insert(row.name, States { all: first.states, of });
            }
        }
        Self { requests: requests.collect(), states, dropped_lines: app.log.dropped() }
    }
}

/// The worst state of each provider and model. A state belongs to an address, a key and a model, which several providers may have
/// in common.
fn states_of(
    base: &BaseOrchestrator,
    models: &HashSet<String>,
    readings: &[LayerReading],
) -> BTreeMap<(String, String), usize> {
    let mut worst = BTreeMap::new();
    let candidates = base.candidates();
    for reading in readings {
        let at_endpoint =
            || candidates.iter().filter(|one| one.endpoint().is_some() && one.endpoint() == reading.endpoint);
        let model = reading.model.as_deref();
        let is_own = |one: &&std::sync::Arc<ultraai::Candidate>| {
            one.model().is_some_and(|own| Some(own.as_str()) == model)
        };
        let own: Vec<_> = at_endpoint().filter(is_own).collect();
        let concerned = if own.is_empty() { at_endpoint().collect() } else { own };
        let label = model.filter(|model| models.contains(*model)).unwrap_or(OTHER);
        for candidate in concerned {
            let state = worst.entry((candidate.id().to_string(), label.to_owned())).or_insert(0);
            *state = reading.state.max(*state);
        }
    }
    worst
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let gauges = [
            (
                "ultraai_requests_in_flight",
                "Requests under way, by orchestrator, those that wait included.",
                0,
            ),
            ("ultraai_requests_queued", "Requests that wait for their turn, by orchestrator.", 1),
        ];
        for (name, help, which) in gauges {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (orchestrator, in_flight, queued) in &self.requests {
                let count = if which == 0 { in_flight } else { queued };
                metric
                    .encode_family(&[("ultraai_orchestrator", orchestrator.as_str())])?
                    .encode_gauge(&i64::try_from(*count).unwrap_or(i64::MAX))?;
            }
        }
        for (layer, states) in &self.states {
            let name = format!("ultraai_{layer}_state");
            let help = format!("Whether the {layer} of a provider and model is in a state: 1, or 0.");
            let mut metric = encoder.encode_descriptor(&name, &help, None, MetricType::Gauge)?;
            for ((provider, model), current) in &states.of {
                for (at, state) in states.all.iter().enumerate() {
                    let labels = [
                        ("ultraai_provider_id", provider.as_str()),
                        ("gen_ai_request_model", model.as_str()),
                        ("state", *state),
                    ];
                    metric.encode_family(&labels)?.encode_gauge(&i64::from(at == *current))?;
                }
            }
        }
        encoder
            .encode_descriptor(
                "ultraai_gateway_access_log_dropped",
                "Lines of the access log that were not written, since its reader was too slow.",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<[(&str, &str); 0], _, f64>(&self.dropped_lines, None)?;
        encoder
            .encode_descriptor("ultraai_build", "Which build serves.", None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}
