//! The layer `retry`, in virtual time.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, ChatRequest, Delivery, Error, ErrorKind, Layer as _, OrchestratorBuilder, Provider,
    Registry, Slot,
};
use ultraai_layers::retry::{RetryConfig, RetryLayer};
use ultraai_strategy_fallback::Fallback;
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

fn retrying(inner: &Scripted) -> Arc<dyn Provider> {
    RetryLayer::default().layer(Arc::new(inner.clone()))
}

fn cx() -> CallContext {
    CallContext::new().with_max_retries(3)
}

fn busy(after: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(after)
}

#[tokio::test(start_paused = true)]
async fn what_the_same_candidate_may_answer_is_tried_again() {
    let inner = Scripted::new([
        Step::fail(ErrorKind::ServerError),
        Step::fail(ErrorKind::Connect),
        Step::from("hello"),
    ]);
    assert_eq!(retrying(&inner).ask_in(&cx(), "hi").await.unwrap().text(), "hello");
    let attempts: Vec<_> = inner.calls().iter().map(|call| call.context.attempt()).collect();
    assert_eq!(attempts, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_another_candidate_must_answer_is_not() {
    for kind in
        [ErrorKind::Authentication, ErrorKind::Rejected, ErrorKind::InvalidRequest, ErrorKind::QuotaExhausted]
    {
        let inner = Scripted::new([Step::fail(kind)]);
        assert_eq!(retrying(&inner).ask_in(&cx(), "hi").await.unwrap_err().kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_before_it_was_sent_is_not() {
    let refusal = busy(Duration::from_secs(1)).unsent();
    let inner = Scripted::new([Step::from(refusal)]);
    let before = Instant::now();
    let error = retrying(&inner).ask_in(&cx(), "hi").await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));

    let refusal = Error::new(ErrorKind::BudgetExceeded, "nothing is left").unsent();
    let inner = Scripted::new([Step::fail(ErrorKind::ServerError), Step::from(refusal)]);
    let error = retrying(&inner).ask_in(&cx(), "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerError, "the failure says more than the refusal of its retry");
}

#[tokio::test(start_paused = true)]
async fn it_stops_after_max_retries_and_tells_the_last_error() {
    let inner = Scripted::new([
        Step::fail(ErrorKind::Connect),
        Step::fail(ErrorKind::ServerError),
        Step::fail(ErrorKind::Overloaded),
    ]);
    let error = retrying(&inner).ask_in(&CallContext::new().with_max_retries(2), "hi").await.unwrap_err();
    assert_eq!((error.kind(), inner.count()), (ErrorKind::Overloaded, 3));
}

#[tokio::test(start_paused = true)]
async fn the_providers_own_delay_is_a_floor() {
    let inner = Scripted::new([Err(busy(Duration::from_secs(7))), Ok("hello")]);
    let before = Instant::now();
    retrying(&inner).ask_in(&cx(), "hi").await.unwrap();
    let waited = before.elapsed();
    assert!((Duration::from_secs(7)..=Duration::from_millis(7500)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_would_pass_the_deadline_is_not_waited_for() {
    let inner = Scripted::new([Err::<&str, _>(busy(Duration::from_secs(30)))]);
    let before = Instant::now();
    let error = retrying(&inner).ask_in(&cx().with_timeout(Duration::from_secs(20)), "hi").await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn delays_are_drawn_anew_and_are_equal_under_an_equal_seed() {
    let wait = |seed| async move {
        let inner = Scripted::new([Step::fail(ErrorKind::ServerError)]).then_always("hello");
        let parts =
            (ultraai_core::Clock::default(), ultraai_core::Purse::unlimited(), ultraai_core::Ledger::new());
        let cx = CallContext::with_parts(seed, parts.0, parts.1, parts.2).with_max_retries(1);
        let before = Instant::now();
        retrying(&inner).ask_in(&cx, "hi").await.unwrap();
        before.elapsed()
    };
    let drawn = [wait(1).await, wait(2).await, wait(3).await];
    assert_eq!(wait(1).await, drawn[0]);
    assert!(drawn.iter().all(|wait| *wait <= Duration::from_millis(501)), "{drawn:?}");
    assert!(drawn[0] != drawn[1] || drawn[1] != drawn[2], "{drawn:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_broke_after_its_first_content_is_not_asked_again() {
    let inner = Scripted::new([Step::live([Beat::from("hel")])]);
    let request = Arc::new(ChatRequest::from_prompt("hi").with_delivery(Delivery::Live));
    let reply = retrying(&inner).chat(&cx(), request).await.unwrap();
    assert_eq!(reply.collect().await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(inner.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_bucket_stops_a_storm_and_success_refills_it() {
    let mut config = RetryConfig::default();
    config.bucket = 20;
    let inner = Scripted::always(Step::fail(ErrorKind::ServerError));
    let provider = RetryLayer::new(config).unwrap().layer(Arc::new(inner.clone()));
    for _ in 0..10 {
        provider.ask_in(&cx(), "hi").await.unwrap_err();
    }
    // Ten first attempts, and the four retries that the bucket paid for.
    assert_eq!(inner.count(), 14);

    let steps = (0..20).map(|_| Step::fail(ErrorKind::Timeout)).chain((0..10).map(|_| Step::from("hello")));
    let inner = Scripted::new(steps.collect::<Vec<_>>()).then_always(Step::fail(ErrorKind::ServerError));
    let provider = RetryLayer::new(config).unwrap().layer(Arc::new(inner.clone()));
    while provider.ask_in(&cx(), "hi").await.is_err() {}
    for _ in 0..9 {
        provider.ask_in(&cx(), "hi").await.unwrap();
    }
    let before = inner.count();
    provider.ask_in(&cx(), "hi").await.unwrap_err();
    assert_eq!(inner.count() - before, 1 + 2, "ten answers paid for two retries");
}

#[tokio::test(start_paused = true)]
async fn retries_of_one_that_hangs_leave_time_for_the_next_candidate() {
    for live in [false, true] {
        let orchestrator = OrchestratorBuilder::new(Fallback::default())
            .registry(Registry::builder().build())
            .layer(Slot::Retry, RetryLayer::default())
            .timeout_seconds(30.0)
            .build()
            .unwrap();
        orchestrator.register_provider("dead", Scripted::always(Step::hang())).unwrap();
        // It may write for longer than what is left to the first content.
        let slow = Step::live([
            Beat::from("hel"),
            Beat::pause(Duration::from_secs(8)),
            "lo".into(),
            Beat::finished(),
        ]);
        let other = if live { Scripted::always(slow) } else { Scripted::always("hello") };
        orchestrator.register_provider("other", other).unwrap();
        let outcome = match live {
            true => orchestrator.process_stream("hi").unwrap().outcome().await,
            false => orchestrator.process("hi").await,
        };
        assert_eq!(outcome.unwrap().synthesis.response, "hello", "live: {live}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_says_how_often_and_why() {
    let orchestrator = OrchestratorBuilder::new(Fallback::default())
        .registry(Registry::builder().build())
        .layer(Slot::Retry, RetryLayer::default())
        .build()
        .expect("nothing is missing");
    let steps = [Step::fail(ErrorKind::RateLimited), Step::fail(ErrorKind::ServerError), Step::from("hello")];
    orchestrator.register_provider("one", Scripted::new(steps)).expect("it needs no settings");
    let outcome = orchestrator.process("hi").await.expect("the third attempt answers");
    let sentence = "one was tried again 2 times, after rate_limited, server_error";
    assert!(outcome.trace.iter().any(|line| line == sentence), "{:?}", outcome.trace);
}
