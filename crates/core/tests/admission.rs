//! How many requests are under way at once, and who waits.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, ErrorKind, Options, Orchestrator, OrchestratorBuilder, Outcome, Registry, Result, Run,
    Strategy, async_trait,
};
use ultraai_testkit::{Scripted, Step};

/// Asks the first candidate.
#[derive(Debug)]
struct First;

#[async_trait]
impl Strategy for First {
    fn name(&self) -> &'static str {
        "first"
    }

    async fn process(&self, run: &Run, request: Arc<ultraai_core::ChatRequest>) -> Result<Outcome> {
        let reply = run.ask(&run.candidates()[0], request).await?;
        let answer = run.forward(reply).await?;
        Ok(run.outcome(ultraai_core::Method::Chosen, &answer, std::slice::from_ref(&answer), None))
    }
}

fn orchestrator(most: usize, queued: usize, inner: &Scripted) -> Arc<Orchestrator<First>> {
    let orchestrator = OrchestratorBuilder::new(First)
        .registry(Registry::builder().build())
        .max_requests_in_flight(most)
        .max_queued_requests(queued)
        .timeout_seconds(10.0)
        .build()
        .expect("nothing is missing");
    orchestrator.register_provider("one", inner.clone()).expect("it needs no settings");
    Arc::new(orchestrator)
}

fn taking(seconds: u64) -> Scripted {
    Scripted::always(Step::from("hello").after(Duration::from_secs(seconds)))
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_are_under_way_and_the_others_come_in_order() {
    let inner = taking(1);
    let orchestrator = orchestrator(2, 10, &inner);
    let began = Instant::now();
    let requests: Vec<_> = (0..6)
        .map(|number| {
            let orchestrator = Arc::clone(&orchestrator);
            async move {
                orchestrator.process(format!("request {number}")).await.expect("it is answered");
                began.elapsed().as_secs()
            }
        })
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, request) in requests.into_iter().enumerate() {
        tasks.spawn(async move { (number, request.await) });
        tokio::task::yield_now().await;
        assert!(inner.in_flight() <= 2);
    }
    assert_eq!(orchestrator.requests_queued(), 4);
    let mut ended = tasks.join_all().await;
    ended.sort_unstable();
    assert_eq!(ended, [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)]);
    assert_eq!(orchestrator.requests_queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
    let inner = taking(2);
    let orchestrator = orchestrator(1, 1, &inner);
    orchestrator.process("before").await.expect("it is answered");
    let ask = || {
        let orchestrator = Arc::clone(&orchestrator);
        tokio::time::timeout(Duration::from_secs(9), async move { orchestrator.process("hi").await })
    };
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(ask());
    tasks.spawn(ask());
    tokio::task::yield_now().await;
    let before = Instant::now();
    let error = orchestrator.process("one too many").await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::QueueFull, Duration::ZERO));
    let delay = error.retry_after().expect("a request's usual time is known");
    assert!((Duration::from_secs(4)..Duration::from_millis(4200)).contains(&delay), "{delay:?}");
    assert!(tasks.join_all().await.into_iter().all(|result| result.unwrap().is_ok()));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_frees_his_place_and_who_waits_too_long_is_told() {
    let inner = Scripted::always(Step::hang());
    let orchestrator = orchestrator(1, 1, &inner);
    let first = orchestrator.process("never answered");
    tokio::pin!(first);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut first).await.is_err());
    let left = tokio::time::timeout(Duration::from_millis(1), orchestrator.process("leaves")).await;
    assert!(left.is_err());
    assert_eq!(orchestrator.requests_queued(), 0);
    let mut options = Options::default();
    options.timeout_seconds = Some(1.0);
    let error = orchestrator.process_with("waits", options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let trace = &error.report().expect("it began").trace;
    assert!(trace.iter().any(|line| line.contains("max_requests_in_flight")), "{trace:?}");
    assert_eq!(error.report().expect("it began").ledger.rows.len(), 0);
    assert_eq!(inner.count(), 1, "nobody else reached the provider");
}

#[tokio::test(start_paused = true)]
async fn what_no_strategy_does_has_its_place_among_the_requests() {
    let inner = taking(1);
    let orchestrator = orchestrator(1, 1, &inner);
    let cx = CallContext::new().with_timeout(Duration::from_secs(2));
    let place = orchestrator.enter(&cx).await.expect("nobody is there");
    assert_eq!(orchestrator.requests_in_flight(), 1);
    let late = orchestrator.enter(&cx).await.unwrap_err();
    assert!(late.kind() == ErrorKind::Timeout && late.is_unsent(), "{late}");
    let mut tasks = tokio::task::JoinSet::new();
    let own = Arc::clone(&orchestrator);
    tasks.spawn(async move { own.process("waits").await });
    tokio::task::yield_now().await;
    assert_eq!((orchestrator.requests_queued(), inner.count()), (1, 0));
    assert_eq!(orchestrator.enter(&CallContext::new()).await.unwrap_err().kind(), ErrorKind::QueueFull);
    drop(place);
    tasks.join_next().await.expect("it was spawned").unwrap().expect("it is answered");
    let requests = orchestrator.stats().requests;
    assert_eq!((requests.in_flight, requests.started, requests.answered), (0, 1, 1));
}

#[tokio::test]
async fn a_queue_without_a_cap_and_a_cap_for_one_request_are_refused() {
    let builder =
        OrchestratorBuilder::new(First).registry(Registry::builder().build()).max_queued_requests(3);
    assert!(builder.build().unwrap_err().to_string().contains("`max_requests_in_flight`"));
    let mut options = Options::default();
    options.max_requests_in_flight = Some(1);
    let error = orchestrator(1, 1, &taking(0)).process_with("hi", options).await.unwrap_err();
    assert!(error.to_string().contains("cannot be set for one request"), "{error}");
}
