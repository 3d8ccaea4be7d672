//! The strategy `parallel`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;
use ultraai_core::{
    AbandonReason, Analysis, Analyzer, AnalyzerRegistration, Answer, ChatRequest, ChatResponse, Delta,
    ErrorKind, Event, FinishReason, Method, Options, OrchestratorBuilder, Outcome, Plugin, Priority,
    Registry, ResponseFormat, Result, Run, async_trait, ledger::RowOutcome,
};
use ultraai_routing::Dynamic;
use ultraai_strategy_parallel::{Parallel, ParallelOrchestrator};
use ultraai_testkit::{Scripted, Step};

/// Candidates in the order they are given, unless a test is about the order.
fn with(
    strategy: Parallel,
    set: impl FnOnce(&mut Options),
    members: &[(&str, &Scripted)],
) -> ParallelOrchestrator {
    let mut options = Options::default();
    set(&mut options);
    let orchestrator = OrchestratorBuilder::new(strategy)
        .registry(Registry::builder().build())
        .selector(Priority)
        .seed(1)
        .options(&options)
        .build()
        .unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn parallel(set: impl FnOnce(&mut Options), members: &[(&str, &Scripted)]) -> ParallelOrchestrator {
    with(Parallel::default(), set, members)
}

fn after(seconds: u64, text: &str) -> Scripted {
    Scripted::always(Step::from(text).after(Duration::from_secs(seconds)))
}

fn failing() -> Scripted {
    Scripted::always(Step::fail(ErrorKind::ServerError).after(Duration::from_secs(1)))
}

fn hanging() -> Scripted {
    Scripted::always(Step::hang())
}

fn early(options: &mut Options) {
    options.use_early_stopping = Some(true);
}

fn counts<const N: usize>(members: [&Scripted; N]) -> [usize; N] {
    members.map(Scripted::count)
}

fn given_up(outcome: &Outcome) -> Vec<&str> {
    let rows = outcome.ledger.rows.iter().filter(|row| row.outcome == RowOutcome::Abandoned);
    rows.inspect(|row| assert_eq!(row.reason, Some(AbandonReason::EnoughAnswers)))
        .map(|row| row.provider_id.as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_dynamic_order_decides_who_is_asked() {
    let (slow, quick) = (after(9, "slow"), after(1, "quick"));
    let orchestrator = ParallelOrchestrator::builder().seed(1).max_providers_per_request(1).build().unwrap();
    orchestrator.register_provider("slow", slow.clone()).unwrap();
    orchestrator.register_provider("quick", quick.clone()).unwrap();
    for _ in 0..400 {
        let outcome = orchestrator.process("which?").await.unwrap();
        assert!(
            outcome.trace.iter().any(|line| line.ends_with("the selector `dynamic`")),
            "{:?}",
            outcome.trace
        );
    }
    assert!((5..40).contains(&slow.count()), "of 400 requests {} went to the slow one", slow.count());
}

#[test]
fn without_its_selector_it_is_refused_by_name() {
    let builder = OrchestratorBuilder::new(Parallel::default()).registry(Registry::builder().build());
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("no selector `dynamic` is linked"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn all_are_asked_at_once_and_all_are_waited_for() {
    let (one, two, three) = (after(3, "red"), after(5, "blue"), after(4, "blue"));
    let orchestrator = parallel(|_| {}, &[("one", &one), ("two", &two), ("three", &three)]);
    let before = Instant::now();
    let outcome = orchestrator.process("which?").await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(
        (outcome.synthesis.response.as_str(), outcome.synthesis.provider_id.as_str()),
        ("blue", "two")
    );
    assert_eq!(outcome.synthesis.method, Method::Chosen);
}

#[tokio::test(start_paused = true)]
async fn among_equals_the_first_in_the_order_is_returned() {
    let (one, two) = (after(3, "red"), after(1, "blue"));
    let outcome = parallel(|_| {}, &[("one", &one), ("two", &two)]).process("which?").await.unwrap();
    assert_eq!(outcome.synthesis.response, "red");
}

#[tokio::test(start_paused = true)]
async fn no_more_are_asked_than_may_be_and_one_that_failed_counts() {
    let (one, two, three) = (failing(), after(2, "blue"), after(1, "red"));
    let most_two = |options: &mut Options| options.max_providers_per_request = Some(2);
    let outcome =
        parallel(most_two, &[("one", &one), ("two", &two), ("three", &three)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), counts([&one, &two, &three])), ("blue", [1, 1, 0]));
    let why = "1 more were not asked: `max_providers_per_request` is reached";
    assert!(outcome.trace.iter().any(|line| line == why), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_replaced_by_the_next_and_one_that_answers_is_not() {
    let cut = ChatResponse::from_text("re").with_finish_reason(FinishReason::Length);
    let cut = Scripted::always(Step::whole(cut).after(Duration::from_secs(1)));
    let (down, four, never) = (failing(), after(2, "blue"), after(1, "red"));
    let fine = after(5, "blue");
    let members = [("down", &down), ("fine", &fine), ("cut", &cut), ("four", &four), ("never", &never)];
    let two_at_once = Parallel::default().with_concurrent_requests(2);
    let before = Instant::now();
    let outcome = with(two_at_once, |_| {}, &members).process("hi").await.unwrap();
    assert_eq!(counts([&down, &fine, &cut, &four, &never]), [1, 1, 1, 1, 0]);
    assert_eq!(before.elapsed(), Duration::from_secs(5), "they run together: 1 + 1 + 2 beside 5");
    assert!(outcome.trace.iter().any(|line| line.starts_with("four is asked next")), "{:?}", outcome.trace);
    // The bound of all who are asked is kept all the same.
    let bounded = with(two_at_once, |options| options.max_providers_per_request = Some(3), &members);
    bounded.process("hi").await.unwrap();
    assert_eq!(counts([&down, &fine, &cut, &four, &never]), [2, 2, 2, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn so_many_are_started_as_good_answers_are_needed() {
    let (one, two, three) = (after(1, "a"), after(1, "b"), after(1, "c"));
    let members = [("one", &one), ("two", &two), ("three", &three)];
    let strategy = Parallel::default().with_concurrent_requests(1);
    let before = Instant::now();
    with(strategy, |options| options.min_responses_needed = Some(2), &members).process("hi").await.unwrap();
    assert_eq!((counts([&one, &two, &three]), before.elapsed()), ([1, 1, 0], Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn one_after_the_other_is_honoured() {
    let (one, two, three) = (failing(), after(2, "blue"), after(3, "red"));
    let members = [("one", &one), ("two", &two), ("three", &three)];
    let in_turn = |options: &mut Options| options.parallel_requests = Some(false);
    let before = Instant::now();
    parallel(in_turn, &members).process("hi").await.unwrap();
    assert_eq!((counts([&one, &two, &three]), before.elapsed()), ([1, 1, 1], Duration::from_secs(6)));
    let before = Instant::now();
    let both = |options: &mut Options| {
        in_turn(options);
        early(options);
    };
    let outcome = parallel(both, &members).process("hi").await.unwrap();
    assert_eq!((counts([&one, &two, &three]), before.elapsed()), ([2, 2, 1], Duration::from_secs(3)));
    assert!(given_up(&outcome).is_empty());
}

#[tokio::test(start_paused = true)]
async fn early_stopping_gives_the_rest_up_and_the_ledger_says_so() {
    let members = [("one", &hanging()), ("two", &after(2, "blue")), ("three", &after(9, "red"))];
    let orchestrator = parallel(early, &members);
    let before = Instant::now();
    let outcome = orchestrator.process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("blue", Duration::from_secs(2)));
    assert_eq!(given_up(&outcome), ["one", "three"]);
    assert_eq!(members.map(|(_, provider)| provider.in_flight()), [0, 0, 0]);
    assert_eq!(outcome.ledger.totals.attempts, 3);
    let why = "2 were given up: enough good answers are there";
    assert!(outcome.trace.iter().any(|line| line == why), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn early_stopping_waits_for_as_many_as_are_needed() {
    let members =
        [("one", &hanging()), ("two", &after(2, "blue")), ("three", &after(3, "red")), ("four", &hanging())];
    let two = |options: &mut Options| {
        early(options);
        options.min_responses_needed = Some(2);
    };
    let before = Instant::now();
    let outcome = parallel(two, &members).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("blue", Duration::from_secs(3)));
    assert_eq!(given_up(&outcome), ["one", "four"]);
}

#[tokio::test(start_paused = true)]
async fn early_stopping_ends_when_the_missing_ones_cannot_change_the_choice() {
    let all = |options: &mut Options| {
        early(options);
        options.min_responses_needed = Some(5);
    };
    let (one, two) = (hanging(), hanging());
    let said = [after(1, "blue"), after(2, " blue "), after(3, "blue")];
    let members = [("one", &one), ("two", &two), ("three", &said[0]), ("four", &said[1]), ("five", &said[2])];
    let before = Instant::now();
    let outcome = parallel(all, &members).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("blue", Duration::from_secs(3)));
    assert_eq!(given_up(&outcome), ["one", "two"]);
    let why = "2 were given up: no missing answer could change the choice";
    assert!(outcome.trace.iter().any(|line| line == why), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn the_first_of_two_needs_no_second_and_the_second_needs_the_first() {
    let both = |options: &mut Options| {
        early(options);
        options.min_responses_needed = Some(2);
    };
    for (one, two, seconds) in [(1, 5, 1), (5, 1, 5)] {
        let (one, two) = (after(one, "red"), after(two, "blue"));
        let before = Instant::now();
        let outcome = parallel(both, &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
        assert_eq!(
            (outcome.synthesis.response.as_str(), before.elapsed()),
            ("red", Duration::from_secs(seconds))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_missing_too_few_are_too_few() {
    let both = |options: &mut Options| {
        early(options);
        options.min_responses_needed = Some(2);
    };
    let members = [("one", &failing()), ("two", &after(5, "blue"))];
    let error = parallel(both, &members).process("hi").await.unwrap_err();
    assert_eq!(error.to_string(), "2 good answers needed, 1 came");
}

#[tokio::test(start_paused = true)]
async fn a_synthesis_is_made_when_asked_for_and_has_its_time() {
    let one = Scripted::new([Step::from("red"), Step::from("both").after(Duration::from_secs(5))]);
    let members = [("one", &one), ("two", &hanging()), ("three", &Scripted::new(["blue"]))];
    let set = |options: &mut Options| {
        options.synthesize = Some(true);
        options.timeout_seconds = Some(30.0);
    };
    let before = Instant::now();
    let outcome = parallel(set, &members).process("which?").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), before.elapsed()), ("both", Duration::from_secs(25)));
    assert_eq!(outcome.synthesis.method, Method::Synthesized);
}

#[tokio::test(start_paused = true)]
async fn a_synthesis_needs_every_answer_that_is_needed() {
    let one = Scripted::new([Step::from("red"), Step::from("both")]);
    let set = |options: &mut Options| {
        early(options);
        options.synthesize = Some(true);
        options.min_responses_needed = Some(2);
    };
    let outcome =
        parallel(set, &[("one", &one), ("two", &after(4, "blue"))]).process("which?").await.unwrap();
    assert_eq!(
        (outcome.synthesis.response.as_str(), outcome.synthesis.method),
        ("both", Method::Synthesized)
    );
}

#[tokio::test(start_paused = true)]
async fn what_must_be_one_models_own_is_never_synthesized() {
    let members = [
        ("one", &after(1, "{\"a\":1}")),
        ("two", &after(1, "{\"a\":2}")),
        ("three", &after(1, "{ \"a\": 2 }")),
    ];
    let mut request = ChatRequest::from_prompt("which?");
    request.response_format = Some(ResponseFormat::JsonObject);
    let outcome =
        parallel(|options| options.synthesize = Some(true), &members).process(request).await.unwrap();
    assert_eq!((outcome.synthesis.provider_id.as_str(), outcome.synthesis.method), ("two", Method::Chosen));
    assert_eq!(outcome.ledger.rows.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_until_the_deadline_does_not_take_the_others_answers_with_it() {
    let members = [("one", &hanging()), ("two", &after(1, "blue"))];
    let before = Instant::now();
    let outcome =
        parallel(|options| options.timeout_seconds = Some(10.0), &members).process("hi").await.unwrap();
    assert_eq!(
        (outcome.synthesis.response.as_str(), before.elapsed()),
        ("blue", Duration::from_millis(9500))
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_leaves_time_for_who_replaces_it() {
    let members = [("one", &hanging()), ("two", &after(1, "blue")), ("three", &hanging())];
    let strategy = Parallel::default().with_concurrent_requests(1);
    let before = Instant::now();
    let outcome =
        with(strategy, |options| options.timeout_seconds = Some(31.0), &members).process("hi").await.unwrap();
    assert_eq!(
        (outcome.synthesis.response.as_str(), before.elapsed()),
        ("blue", Duration::from_secs(20 + 1))
    );
    // Who would have no time is not asked.
    let late = [("one", &hanging()), ("two", &hanging()), ("three", &hanging()), ("four", &hanging())];
    let three = Parallel::default().with_concurrent_requests(3);
    let error =
        with(three, |options| options.timeout_seconds = Some(31.0), &late).process("hi").await.unwrap_err();
    assert_eq!((error.kind(), error.causes().len()), (ErrorKind::Exhausted, 4));
}

#[tokio::test(start_paused = true)]
async fn too_few_good_answers_are_an_error_with_each_ones_own() {
    let members = [("one", &failing()), ("two", &after(1, "blue")), ("three", &failing())];
    let error =
        parallel(|options| options.min_responses_needed = Some(2), &members).process("hi").await.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.causes().len()), ("2 good answers needed, 1 came", 2));
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_cannot_come_costs_nothing() {
    let one = after(1, "red");
    let set = |options: &mut Options| options.min_responses_needed = Some(2);
    let error = parallel(set, &[("one", &one)]).process("hi").await.unwrap_err();
    assert_eq!((error.kind(), one.count()), (ErrorKind::Exhausted, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cut_off_answer_is_returned_only_to_who_named_no_number() {
    let cut = || Scripted::always(ChatResponse::from_text("bl").with_finish_reason(FinishReason::Length));
    let members = [("one", &cut()), ("two", &failing())];
    let outcome = parallel(|_| {}, &members).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), outcome.synthesis.method), ("bl", Method::Degraded));
    assert_eq!(outcome.synthesis.answer.finish_reason, FinishReason::Length);
    let set = |options: &mut Options| options.min_responses_needed = Some(1);
    assert_eq!(parallel(set, &members).process("hi").await.unwrap_err().kind(), ErrorKind::Exhausted);
}

async fn pieces(orchestrator: &ParallelOrchestrator) -> (Vec<String>, usize) {
    let (mut pieces, mut abandoned) = (Vec::new(), 0);
    let mut stream = orchestrator.process_stream("which?").unwrap();
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            Event::Delta { delta: Delta::Text(more) } => pieces.push(more),
            Event::Abandoned { .. } => abandoned += 1,
            _ => {}
        }
    }
    (pieces, abandoned)
}

#[tokio::test(start_paused = true)]
async fn a_stream_hands_on_the_only_answer_as_it_comes_and_of_several_the_chosen_one() {
    let one = Scripted::always(Step::streamed(["re", "d"]).after(Duration::from_secs(1)));
    assert_eq!(pieces(&parallel(|_| {}, &[("one", &one)])).await, (vec!["re".into(), "d".into()], 0));
    let panel = parallel(early, &[("one", &one), ("two", &hanging())]);
    assert_eq!(pieces(&panel).await, (vec!["red".into()], 1));
}

#[derive(Debug)]
struct Counting;

#[async_trait]
impl Analyzer for Counting {
    fn name(&self) -> &'static str {
        "comparative"
    }

    async fn analyze(&self, _: &Run, _: &ChatRequest, answers: &[Answer]) -> Result<Analysis> {
        Ok(Analysis::new("comparative", format!("there are {} answers", answers.len())))
    }
}

#[tokio::test(start_paused = true)]
async fn several_good_answers_are_compared_where_an_analyzer_is_linked() {
    let row = AnalyzerRegistration::new("comparative", || Arc::new(Counting)).from_package("test", "0.1.0");
    let registry = Registry::builder().plugin(Plugin::Analyzer(row)).unwrap().build();
    let builder =
        OrchestratorBuilder::new(Parallel::default()).registry(registry).selector(Dynamic::default());
    let orchestrator = builder.seed(1).build().unwrap();
    orchestrator.register_provider("one", after(1, "red")).unwrap();
    orchestrator.register_provider("two", after(1, "blue")).unwrap();
    let outcome = orchestrator.process("which?").await.unwrap();
    assert_eq!(outcome.analysis.unwrap().summary, "there are 2 answers");
}

#[test]
fn its_setting_is_read_and_nonsense_is_refused() {
    let build = |settings| Registry::linked().unwrap().strategy("parallel", settings);
    assert!(build(json!({ "concurrent_requests": 2 })).is_ok());
    for wrong in
        [json!({ "concurrent_requests": 0 }), json!({ "concurrent_requests": "two" }), json!({ "width": 2 })]
    {
        assert_eq!(build(wrong).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test(start_paused = true)]
async fn only_those_who_are_needed_wait_for_a_place_and_others_where_nobody_answers() {
    let no_place =
        || -> Step { ultraai_core::Error::new(ErrorKind::RateLimited, "no place is free").unsent().into() };
    let waits = |provider: &Scripted| -> Vec<bool> {
        provider.calls().iter().map(|call| !call.context.has_spare()).collect()
    };
    let (one, two) = (failing(), Scripted::new([no_place(), Step::from("two")]));
    let outcome = parallel(early, &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!(outcome.synthesis.response, "two");
    assert_eq!((waits(&one), waits(&two)), (vec![true], vec![false, true]));

    let (one, two) = (after(1, "one"), Scripted::new([no_place()]));
    let outcome = parallel(early, &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((outcome.synthesis.response.as_str(), two.count()), ("one", 1));

    // Whoever wants every answer waits for everybody.
    let (one, two) = (after(1, "one"), after(1, "two"));
    parallel(|_| {}, &[("one", &one), ("two", &two)]).process("hi").await.unwrap();
    assert_eq!((waits(&one), waits(&two)), (vec![true], vec![true]));
}
