//! An orchestrator that takes the place of another, and requests for another model than a candidate's own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use ultraai_core::{
    BaseOrchestrator, ErrorKind, Method, ModelName, Options, Orchestrator, OrchestratorBuilder, Outcome,
    ProviderSpec, Registry, RequestOptions, Result, Run, Strategy, async_trait,
};
use ultraai_testkit::{Scripted, Step};

/// Asks the first candidate.
#[derive(Clone, Debug)]
struct First;

#[async_trait]
impl Strategy for First {
    fn name(&self) -> &'static str {
        "first"
    }

    async fn process(&self, run: &Run, request: Arc<ultraai_core::ChatRequest>) -> Result<Outcome> {
        let reply = run.ask(&run.candidates()[0], request).await?;
        let answer = run.forward(reply).await?;
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

fn builder() -> OrchestratorBuilder<First> {
    OrchestratorBuilder::new(First).registry(Registry::builder().build())
}

fn attempts(base: &BaseOrchestrator, id: &str) -> u64 {
    let stats = base.stats();
    let (_, counted) = stats.providers.iter().find(|(known, _)| **known == *id).unwrap();
    counted.requests
}

#[tokio::test]
async fn a_candidate_that_stands_there_as_before_goes_on_and_the_others_begin_afresh() {
    let provider = Scripted::always("hello");
    let spec = ProviderSpec::from(provider);
    let old = builder().build().unwrap();
    for id in ["kept", "changed", "gone"] {
        old.register_provider(id, spec.clone()).unwrap();
    }
    old.process("hi").await.unwrap();
    let options = Options::default().edited(|options| options.timeout_seconds = Some(9.0));
    let next = old.successor(options, |_| true).unwrap();
    assert!(next.candidates().is_empty(), "who is not registered is gone");
    next.register_provider("changed", spec.clone().weight(2.0)).unwrap();
    next.register_provider("kept", spec.clone()).unwrap();
    assert_eq!((attempts(&next, "kept"), attempts(&next, "changed")), (1, 0));
    assert_eq!(next.stats().requests.answered, 1, "the counters of requests go on");

    // Both count for the same candidate now, and each keeps its own list.
    old.process("hi").await.unwrap();
    assert_eq!(attempts(&next, "kept"), 2);
    assert_eq!((old.candidates().len(), next.candidates().len()), (3, 2));

    // Taken out and registered anew, it begins afresh.
    next.unregister_provider("kept").unwrap();
    next.register_provider("kept", spec).unwrap();
    assert_eq!(attempts(&next, "kept"), 0);
}

#[tokio::test]
async fn one_that_is_said_to_be_another_begins_afresh() {
    let spec = ProviderSpec::from(Scripted::always("hello"));
    let old = builder().build().unwrap();
    old.register_provider("a", spec.clone()).unwrap();
    old.process("hi").await.unwrap();
    let next = old.successor(Options::default(), |_| false).unwrap();
    next.register_provider("a", spec).unwrap();
    assert_eq!(attempts(&next, "a"), 0);
}

#[tokio::test]
async fn one_that_is_built_anew_takes_over_the_counters() {
    let spec = ProviderSpec::from(Scripted::always("hello"));
    let old = builder().build().unwrap();
    old.register_provider("a", spec.clone()).unwrap();
    old.process("hi").await.unwrap();
    let next = builder().succeeding(old.base()).build().unwrap();
    next.register_provider("a", spec).unwrap();
    assert_eq!((attempts(&next, "a"), next.stats().requests.answered), (1, 1));
    assert!(!Arc::ptr_eq(&old.candidates()[0], &next.candidates()[0]), "its layers are others");
}

#[tokio::test]
async fn wrong_options_are_refused_and_the_old_one_stays() {
    let old = builder().build().unwrap();
    let wrong = Options::default().edited(|options| options.timeout_seconds = Some(-1.0));
    assert_eq!(old.successor(wrong, |_| true).unwrap_err().kind(), ErrorKind::Config);
    let unlinked = Options::default().edited(|options| options.max_retries = Some(1));
    assert!(old.successor(unlinked, |_| true).unwrap_err().message().contains("layer `retry`"));
}

#[tokio::test(start_paused = true)]
async fn the_queue_goes_on_where_its_bounds_are_the_same() {
    let slow = Scripted::always(Step::from("hello").after(Duration::from_secs(1)));
    let spec = ProviderSpec::from(slow);
    let old = builder().max_requests_in_flight(1).max_queued_requests(0).build().unwrap();
    old.register_provider("a", spec.clone()).unwrap();
    let options = old.options().clone();
    let next = Orchestrator::new(old.successor(options.clone(), |_| true).unwrap(), First);
    next.register_provider("a", spec.clone()).unwrap();
    let wider = options.edited(|options| options.max_requests_in_flight = Some(2));
    let wider = Orchestrator::new(old.successor(wider, |_| true).unwrap(), First);
    wider.register_provider("a", spec).unwrap();
    let (first, second, third) =
        tokio::join!(biased; old.process("hi"), next.process("hi"), wider.process("hi"));
    assert!(first.is_ok() && third.is_ok());
    assert_eq!(second.unwrap_err().kind(), ErrorKind::QueueFull, "the place is taken in the old one");
}

#[tokio::test]
async fn a_request_may_ask_a_candidate_for_another_model_than_its_own() {
    let provider = Scripted::always("hello");
    let orchestrator = builder().build().unwrap();
    let spec = ProviderSpec::from(provider.clone()).model("own").price(1.0, 1.0);
    orchestrator.register_provider("a", spec).unwrap();
    let options = RequestOptions::default().with_model(ModelName::new("other").unwrap());
    let outcome = orchestrator.process_with("hi", options).await.unwrap();
    assert_eq!(outcome.responses[0].model.as_deref(), Some("other"));
    assert_eq!(
        outcome.ledger.totals.cost(),
        ultraai_core::Cost::Unknown,
        "the price is that of its own model"
    );
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!(outcome.responses[0].model.as_deref(), Some("own"));
    assert_eq!(attempts(&orchestrator, "a"), 2, "it is the same candidate");
}
