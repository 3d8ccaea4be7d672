//! The selectors, over candidates with statistics of their own, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use ultraai_core::{
    ChatRequest, Delivery, ErrorKind, Options, OrchestratorBuilder, ProviderSpec, Registry, RequestOptions,
    Selector,
};
use ultraai_routing::{Cost, Dynamic, EXPLORATION, Latency};
use ultraai_strategy_fallback::{Fallback, FallbackOrchestrator};
use ultraai_strategy_simple::Simple;
use ultraai_testkit::{Scripted, Step};

fn over<const N: usize>(selector: impl Selector, members: [(&str, ProviderSpec); N]) -> FallbackOrchestrator {
    let orchestrator = OrchestratorBuilder::new(Fallback::default())
        .registry(Registry::builder().build())
        .seed(1)
        .selector(selector)
        .build()
        .unwrap();
    for (id, spec) in members {
        orchestrator.register_provider(id, spec).unwrap();
    }
    orchestrator
}

/// Answers always, after so many milliseconds.
fn taking(millis: u64) -> ProviderSpec {
    Scripted::always(Step::from("hi").after(Duration::from_millis(millis))).into()
}

/// Asks one candidate so often.
async fn ask(orchestrator: &FallbackOrchestrator, id: &str, times: usize) {
    let only = RequestOptions::default().with_providers(vec![ultraai_core::ProviderId::new(id).unwrap()]);
    for _ in 0..times {
        let _ = orchestrator.process_with("hi", only.clone()).await;
    }
}

/// A seed under which nothing is explored, and one under which something is.
fn seeds() -> (u64, u64) {
    let orchestrator = over(Dynamic::default(), [("a", taking(1)), ("b", taking(1))]);
    let explores =
        |seed: &u64| order_of(&Dynamic::default(), &orchestrator, &ChatRequest::default(), *seed)[0] == "b";
    ((0..1000).find(|seed| !explores(seed)).unwrap(), (0..1000).find(explores).unwrap())
}

fn order_of(
    selector: &dyn Selector,
    orchestrator: &FallbackOrchestrator,
    request: &ChatRequest,
    seed: u64,
) -> Vec<String> {
    let mut candidates = orchestrator.candidates().to_vec();
    selector.order(request, &mut candidates, seed);
    candidates.iter().map(|candidate| candidate.id().to_string()).collect()
}

/// The order without exploration.
fn order(selector: &dyn Selector, orchestrator: &FallbackOrchestrator) -> Vec<String> {
    order_of(selector, orchestrator, &ChatRequest::from_prompt("hi"), seeds().0)
}

#[test]
fn they_are_found_by_name() {
    let registry = Registry::linked().unwrap();
    for name in ["cost", "dynamic", "latency"] {
        assert_eq!(registry.selector(name).unwrap().name(), name);
    }
}

#[tokio::test(start_paused = true)]
async fn without_statistics_weight_and_then_registration_decide() {
    let members =
        [("a", taking(1)), ("b", taking(1).weight(2.0)), ("c", taking(1)), ("never", taking(1).weight(0.0))];
    let orchestrator = over(Dynamic::default(), members);
    assert_eq!(order(&Dynamic::default(), &orchestrator), ["b", "a", "c", "never"]);
}

#[tokio::test(start_paused = true)]
async fn the_quicker_one_comes_first_and_the_weight_can_outdo_it() {
    for (weight, wanted) in [(1.0, ["quick", "slow"]), (5.0, ["slow", "quick"])] {
        let orchestrator =
            over(Dynamic::default(), [("slow", taking(800).weight(weight)), ("quick", taking(200))]);
        ask(&orchestrator, "slow", 5).await;
        ask(&orchestrator, "quick", 5).await;
        assert_eq!(order(&Dynamic::default(), &orchestrator), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_is_tried_at_once_unless_its_weight_says_no() {
    for (weight, wanted) in [(1.0, ["new", "known"]), (0.3, ["known", "new"])] {
        let orchestrator =
            over(Dynamic::default(), [("known", taking(200)), ("new", taking(1).weight(weight))]);
        ask(&orchestrator, "known", 20).await;
        assert_eq!(order(&Dynamic::default(), &orchestrator), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_put_a_candidate_back_before_it_is_unhealthy() {
    let flaky = Scripted::new([Step::fail(ErrorKind::ServerError), Step::from("hi"), Step::from("hi")]);
    let orchestrator =
        over(Dynamic::default(), [("flaky", flaky.into()), ("sound", Scripted::always("hi").into())]);
    ask(&orchestrator, "flaky", 3).await;
    ask(&orchestrator, "sound", 3).await;
    assert!(orchestrator.candidates()[0].stats().is_healthy());
    assert_eq!(order(&Dynamic::default(), &orchestrator), ["sound", "flaky"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_falls_within_tens_of_requests_and_comes_back_when_it_recovers() {
    let step = |millis: u64| Step::from("hi").after(Duration::from_millis(millis));
    // Long good, then slow for its next hundred calls, then as good as before.
    let steps =
        (0..500).map(|_| step(100)).chain((0..100).map(|_| step(3000))).chain((0..5000).map(|_| step(100)));
    let (changing, steady) = (Scripted::new(steps), Scripted::always(step(400)));
    let orchestrator =
        over(Dynamic::default(), [("changing", changing.clone().into()), ("steady", steady.into())]);
    let first = async |times: usize| {
        let before = changing.count();
        for _ in 0..times {
            orchestrator.process("hi").await.unwrap();
        }
        changing.count() - before
    };
    while changing.count() < 500 {
        first(1).await;
    }
    let slow = first(200).await;
    assert!(slow <= 40, "of 200 requests {slow} went to the slow one");
    // Only exploration asks it now, until its slow calls are used up.
    let mut waited = 0;
    while changing.count() < 600 {
        first(10).await;
        waited += 10;
        assert!(waited < 20_000, "it is never looked at");
    }
    first(200).await;
    let back = first(100).await;
    assert!(back >= 90, "of 100 requests {back} went to the one that recovered");
}

#[tokio::test(start_paused = true)]
async fn one_request_in_twenty_looks_at_the_one_asked_longest_ago() {
    let orchestrator = over(
        Dynamic::default(),
        [("a", taking(100)), ("b", taking(500)), ("c", taking(900)), ("off", taking(1).weight(0.0))],
    );
    for id in ["b", "a", "c"] {
        ask(&orchestrator, id, 3).await;
    }
    let first =
        |seed| order_of(&Dynamic::default(), &orchestrator, &ChatRequest::from_prompt("hi"), seed).remove(0);
    let explored: Vec<_> = (0..10_000).map(first).filter(|id| id != "a").collect();
    assert!(explored.iter().all(|id| id == "b"), "only the one asked longest ago, and never one of weight 0");
    let wanted = 10_000.0 * EXPLORATION;
    let count = f64::from(u32::try_from(explored.len()).unwrap());
    assert!((wanted * 0.9..wanted * 1.1).contains(&count), "{count} of 10,000");
    let (_, exploring) = seeds();
    assert_eq!(first(exploring), first(exploring), "equal seeds make equal orders");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_price_is_neither_cheap_nor_dear() {
    let orchestrator = over(
        Dynamic::default(),
        [
            ("dear", taking(100).price(3.0, 15.0)),
            ("unknown", taking(100)),
            ("cheap", taking(100).price(0.1, 0.4)),
        ],
    );
    for id in ["dear", "unknown", "cheap"] {
        ask(&orchestrator, id, 3).await;
    }
    assert_eq!(order(&Dynamic::default(), &orchestrator), ["cheap", "unknown", "dear"]);
    assert_eq!(order(&Cost::default(), &orchestrator), ["cheap", "dear", "unknown"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_costs_nothing_leaves_the_others_a_chance() {
    let orchestrator = over(
        Dynamic::default(),
        [("free", taking(9000).price(0.0, 0.0)), ("cheap", taking(100).price(0.1, 0.4))],
    );
    ask(&orchestrator, "free", 3).await;
    ask(&orchestrator, "cheap", 3).await;
    assert_eq!(order(&Dynamic::default(), &orchestrator), ["cheap", "free"]);
    assert_eq!(order(&Cost::default(), &orchestrator), ["free", "cheap"]);
}

#[tokio::test(start_paused = true)]
async fn live_requests_go_by_the_first_content_and_whole_ones_by_the_end() {
    // `talker` begins at once and is slow to end; `thinker` the other way round.
    let live = |first: u64, rest: u64| {
        Step::live([
            ultraai_testkit::Beat::pause(Duration::from_millis(first)),
            "hel".into(),
            ultraai_testkit::Beat::pause(Duration::from_millis(rest)),
            "lo".into(),
            ultraai_testkit::Beat::finished(),
        ])
    };
    let members = [
        ("talker", Scripted::always(live(100, 2000)).into()),
        ("thinker", Scripted::always(live(600, 10)).into()),
    ];
    let orchestrator = over(Latency::default(), members);
    let request = ChatRequest::from_prompt("hi");
    for id in ["talker", "thinker"] {
        ask(&orchestrator, id, 3).await;
    }
    assert_eq!(order(&Latency::default(), &orchestrator), ["thinker", "talker"]);
    let live = request.with_delivery(Delivery::Live);
    assert_eq!(order_of(&Latency::default(), &orchestrator, &live, seeds().0), ["talker", "thinker"]);
}

#[tokio::test(start_paused = true)]
async fn where_only_whole_answers_were_measured_a_live_request_goes_by_them() {
    let orchestrator = over(Dynamic::default(), [("slow", taking(800)), ("quick", taking(200))]);
    ask(&orchestrator, "slow", 3).await;
    ask(&orchestrator, "quick", 3).await;
    let live = ChatRequest::from_prompt("hi").with_delivery(Delivery::Live);
    assert_eq!(order_of(&Dynamic::default(), &orchestrator, &live, seeds().0), ["quick", "slow"]);
}

#[tokio::test(start_paused = true)]
async fn losing_every_race_does_not_hide_that_a_candidate_is_slow() {
    let options = {
        let mut options = Options::default();
        options.use_early_stopping = Some(true);
        options.synthesize = Some(false);
        options
    };
    let orchestrator = OrchestratorBuilder::new(Simple::default())
        .registry(Registry::builder().build())
        .seed(1)
        .options(&options)
        .build()
        .unwrap();
    orchestrator.register_provider("slow", taking(60_000)).unwrap();
    let quick = (0..40).map(|round| Step::from("hi").after(Duration::from_millis(100 + 50 * (round % 3))));
    orchestrator.register_provider("quick", Scripted::new(quick)).unwrap();
    for _ in 0..40 {
        orchestrator.process("hi").await.unwrap();
    }
    let mut candidates = orchestrator.candidates().to_vec();
    for selector in [&Dynamic::default() as &dyn Selector, &Latency::default()] {
        candidates.sort_by_key(|candidate| candidate.id().as_str() == "quick");
        selector.order(&ChatRequest::from_prompt("hi"), &mut candidates, seeds().0);
        assert_eq!(candidates[0].id().as_str(), "quick", "{}", selector.name());
    }
    let stats = orchestrator.stats();
    assert_eq!(stats.provider("slow").unwrap().recent_operation_duration_seconds, None, "nobody measured it");
}

#[tokio::test(start_paused = true)]
async fn who_never_answered_is_not_the_quickest() {
    let down = Scripted::always(Step::fail(ErrorKind::ContextTooLong));
    let orchestrator =
        over(Latency::default(), [("down", down.into()), ("up", taking(500)), ("new", taking(1))]);
    ask(&orchestrator, "down", 1).await;
    ask(&orchestrator, "up", 1).await;
    assert_eq!(order(&Latency::default(), &orchestrator), ["new", "up", "down"]);
}
