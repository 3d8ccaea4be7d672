//! No map grows without bound: a million distinct names go through each, and what is held afterwards is what was held before.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use tokio::runtime::{Builder, Runtime};
use ultraai::{
    Accounting, AdaptiveOrchestrator, Budgets, CallContext, ChatRequest, Clock, EndpointId,
    FallbackOrchestrator, Layer, LayerContext, ModelName, Options, Provider, ProviderId, Registry,
    RequestOptions, Secret, Slot, stack, stats::CandidateStats,
};
use ultraai_benches::{Instantly, layered};
use ultraai_wire::{BaseUrl, Transport, TransportSettings};

const MILLION: u64 = 1_000_000;

/// Names that go through where each costs a whole request or a whole candidate: a million take a minute without optimization,
/// and `cargo test --release` takes them.
const MANY: u64 = if cfg!(debug_assertions) { 100_000 } else { MILLION };

/// What is kept for reuse is there after so many.
const FIRST: u64 = 3_000;

/// Bytes that may be held more in the end than after the first ones: less than a name takes, even for the fewest names.
const MOST: i64 = 128 * 1024;

/// Lets `use_one` meet so many distinct numbers.
fn assert_bounded(names: u64, mut use_one: impl FnMut(u64)) {
    (0..FIRST).for_each(&mut use_one);
    let counted = allocation_counter::measure(|| (FIRST..names).for_each(&mut use_one));
    assert!(counted.bytes_current < MOST, "{names} names: {counted:?}");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// A provider in every linked layer, as a candidate with this endpoint.
fn layered_at(endpoint: Option<EndpointId>) -> Arc<dyn Provider> {
    let id = ProviderId::new("one").unwrap();
    let (stats, accounting) = (Arc::new(CandidateStats::default()), Arc::new(Accounting::default()));
    let budgets = Arc::new(Budgets::default());
    let mut context = LayerContext::new(&id, &stats, &accounting, &budgets);
    context.endpoint = endpoint;
    let linked = Registry::linked().unwrap();
    let layers: Vec<(Slot, Arc<dyn Layer>)> = linked
        .layers()
        .filter_map(|row| Some((row.slot, row.layer(layered::settings(row.name), &context).unwrap()?)))
        .collect();
    stack(Arc::new(Instantly), &layers)
}

fn ask(runtime: &Runtime, provider: &Arc<dyn Provider>, model: Option<ModelName>) {
    let request = ChatRequest::from_prompt("hello");
    let request = model.into_iter().fold(request, ChatRequest::with_model);
    let answer = runtime
        .block_on(async { provider.chat(&CallContext::new(), Arc::new(request)).await?.collect().await });
    assert!(answer.is_ok(), "{answer:?}");
}

/// One test, for the layers share what they know in the whole process, and what another thread frees is not counted here.
#[test]
fn layers_forget_models_and_the_endpoints_of_candidates_that_are_gone() {
    let runtime = runtime();
    let provider = layered_at(None);
    assert_bounded(MANY, |number| {
        ask(&runtime, &provider, Some(ModelName::new(format!("model-{number}")).unwrap()));
    });
    assert_bounded(MANY, |number| {
        let key = Secret::new(format!("sk-{number}")).unwrap();
        let endpoint = EndpointId::new(format!("host-{number}:443"), Some(&key));
        ask(&runtime, &layered_at(Some(endpoint)), None);
    });
}

#[test]
fn an_orchestrator_forgets_candidates_that_are_gone() {
    let orchestrator = layered::orchestrator(&layered::names().unwrap()).unwrap();
    assert_bounded(MANY, |number| {
        let id = format!("candidate-{number}");
        orchestrator.register_provider(&id, Instantly).unwrap();
        orchestrator.unregister_provider(&id).unwrap();
    });
}

#[test]
fn an_orchestrator_keeps_no_names_that_are_wrong() {
    let orchestrator = FallbackOrchestrator::builder().build().unwrap();
    orchestrator.register_provider("one", Instantly).unwrap();
    assert_bounded(MANY, |number| {
        let name = format!("selector-{number}");
        let options = Options::default().edited(|options| options.selector = Some(name));
        let refused = orchestrator.start(ChatRequest::from_prompt("hello"), &RequestOptions::from(options));
        assert!(refused.is_err());
    });
}

#[test]
fn the_budgets_of_a_day_forget_keys_that_spent_nothing() {
    let budgets = Budgets::new(Some(1), Some(1), Clock::default());
    assert_bounded(MILLION, |number| {
        let endpoint = EndpointId::new(format!("host-{number}"), None);
        let purses = budgets.today(Some(&endpoint));
        // What was reserved and came back was not spent.
        drop(purses[1].1.reserve(1).unwrap());
    });
}

#[test]
fn the_transport_forgets_pools_that_nobody_uses() {
    let address = BaseUrl::parse("http://127.0.0.1:1/v1").unwrap().join("chat");
    assert_bounded(MILLION, |number| {
        let settings = TransportSettings::new(Duration::from_nanos(number + 1));
        drop(Transport::new(settings, &address));
    });
}

#[test]
fn adaptive_keeps_its_latest_outcomes_and_no_others() {
    let orchestrator = AdaptiveOrchestrator::builder().build().unwrap();
    orchestrator.register_provider("one", Instantly).unwrap();
    let runtime = runtime();
    assert_bounded(MANY, |number| {
        runtime.block_on(orchestrator.process(format!("Explain the number {number}."))).unwrap();
    });
}
