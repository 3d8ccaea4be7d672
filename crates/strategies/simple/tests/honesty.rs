//! What must not be told wrongly: no lost event, no empty answer, no unknown cost that looks known, no row that won
//! and was not used.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use ultraai_core::{
    CallContext, ChatEvent, ChatRequest, ChatResponse, Cost, Delivery, Delta, ErrorKind, Event, FinishReason,
    ModelName, Options, Orchestrator, OrchestratorBuilder, Provider as _, ProviderId, ProviderSpec, Registry,
    RequestOptions, Strategy, Usage, ledger::RowOutcome,
};
use ultraai_strategy_fallback::Fallback;
use ultraai_strategy_simple::Simple;
use ultraai_testkit::{Beat, Scripted, Step};

fn build<S: Strategy>(strategy: S, set: impl FnOnce(&mut Options)) -> Orchestrator<S> {
    let mut options = Options::default();
    set(&mut options);
    let registry = Registry::builder().build();
    OrchestratorBuilder::new(strategy).registry(registry).seed(1).options(&options).build().unwrap()
}

fn simple(set: impl FnOnce(&mut Options)) -> Orchestrator<Simple> {
    build(Simple::default(), set)
}

fn fallback(set: impl FnOnce(&mut Options)) -> Orchestrator<Fallback> {
    build(Fallback::default(), set)
}

fn live() -> Arc<ChatRequest> {
    Arc::new(ChatRequest::from_prompt("hi").with_delivery(Delivery::Live))
}

#[tokio::test]
async fn a_reader_whose_turn_is_used_up_loses_no_event() {
    // Tokio lets a task do so much in one turn; many requests in one task meet that limit at every point.
    let orchestrator = fallback(|_| {});
    let step = Step::streamed(["one ", "two ", "three ", "four"]);
    orchestrator.register_provider("a", Scripted::always(step)).unwrap();
    for round in 0..500 {
        let mut stream = orchestrator.process_stream("hi").unwrap();
        let (mut text, mut finished) = (String::new(), false);
        while let Some(event) = stream.next().await {
            assert!(!finished, "an event came after the end of round {round}");
            match event.unwrap() {
                Event::Delta { delta: Delta::Text(more) } => text.push_str(&more),
                Event::Finished { .. } => finished = true,
                _ => {}
            }
        }
        assert_eq!((text.as_str(), finished), ("one two three four", true), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_its_end_left_empty_is_better_than_none_and_worse_than_any_word() {
    let nothing = |reason: FinishReason| ChatResponse::default().with_finish_reason(reason);
    let word = || ChatResponse::from_text("wo").with_finish_reason(FinishReason::Length);
    let failed = || Step::fail(ErrorKind::Rejected);
    let empty = || Step::whole(nothing(FinishReason::Length));
    let withheld = || Step::whole(nothing(FinishReason::ContentFilter));
    for (steps, text, reason) in [
        (vec![empty()], "", FinishReason::Length),
        (vec![withheld()], "", FinishReason::ContentFilter),
        (vec![failed(), withheld()], "", FinishReason::ContentFilter),
        (vec![empty(), Step::whole(word())], "wo", FinishReason::Length),
        (vec![Step::whole(word()), empty()], "wo", FinishReason::Length),
        (vec![empty(), Step::from("fine")], "fine", FinishReason::Stop),
        (vec![withheld(), Step::from("fine")], "fine", FinishReason::Stop),
    ] {
        let members = |register: &dyn Fn(&str, Scripted)| {
            for (id, step) in ["a", "b"].into_iter().zip(steps.clone()) {
                register(id, Scripted::always(step));
            }
        };
        let together = simple(|_| {});
        members(&|id, inner| together.register_provider(id, inner).unwrap());
        let in_turn = fallback(|_| {});
        members(&|id, inner| in_turn.register_provider(id, inner).unwrap());
        for outcome in [
            together.process("hi").await.unwrap(),
            in_turn.process("hi").await.unwrap(),
            in_turn.process_stream("hi").unwrap().outcome().await.unwrap(),
        ] {
            let answer = &outcome.synthesis.answer;
            assert_eq!(
                (answer.text().as_str(), &answer.finish_reason),
                (text, &reason),
                "{:?}",
                outcome.trace
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_withheld_answer_is_asked_for_elsewhere_where_a_candidate_names_who_answers_in_its_place() {
    let withheld = ChatResponse::default().with_finish_reason(FinishReason::ContentFilter);
    let orchestrator = simple(|options| options.max_providers_per_request = Some(2));
    let main = ProviderSpec::from(Scripted::always(Step::whole(withheld))).fallbacks(["b"]);
    orchestrator.register_provider("a", main).unwrap();
    orchestrator.register_provider("b", Scripted::always("fine")).unwrap();
    let only = RequestOptions::default().with_providers(vec![ProviderId::new("a").unwrap()]);
    assert_eq!(orchestrator.process_with("hi", only).await.unwrap().synthesis.response, "fine");
}

#[tokio::test(start_paused = true)]
async fn reasoning_alone_is_no_answer() {
    let reasoning = Beat::from(ChatEvent::Delta(Delta::Reasoning("hm".into())));
    let step = Step::live([reasoning, Beat::finished()]);
    for result in [
        {
            let orchestrator = simple(|_| {});
            orchestrator.register_provider("a", Scripted::always(step.clone())).unwrap();
            orchestrator.process("hi").await
        },
        {
            let orchestrator = fallback(|_| {});
            orchestrator.register_provider("a", Scripted::always(step.clone())).unwrap();
            orchestrator.process_stream("hi").unwrap().outcome().await
        },
    ] {
        assert_eq!(result.unwrap_err().causes()[0].kind(), ErrorKind::EmptyAnswer);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_that_nobody_counted_do_not_make_an_answer_free() {
    let orchestrator = simple(|_| {});
    let answer = ChatResponse::from_text("hello").with_usage(Usage::reported(0, 0));
    orchestrator.register_provider("a", Scripted::always(answer)).unwrap();
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!(outcome.ledger.totals.cost(), Cost::Unknown);
    assert!(outcome.ledger.totals.estimated.output_tokens > 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_knows_what_an_exchange_cost_that_showed_nothing() {
    let orchestrator = simple(|options| options.use_early_stopping = Some(true));
    let quick = Scripted::always(Step::from("quick").after(Duration::from_secs(1)));
    orchestrator.register_provider("a", ProviderSpec::from(quick).price(1.0, 1.0)).unwrap();
    let hangs = Scripted::always(Step::hang());
    orchestrator.register_provider("b", ProviderSpec::from(hangs).price(1.0, 1000.0)).unwrap();
    let totals = orchestrator.process("hi").await.unwrap().ledger.totals;
    assert_eq!((totals.cost(), totals.attempts_of_unknown_cost), (Cost::Unknown, 1));
}

#[tokio::test(start_paused = true)]
async fn an_inner_answer_that_was_discarded_before_its_first_piece_is_no_break() {
    let inner = fallback(|_| {});
    let empty = ChatEvent::Finished { finish_reason: FinishReason::Length };
    inner.register_provider("a", Scripted::always(Step::live([Beat::from(empty)]))).unwrap();
    inner.register_provider("b", Scripted::always(Step::streamed(["fine"]))).unwrap();
    let answer = inner.chat(&CallContext::new(), live()).await.unwrap().collect().await.unwrap();
    assert_eq!(answer.text(), "fine");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_has_not_won() {
    let orchestrator = simple(|_| {});
    let cut = ChatResponse::from_text("cut").with_finish_reason(FinishReason::Length);
    orchestrator.register_provider("a", Scripted::new([Step::from("red"), Step::whole(cut)])).unwrap();
    orchestrator.register_provider("b", Scripted::always("blue")).unwrap();
    let rows = orchestrator.process("hi").await.unwrap().ledger.rows;
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [RowOutcome::Won, RowOutcome::Lost, RowOutcome::Lost]);

    let inner = fallback(|_| {});
    inner.register_provider("leaf", Scripted::always("nested")).unwrap();
    let outer = simple(|options| options.min_responses_needed = Some(2));
    outer.register_provider("nested", inner).unwrap();
    outer.register_provider("broken", Scripted::always(Step::fail(ErrorKind::Rejected))).unwrap();
    let error = outer.process("hi").await.unwrap_err();
    assert!(error.report().unwrap().ledger.rows.iter().all(|row| row.outcome != RowOutcome::Won));
}

#[tokio::test(start_paused = true)]
async fn one_candidate_is_one_voice_and_no_candidate_is_none() {
    let orchestrator = simple(|options| options.min_responses_needed = Some(2));
    let only = Scripted::always("yes");
    orchestrator.register_provider("a", only.clone()).unwrap();
    orchestrator.register_provider("b", Scripted::always("no")).unwrap();
    let id = ProviderId::new("a").unwrap();
    let among = |ids| orchestrator.process_with("hi", RequestOptions::default().with_providers(ids));
    assert_eq!(among(vec![id.clone(), id]).await.unwrap_err().kind(), ErrorKind::Exhausted);
    assert_eq!(among(vec![]).await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(only.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_own_error_is_told() {
    let orchestrator = simple(|options| options.parallel_requests = Some(false));
    let main = ProviderSpec::from(Scripted::always(Step::fail(ErrorKind::ServerError))).fallbacks(["b"]);
    orchestrator.register_provider("a", main).unwrap();
    orchestrator.register_provider("b", Scripted::always(Step::fail(ErrorKind::Authentication))).unwrap();
    let error = orchestrator.process("hi").await.unwrap_err();
    let kinds: Vec<_> = error.causes().iter().map(ultraai_core::Error::kind).collect();
    assert_eq!(kinds, [ErrorKind::ServerError, ErrorKind::Authentication]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_takes_nobodys_seat() {
    let orchestrator = simple(|options| options.max_providers_per_request = Some(2));
    let seated = Scripted::always("b");
    let main = ProviderSpec::from(Scripted::always(Step::fail(ErrorKind::Rejected))).fallbacks(["c"]);
    orchestrator.register_provider("a", main).unwrap();
    orchestrator.register_provider("b", seated.clone()).unwrap();
    orchestrator.register_provider("c", Scripted::always("c")).unwrap();
    orchestrator.process("hi").await.unwrap();
    assert_eq!(seated.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn huge_numbers_of_a_server_overflow_nothing() {
    let orchestrator = simple(|_| {});
    for id in ["a", "b"] {
        let answer = ChatResponse::from_text("x").with_usage(Usage::reported(u64::MAX, u64::MAX));
        orchestrator
            .register_provider(id, ProviderSpec::from(Scripted::always(answer)).price(1.0, 1.0))
            .unwrap();
    }
    let totals = orchestrator.process("hi").await.unwrap().ledger.totals;
    assert_eq!(totals.reported.input_tokens, u64::MAX);
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_does_not_speak_against_the_candidate() {
    let orchestrator = fallback(|options| options.timeout_seconds = Some(0.01));
    let slow = Scripted::always(Step::from("fine").after(Duration::from_secs(1)));
    orchestrator.register_provider("a", slow).unwrap();
    for _ in 0..6 {
        orchestrator.process("hi").await.unwrap_err();
    }
    assert!(orchestrator.candidates()[0].stats().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn what_one_caller_can_provoke_does_not_speak_against_the_candidate() {
    let hurried = || {
        let mut options = RequestOptions::default();
        options.options.timeout_seconds = Some(20.0);
        options.hurried = true;
        options
    };
    let other = || RequestOptions::default().with_model(ModelName::new("invented").unwrap());
    for (step, options, stays_healthy) in [
        (Step::whole(ChatResponse::default()), RequestOptions::default(), true),
        (Step::hang(), hurried(), true),
        (Step::fail(ErrorKind::ModelNotFound), other(), true),
        (Step::fail(ErrorKind::ModelNotFound), RequestOptions::default(), false),
    ] {
        let orchestrator = fallback(|_| {});
        let spec = ProviderSpec::from(Scripted::always(step)).model("own");
        orchestrator.register_provider("a", spec).unwrap();
        for _ in 0..6 {
            orchestrator.process_with("hi", options.clone()).await.unwrap_err();
        }
        let candidate = &orchestrator.candidates()[0];
        assert_eq!(candidate.stats().health() >= 0.5, stays_healthy, "{options:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_an_outer_request_is_named_as_such() {
    let inner = fallback(|options| options.timeout_seconds = Some(100.0));
    inner.register_provider("leaf", Scripted::always(Step::hang())).unwrap();
    let cx = CallContext::new().with_timeout(Duration::from_secs(2));
    let error = inner.chat(&cx, Arc::new(ChatRequest::from_prompt("hi"))).await.unwrap_err();
    assert!(error.to_string().contains("the request around this one"), "{error}");
}
