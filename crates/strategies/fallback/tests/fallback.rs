//! The strategy `fallback`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use tokio::time::Instant;
use ultraai_core::{
    ChatRequest, ChatResponse, ErrorKind, Event, FinishReason, Method, Options, OrchestratorBuilder,
    Registry, orchestrator::ResponseStatus,
};
use ultraai_strategy_fallback::{Fallback, FallbackOrchestrator};
use ultraai_testkit::{Scripted, Step};

fn orchestrator(members: &[(&str, &Scripted)]) -> FallbackOrchestrator {
    let orchestrator = OrchestratorBuilder::new(Fallback::default())
        .registry(Registry::builder().build())
        .seed(1)
        .build()
        .unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn cut_off(text: &str) -> Step {
    ChatResponse::from_text(text).with_finish_reason(FinishReason::Length).into()
}

#[tokio::test(start_paused = true)]
async fn the_first_good_answer_ends_the_chain() {
    let (one, two, three) = (
        Scripted::new([Step::fail(ErrorKind::QuotaExhausted)]),
        Scripted::new(["two"]),
        Scripted::new(["three"]),
    );
    let outcome =
        orchestrator(&[("one", &one), ("two", &two), ("three", &three)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("two", Method::Chosen));
    assert_eq!(three.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_answer_makes_room_for_the_next() {
    let (one, two) = (Scripted::new([cut_off("hel")]), Scripted::new(["hello"]));
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "hello");
    assert_eq!(outcome.responses[0].status, ResponseStatus::NotGood);
    assert!(!outcome.responses[0].used && outcome.responses[1].used);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_answer_is_better_than_none_and_is_marked() {
    let (one, two) = (Scripted::new([cut_off("hel")]), Scripted::new([Step::fail(ErrorKind::ServerError)]));
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("hel", Method::Degraded));
    assert_eq!(outcome.synthesis.answer.finish_reason, FinishReason::Length);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_leaves_time_for_the_next() {
    let (hangs, fine) = (Scripted::always(Step::hang()), Scripted::always("hello"));
    let mut options = Options::default();
    options.timeout_seconds = Some(30.0);
    let orchestrator = orchestrator(&[("one", &hangs), ("two", &fine)]);
    let before = Instant::now();
    assert_eq!(orchestrator.process_with("hi", options.clone()).await.unwrap().synthesis.response, "hello");
    assert_eq!(before.elapsed(), Duration::from_secs(20));
    let live = orchestrator.process_stream_with("hi", options).unwrap().outcome().await.unwrap();
    assert_eq!(live.synthesis.response, "hello");
    assert_eq!(before.elapsed(), Duration::from_secs(20 + 15), "half of the time, until the first content");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_answer_is_asked_once() {
    let (one, two) = (Scripted::new([Step::fail(ErrorKind::InvalidRequest)]), Scripted::new(["two"]));
    let error = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap_err();
    assert_eq!(error.causes()[0].kind(), ErrorKind::InvalidRequest);
    assert_eq!(two.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_chain_is_no_longer_than_it_may_be() {
    let fails = Scripted::always(Step::fail(ErrorKind::ServerError));
    let never = Scripted::new(["three"]);
    let mut options = Options::default();
    options.max_providers_per_request = Some(2);
    let orchestrator = orchestrator(&[("one", &fails), ("two", &fails), ("three", &never)]);
    let error = orchestrator.process_with("hi", options).await.unwrap_err();
    assert_eq!((error.causes().len(), never.count()), (2, 0));
    assert!(error.message().contains("`max_providers_per_request` is 2"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_that_is_no_good_one_is_taken_back() {
    let (one, two) = (Scripted::new([cut_off("hel")]), Scripted::new([Step::streamed(["hello"])]));
    let mut stream = orchestrator(&[("one", &one), ("two", &two)]).process_stream("hi").unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            Event::Delta { .. } => kinds.push("delta"),
            Event::Discarded { .. } => kinds.push("discarded"),
            Event::Finished { .. } => kinds.push("finished"),
            _ => {}
        }
    }
    assert_eq!(kinds, ["delta", "discarded", "delta", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_that_is_cut_off_stays_where_nobody_is_left_or_the_caller_set_the_limit() {
    let limited = ChatRequest::from_prompt("hi").with_max_tokens(3);
    for (request, others) in [(ChatRequest::from_prompt("hi"), 0), (limited, 1)] {
        let (one, two) = (Scripted::new([cut_off("hel")]), Scripted::always("hello"));
        let members = [("one", &one), ("two", &two)];
        let mut stream = orchestrator(&members[..=others]).process_stream(request).unwrap();
        let mut deltas = 0;
        let outcome = loop {
            match stream.next().await.unwrap().unwrap() {
                Event::Delta { .. } => deltas += 1,
                Event::Discarded { reason, .. } => panic!("{reason}"),
                Event::Finished { outcome } => break outcome,
                _ => {}
            }
        };
        assert_eq!(
            (outcome.synthesis.response.as_str(), outcome.synthesis.method),
            ("hel", Method::Degraded)
        );
        assert_eq!((deltas, two.count()), (1, 0));
    }
}

/// What a layer says that has no place for an attempt.
fn no_place() -> Step {
    ultraai_core::Error::new(ErrorKind::RateLimited, "no place is free").unsent().into()
}

#[tokio::test(start_paused = true)]
async fn one_without_a_place_is_passed_over_and_waited_for_where_nobody_else_answers() {
    let (one, two) = (Scripted::new([no_place()]), Scripted::always("two"));
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "two");
    assert!(one.calls()[0].context.has_spare() && !two.calls()[0].context.has_spare());

    let (one, two) =
        (Scripted::new([no_place(), Step::from("one")]), Scripted::always(Step::fail(ErrorKind::Connect)));
    let outcome = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "one");
    assert!(!one.calls()[1].context.has_spare(), "it may wait now");
    assert!(
        outcome.trace.iter().any(|line| line == "one is asked again, and waited for"),
        "{:?}",
        outcome.trace
    );

    let (one, two) = (Scripted::always(no_place()), Scripted::always(no_place()));
    let error = orchestrator(&[("one", &one), ("two", &two)]).process("hi").await.unwrap_err();
    assert_eq!((one.count(), two.count(), error.causes().len()), (2, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_is_refused_and_whoever_sets_it_up_is_told_the_same() {
    let one = Scripted::always("one");
    let orchestrator = orchestrator(&[("one", &one), ("two", &one)]);
    let two = Options::default().edited(|options| options.min_responses_needed = Some(2));
    let error = orchestrator.process_with("hi", two.clone()).await.unwrap_err();
    assert_eq!((error.kind(), one.count()), (ErrorKind::Config, 0));
    assert_eq!(orchestrator.check(&two.into()).unwrap_err().message(), error.message());
}
