//! The strategy `race`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, ChatResponse, Delta, ErrorKind, Event, FinishReason, Method, Options, OrchestratorBuilder,
    Outcome, Registry, ledger::RowOutcome, orchestrator::ResponseStatus,
};
use ultraai_strategy_race::{Race, RaceOrchestrator};
use ultraai_testkit::{Beat, Scripted, Step};

fn race(race: Race, members: &[(&str, &Scripted)]) -> RaceOrchestrator {
    let orchestrator = OrchestratorBuilder::new(race)
        .registry(Registry::builder().build())
        .timeout_seconds(60.0)
        .seed(1)
        .build()
        .unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn apart(seconds: f64) -> Race {
    Race::default().with_stagger_seconds(seconds)
}

fn after(seconds: f64, text: &'static str) -> Scripted {
    Scripted::always(Step::from(text).after(Duration::from_secs_f64(seconds)))
}

fn started(outcome: &Outcome) -> Vec<f64> {
    outcome.ledger.rows.iter().map(|row| (row.started_seconds * 1e3).round() / 1e3).collect()
}

#[tokio::test(start_paused = true)]
async fn who_answers_within_the_step_runs_alone() {
    let (one, two) = (after(0.9, "one"), after(0.1, "two"));
    let outcome = race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), two.count()), ("one", 0));
    assert!(outcome.trace.iter().any(|line| line == "1 did not start: one was first"), "{:?}", outcome.trace);
    assert_eq!(outcome.ledger.rows.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn starts_are_staggered_and_the_first_good_answer_wins() {
    let (one, two, three) = (after(9.0, "one"), after(9.0, "two"), after(0.5, "three"));
    let members = [("one", &one), ("two", &two), ("three", &three)];
    let before = Instant::now();
    let outcome = race(apart(2.0), &members).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "three");
    assert_eq!(before.elapsed(), Duration::from_millis(4500));
    assert_eq!(started(&outcome), [0.0, 2.0, 4.0]);
    for row in &outcome.ledger.rows[..2] {
        assert_eq!((row.outcome, row.reason), (RowOutcome::Abandoned, Some(AbandonReason::EnoughAnswers)));
    }
    assert_eq!((one.in_flight(), two.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_starts_the_next_at_once_and_moves_the_others_up() {
    let fails = Scripted::always(Step::fail(ErrorKind::Authentication).after(Duration::from_millis(500)));
    let (two, three) = (after(9.0, "two"), after(1.0, "three"));
    let members = [("one", &fails), ("two", &two), ("three", &three)];
    let outcome = race(apart(2.0), &members).process("hi").await.unwrap();
    assert_eq!(started(&outcome), [0.0, 0.5, 2.5]);
    assert_eq!(outcome.synthesis.response, "three");
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_costs_a_step() {
    let (hangs, two) = (Scripted::always(Step::hang()), after(0.2, "two"));
    let orchestrator = race(Race::default(), &[("one", &hangs), ("two", &two)]);
    let before = Instant::now();
    assert_eq!(orchestrator.process("hi").await.unwrap().synthesis.response, "two");
    assert_eq!(before.elapsed(), Duration::from_millis(1200));
    let live = orchestrator.process_stream("hi").unwrap().outcome().await.unwrap();
    assert_eq!(live.synthesis.response, "two");
}

#[tokio::test(start_paused = true)]
async fn the_step_is_what_the_candidate_usually_takes() {
    let steps = (0..50).map(|_| Step::from("one").after(Duration::from_millis(100)));
    let one = Scripted::new(steps.collect::<Vec<_>>()).then_always(Step::hang());
    let two = after(0.1, "two");
    let orchestrator = race(Race::default(), &[("one", &one), ("two", &two)]);
    for _ in 0..50 {
        orchestrator.process("hi").await.unwrap();
    }
    let outcome = orchestrator.process("hi").await.unwrap();
    assert!((0.1..0.105).contains(&started(&outcome)[1]), "{:?}", started(&outcome));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_off_wins_nothing_and_is_better_than_none() {
    let cut = || {
        let answer = ChatResponse::from_text("hel").with_finish_reason(FinishReason::Length);
        Scripted::always(Step::whole(answer))
    };
    let (one, two) = (cut(), after(3.0, "hello"));
    let outcome = race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), started(&outcome)), ("hello", vec![0.0, 0.0]));
    let (one, two) = (cut(), Scripted::always(Step::fail(ErrorKind::ServerError)));
    let outcome = race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("hel", Method::Degraded));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_every_error_is_told_and_what_nobody_can_answer_ends_the_race() {
    let fails = |kind| Scripted::always(Step::fail(kind));
    let (one, two) = (fails(ErrorKind::Connect), fails(ErrorKind::QuotaExhausted));
    let error = race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap_err();
    let kinds: Vec<_> = error.causes().iter().map(ultraai_core::Error::kind).collect();
    assert_eq!(
        (error.kind(), kinds),
        (ErrorKind::Exhausted, vec![ErrorKind::Connect, ErrorKind::QuotaExhausted])
    );
    let (one, two) = (fails(ErrorKind::InvalidRequest), after(0.1, "two"));
    race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap_err();
    assert_eq!(two.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_won_by_its_first_content_and_a_break_starts_the_others_anew() {
    let slow = Scripted::always(Step::from("slow").after(Duration::from_secs(3)));
    let breaks = Scripted::always(Step::live([Beat::from("hal"), Beat::pause(Duration::from_secs(1))]));
    let orchestrator = race(apart(1.0), &[("slow", &slow), ("breaks", &breaks)]);
    let mut events = orchestrator.process_stream("hi").unwrap();
    let (mut said, mut outcome) = (Vec::new(), None);
    while let Some(event) = events.next().await {
        match event.unwrap() {
            Event::Delta { delta: Delta::Text(text) } => said.push(text),
            Event::Discarded { .. } => said.push("!".to_owned()),
            Event::Finished { outcome: end } => outcome = Some(end),
            _ => {}
        }
    }
    assert_eq!(said, ["hal", "!", "slow"]);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.synthesis.response, "slow");
    let statuses: Vec<_> = outcome.responses.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [ResponseStatus::Abandoned, ResponseStatus::Failed, ResponseStatus::Answered]);
}

#[tokio::test(start_paused = true)]
async fn no_more_start_than_may_be_asked_and_a_quorum_is_refused() {
    let (one, two) = (Scripted::always(Step::hang()), after(0.1, "two"));
    let orchestrator = race(apart(0.0), &[("one", &one), ("two", &two)]);
    let with = |edit: fn(&mut Options)| Options::default().edited(edit);
    let error = orchestrator
        .process_with("hi", with(|options| options.max_providers_per_request = Some(1)))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), two.count()), (ErrorKind::Timeout, 0));
    let error = orchestrator
        .process_with("hi", with(|options| options.min_responses_needed = Some(2)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let set_up =
        orchestrator.check(&with(|options| options.min_responses_needed = Some(2)).into()).unwrap_err();
    assert_eq!(set_up.message(), error.message(), "whoever sets it up is told the same");
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), started(&outcome)), ("two", vec![0.0, 0.0]));
}

#[tokio::test(start_paused = true)]
async fn one_without_a_place_is_passed_over_and_waited_for_where_nobody_else_answers() {
    let no_place =
        || -> Step { ultraai_core::Error::new(ErrorKind::RateLimited, "no place is free").unsent().into() };
    let (one, two) =
        (Scripted::new([no_place(), Step::from("one")]), Scripted::always(Step::fail(ErrorKind::Connect)));
    let outcome = race(apart(1.0), &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "one");
    let waits: Vec<_> = one.calls().iter().map(|call| !call.context.has_spare()).collect();
    assert_eq!(waits, [false, true]);
}
