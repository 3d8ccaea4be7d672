//! The base orchestrator, through a strategy that asks the candidates in order.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use ultraai_core::{
    AbandonReason, Ask, CallContext, Candidate, ChatRequest, Delivery, ErrorKind, Event, Ledger, Method,
    Options, Orchestrator, OrchestratorBuilder, Outcome, Provider as _, ProviderSpec, Registry,
    RequestOptions, Result, Run, Strategy, async_trait, ledger::RowOutcome, orchestrator::ResponseStatus,
};
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

/// Asks the candidates in order and returns the first answer.
#[derive(Debug, Default)]
struct First;

#[async_trait]
impl Strategy for First {
    fn name(&self) -> &'static str {
        "first"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let mut causes = Vec::new();
        for candidate in run.candidates() {
            if run.was_asked(candidate.id()) {
                continue;
            }
            let answer = match run.ask(candidate, Arc::clone(&request)).await {
                Ok(reply) => run.forward(reply).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => return Ok(run.outcome(Method::Chosen, &answer, &[], None)),
                Err(error) => causes.push(error),
            }
        }
        Err(run.exhausted("nobody answered", causes))
    }
}

/// Asks all together, keeps the first answer and gives the others up.
#[derive(Debug, Default)]
struct Quickest;

#[async_trait]
impl Strategy for Quickest {
    fn name(&self) -> &'static str {
        "quickest"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let mut panel = run.panel(run.candidates().iter().map(|candidate| Ask::new(candidate, &request)));
        let answer = panel.next().await.expect("there are candidates").result?;
        panel.abort_all(AbandonReason::EnoughAnswers);
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

fn builder<S: Strategy>(strategy: S) -> OrchestratorBuilder<S> {
    OrchestratorBuilder::new(strategy).registry(Registry::builder().build()).seed(1)
}

fn first() -> Orchestrator<First> {
    builder(First).build().unwrap()
}

fn fails(kind: ErrorKind) -> Scripted {
    Scripted::always(Step::fail(kind))
}

#[tokio::test(start_paused = true)]
async fn an_outcome_says_who_said_what_and_why() {
    let orchestrator = first();
    orchestrator.register_provider("broken", fails(ErrorKind::ServerError)).unwrap();
    orchestrator
        .register_provider("fine", ProviderSpec::from(Scripted::new(["hello"])).model("m-1"))
        .unwrap();
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "hello");
    assert_eq!(outcome.synthesis.provider_id, "fine");
    let statuses: Vec<_> =
        outcome.responses.iter().map(|one| (one.provider_id.as_str(), one.status, one.used)).collect();
    assert_eq!(
        statuses,
        [("broken", ResponseStatus::Failed, false), ("fine", ResponseStatus::Answered, true)]
    );
    assert_eq!(outcome.ledger.rows.len(), 2);
    assert_eq!(outcome.ledger.rows[1].request_model.as_deref(), Some("m-1"));
    assert!(outcome.trace.iter().any(|line| line.starts_with("broken failed")), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_survives_json() {
    let orchestrator = first();
    orchestrator.register_provider("broken", fails(ErrorKind::ServerError)).unwrap();
    orchestrator.register_provider("fine", Scripted::new(["hello"])).unwrap();
    let outcome = orchestrator.process("hi").await.unwrap();
    let json = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_still_says_what_it_cost() {
    let orchestrator = first();
    orchestrator.register_provider("one", fails(ErrorKind::Authentication)).unwrap();
    orchestrator.register_provider("two", fails(ErrorKind::Interrupted)).unwrap();
    let error = orchestrator.process("hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    let causes: Vec<_> =
        error.causes().iter().map(|cause| (cause.provider().unwrap().as_str(), cause.kind())).collect();
    assert_eq!(causes, [("one", ErrorKind::Authentication), ("two", ErrorKind::Interrupted)]);
    let report = error.report().unwrap();
    assert_eq!(report.ledger.totals.attempts, 2);
    // The interrupted one may have cost something, and nobody knows what.
    assert_eq!(report.ledger.totals.attempts_of_unknown_cost, 1);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_asked_in_place_and_only_once() {
    let orchestrator = first();
    let spare = fails(ErrorKind::ServerError);
    orchestrator
        .register_provider(
            "main",
            ProviderSpec::from(fails(ErrorKind::ServerError)).fallbacks(["spare", "gone"]),
        )
        .unwrap();
    orchestrator.register_provider("other", fails(ErrorKind::ServerError)).unwrap();
    orchestrator.register_provider("spare", spare.clone()).unwrap();
    let error = orchestrator.process("hi").await.unwrap_err();
    assert_eq!(spare.count(), 1);
    let order: Vec<_> =
        error.report().unwrap().responses.iter().map(|one| one.provider_id.to_string()).collect();
    assert_eq!(order, ["main", "spare", "other"]);
    assert!(
        error
            .report()
            .unwrap()
            .trace
            .iter()
            .any(|line| line.contains("gone") && line.contains("not registered"))
    );
}

#[test]
fn fallbacks_in_a_circle_are_refused_at_registration() {
    let orchestrator = first();
    let spec = |fallback: &str| ProviderSpec::from(fails(ErrorKind::ServerError)).fallbacks([fallback]);
    orchestrator.register_provider("a", spec("b")).unwrap();
    orchestrator.register_provider("b", spec("c")).unwrap();
    let error = orchestrator.register_provider("c", spec("a")).unwrap_err().to_string();
    assert!(error.contains("c → a → b → c"), "{error}");
    assert_eq!(orchestrator.candidates().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_settings_keep_the_counters_and_changed_ones_start_afresh() {
    let orchestrator = first();
    let spec = ProviderSpec::from(Scripted::always("hello"));
    orchestrator.register_provider("one", spec.clone()).unwrap();
    orchestrator.process("hi").await.unwrap();
    let requests = || orchestrator.stats().providers.values().next().unwrap().requests;
    orchestrator.register_provider("one", spec.clone()).unwrap();
    assert_eq!(requests(), 1);
    orchestrator.reconfigure_provider("one", spec.weight(2.0)).unwrap();
    assert_eq!(requests(), 0);
    orchestrator.unregister_provider("one").unwrap();
    assert_eq!(orchestrator.process("hi").await.unwrap_err().kind(), ErrorKind::Config);
    assert!(orchestrator.unregister_provider("one").unwrap_err().to_string().contains("`one`"));
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_keeps_its_candidates() {
    let orchestrator = first();
    let slow = Step::from("hello").after(Duration::from_secs(5));
    orchestrator.register_provider("one", Scripted::new([slow])).unwrap();
    let (outcome, removed) = tokio::join!(orchestrator.process("hi"), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        orchestrator.unregister_provider("one")
    });
    assert!(removed.is_ok());
    assert_eq!(outcome.unwrap().synthesis.response, "hello");
}

#[tokio::test(start_paused = true)]
async fn weight_decides_the_order_and_health_comes_before_it() {
    let orchestrator = first();
    orchestrator.register_provider("light", Scripted::always("light")).unwrap();
    let down = || Step::fail(ErrorKind::ServerError);
    let heavy = Scripted::new([down(), down(), down(), down()]).then_always("heavy");
    orchestrator.register_provider("heavy", ProviderSpec::from(heavy.clone()).weight(5.0)).unwrap();
    for _ in 0..4 {
        assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "light");
    }
    assert_eq!(heavy.count(), 4);
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), heavy.count()), ("light", 4));
    assert!(outcome.trace.iter().any(|line| line.starts_with("heavy was put behind")));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "heavy");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_new_and_slow_comes_before_one_that_fails() {
    let orchestrator = first();
    let failing = Scripted::always(Step::fail(ErrorKind::ServerError));
    orchestrator.register_provider("failing", failing.clone()).unwrap();
    let slow = Step::from("slow").after(Duration::from_mins(1));
    orchestrator.register_provider("slow", Scripted::always(slow)).unwrap();
    // So many at once that nobody can tell yet whether the slow one hangs.
    let mut under_way = JoinSet::new();
    for _ in 0..40 {
        let orchestrator = orchestrator.clone();
        under_way.spawn(async move { orchestrator.process("hi").await.map(|outcome| outcome.trace) });
    }
    let traces: Vec<_> = under_way.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(failing.count(), 4);
    assert!(
        traces[39].iter().any(|line| line == "failing was put behind the others: its last attempts failed")
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_everything_and_the_rows_say_so() {
    let orchestrator = builder(First).timeout_seconds(3.0).build().unwrap();
    orchestrator.register_provider("one", Scripted::always(Step::hang())).unwrap();
    let before = Instant::now();
    let error = orchestrator.process("hi").await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::Timeout, Duration::from_secs(3)));
    let report = error.report().unwrap();
    assert_ne!(report.ledger.rows[0].outcome, RowOutcome::Running);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_leaves_its_rows() {
    let orchestrator = builder(Quickest).build().unwrap();
    let (one, two) = (Scripted::always(Step::hang()), Scripted::always(Step::hang()));
    orchestrator.register_provider("one", one.clone()).unwrap();
    orchestrator.register_provider("two", two.clone()).unwrap();
    let ledger = Ledger::new();
    let call = orchestrator.process_with("hi", RequestOptions::default().with_ledger(ledger.clone()));
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    let rows = ledger.report().rows;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.reason == Some(AbandonReason::CallerLeft)));
    assert_eq!(one.in_flight() + two.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_is_given_up_stands_in_the_outcome_with_the_reason() {
    let orchestrator = builder(Quickest).build().unwrap();
    orchestrator.register_provider("slow", Scripted::always(Step::hang())).unwrap();
    orchestrator.register_provider("quick", Scripted::always("hello")).unwrap();
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!(outcome.responses[0].reason, Some(AbandonReason::EnoughAnswers));
    let row = &outcome.ledger.rows[0];
    assert_eq!((row.outcome, row.reason), (RowOutcome::Abandoned, Some(AbandonReason::EnoughAnswers)));
}

#[tokio::test(start_paused = true)]
async fn a_staggered_member_starts_later_and_not_at_all_when_it_is_not_needed() {
    #[derive(Debug)]
    struct Staggered;
    #[async_trait]
    impl Strategy for Staggered {
        fn name(&self) -> &'static str {
            "staggered"
        }
        async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
            let ask = |(place, candidate): (u32, &Arc<Candidate>)| {
                Ask::new(candidate, &request).start_after(Duration::from_secs(2) * place)
            };
            let mut panel = run.panel((0..).zip(run.candidates()).map(ask));
            let answer = panel.next().await.expect("there are candidates").result?;
            panel.abort_all(AbandonReason::EnoughAnswers);
            Ok(run.outcome(Method::Chosen, &answer, &[], None))
        }
    }
    let orchestrator = builder(Staggered).build().unwrap();
    let third = Scripted::always("third");
    orchestrator.register_provider("one", Scripted::always(Step::hang())).unwrap();
    orchestrator.register_provider("two", Scripted::always("two")).unwrap();
    orchestrator.register_provider("three", third.clone()).unwrap();
    let before = Instant::now();
    assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "two");
    assert_eq!((before.elapsed(), third.count()), (Duration::from_secs(2), 0));
}

#[tokio::test(start_paused = true)]
async fn a_seat_on_a_panel_counts_before_its_member_is_asked() {
    #[derive(Debug)]
    struct Filling;
    #[async_trait]
    impl Strategy for Filling {
        fn name(&self) -> &'static str {
            "filling"
        }
        async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
            let mut panel = run.panel([]);
            while run.allowance() > 0 {
                panel.push(Ask::new(&run.candidates()[panel.len()], &request));
            }
            assert_eq!(panel.len(), 2);
            let answer = panel.next().await.expect("there are candidates").result?;
            assert_eq!(run.allowance(), 0);
            Ok(run.outcome(Method::Chosen, &answer, &[], None))
        }
    }
    let orchestrator = builder(Filling).max_providers_per_request(2).build().unwrap();
    for id in ["one", "two", "three"] {
        orchestrator.register_provider(id, Scripted::always(id)).unwrap();
    }
    assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "one");
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_what_happens_and_ends_with_the_outcome() {
    let orchestrator = first();
    orchestrator.register_provider("broken", fails(ErrorKind::ServerError)).unwrap();
    orchestrator.register_provider("fine", Scripted::always(Step::streamed(["hel", "lo"]))).unwrap();
    let mut stream = orchestrator.process_stream("hi").unwrap();
    let mut seen = Vec::new();
    while let Some(event) = stream.next().await {
        seen.push(match event.unwrap() {
            Event::Started { .. } => "started".to_owned(),
            Event::Asked { provider_id, .. } => format!("asked {provider_id}"),
            Event::Failed { provider_id, .. } => format!("failed {provider_id}"),
            Event::Answered { provider_id, .. } => format!("answered {provider_id}"),
            Event::Answering { provider_id, .. } => format!("answering {provider_id}"),
            Event::Delta { delta } => format!("{delta:?}"),
            Event::Finished { outcome } => format!("finished {}", outcome.synthesis.response),
            other => format!("{other:?}"),
        });
    }
    let expected = [
        "started",
        "asked broken",
        "failed broken",
        "asked fine",
        "answering fine",
        "Text(\"hel\")",
        "Text(\"lo\")",
        "answered fine",
        "finished hello",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_slows_the_request_and_loses_nothing() {
    let orchestrator = first();
    let texts: Vec<String> = (0..200).map(|number| format!("{number} ")).collect();
    let step = Step::streamed(texts.iter().map(String::as_str));
    orchestrator.register_provider("fine", Scripted::always(step)).unwrap();
    let mut stream = orchestrator.process_stream("hi").unwrap();
    let mut deltas = 0;
    while let Some(event) = stream.next().await {
        deltas += usize::from(matches!(event.unwrap(), Event::Delta { .. }));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(deltas, 200);
}

#[tokio::test(start_paused = true)]
async fn pieces_that_broke_off_are_declared_void() {
    let orchestrator = first();
    orchestrator.register_provider("breaks", Scripted::always(Step::live(["hel"]))).unwrap();
    orchestrator.register_provider("fine", Scripted::always(Step::streamed(["hello"]))).unwrap();
    let mut stream = orchestrator.process_stream("hi").unwrap();
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            Event::Delta { delta: ultraai_core::Delta::Text(more) } => text.push_str(&more),
            Event::Discarded { .. } => text.clear(),
            _ => {}
        }
    }
    assert_eq!(text, "hello");
}

#[tokio::test(start_paused = true)]
async fn an_orchestrator_is_a_provider_and_only_leaves_are_summed() {
    let inner = first();
    inner.register_provider("leaf", Scripted::always("hello")).unwrap();
    let outer = first();
    outer.register_provider("nested", inner).unwrap();
    let outcome = outer.process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "hello");
    let [span, leaf] = outcome.ledger.rows.as_slice() else { panic!("{:?}", outcome.ledger.rows) };
    assert!(span.is_span && leaf.parent == Some(span.id));
    assert_eq!(outcome.ledger.totals.attempts, 1);
    assert_eq!(outcome.ledger.totals.reported.input_tokens, 5);
}

#[tokio::test(start_paused = true)]
async fn a_nested_deadline_cannot_be_later_than_the_outer_one() {
    let inner = builder(First).timeout_seconds(60.0).build().unwrap();
    inner.register_provider("leaf", Scripted::always(Step::hang())).unwrap();
    let outer = builder(First).timeout_seconds(2.0).build().unwrap();
    outer.register_provider("nested", inner).unwrap();
    let before = Instant::now();
    assert_eq!(outer.process("hi").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(before.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_nested_live_answer_comes_in_its_pieces() {
    let inner = first();
    inner.register_provider("leaf", Scripted::always(Step::streamed(["hel", "lo"]))).unwrap();
    let request = Arc::new(ChatRequest::from_prompt("hi").with_delivery(Delivery::Live));
    let answer = inner.chat(&CallContext::new(), request).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.text(), "hello");
    let breaks = first();
    breaks.register_provider("leaf", Scripted::always(Step::live([Beat::from("hel")]))).unwrap();
    let events = breaks.ask_live(&CallContext::new(), "hi").await.unwrap();
    assert_eq!(events.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn bad_requests_and_options_are_refused_before_anybody_is_asked() {
    let orchestrator = first();
    let inner = Scripted::always("hello");
    orchestrator.register_provider("one", inner.clone()).unwrap();
    let refused =
        |options: Options| async { orchestrator.process_with("hi", options).await.unwrap_err().to_string() };
    let mut options = Options::default();
    options.timeout_seconds = Some(0.0);
    assert!(refused(options).await.contains("timeout_seconds"));
    let mut options = Options::default();
    options.connect_timeout_seconds = Some(1.0);
    assert!(refused(options).await.contains("cannot be set for one request"));
    let mut options = Options::default();
    options.max_retries = Some(2);
    assert!(refused(options).await.contains("needs the layer `retry`"));
    let mut options = Options::default();
    options.analysis_type = Some("factual".into());
    assert!(refused(options).await.contains("no analyzer `factual` is linked"));
    assert_eq!(orchestrator.process(" ").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(inner.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_providers_own_limit_of_time_bounds_one_attempt() {
    let orchestrator = first();
    let spec = ProviderSpec::from(Scripted::always(Step::hang())).timeout(Duration::from_secs(2));
    orchestrator.register_provider("hangs", spec).unwrap();
    orchestrator.register_provider("fine", Scripted::always("hello")).unwrap();
    let before = Instant::now();
    assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "hello");
    assert_eq!(before.elapsed(), Duration::from_secs(2));
}

#[test]
fn futures_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let orchestrator = first();
    is_send(orchestrator.process("hi"));
    orchestrator.register_provider("one", Scripted::always("hello")).unwrap();
    is_send(orchestrator.process_stream("hi").unwrap());
}
