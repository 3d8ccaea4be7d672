//! The strategy `adaptive`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use ultraai_core::{
    ChatRequest, ErrorKind, Method, Options, OrchestratorBuilder, Outcome, ProviderSpec, Registry, RequestId,
    RequestOptions, Strategy, Tool,
};
use ultraai_strategy_adaptive::{Adaptive, AdaptiveOrchestrator, AdaptiveSettings, ArmSettings, Kind};
use ultraai_strategy_fallback as _;
use ultraai_strategy_simple as _;
use ultraai_testkit::{Scripted, Step};

const NUMBERS: &str = "How many are 3 clover leaves and 4 more?";

fn options(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    set(&mut options);
    options
}

fn over(adaptive: Adaptive, members: &[(&str, &Scripted)]) -> AdaptiveOrchestrator {
    let orchestrator = OrchestratorBuilder::new(adaptive).seed(3).max_retries(0).build().unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn arms(arms: Vec<ArmSettings>) -> Adaptive {
    let mut settings = AdaptiveSettings::default();
    settings.arms = arms;
    Adaptive::new(settings).unwrap()
}

fn fallback() -> ArmSettings {
    ArmSettings::new("fallback", Options::default())
}

fn agreement() -> ArmSettings {
    ArmSettings::new("simple", options(|options| options.synthesize = Some(false))).named("agreement")
}

fn chosen(outcome: &Outcome) -> String {
    let sentence = outcome.trace.iter().rev().find(|sentence| sentence.contains("` was chosen")).unwrap();
    sentence.split('`').nth(1).unwrap().to_owned()
}

fn says(outcome: &Outcome, what: &str) -> bool {
    outcome.trace.iter().any(|sentence| sentence.contains(what))
}

#[tokio::test(start_paused = true)]
async fn without_history_the_rules_choose_and_the_trace_says_why() {
    let (a, b) = (Scripted::always("7"), Scripted::always("7"));
    let orchestrator = over(arms(vec![fallback(), agreement()]), &[("a", &a), ("b", &b)]);
    let outcome = orchestrator.process(NUMBERS).await.unwrap();
    assert_eq!(chosen(&outcome), "agreement");
    for what in
        ["seems to be arithmetic", "1 under way over 2 candidates", "considered: `fallback`", "by the rules"]
    {
        assert!(says(&outcome, what), "{what}: {:?}", outcome.trace);
    }
    assert!(!says(&outcome, "clover"), "{:?}", outcome.trace);
    let code = orchestrator.process("Write a function in Python").await.unwrap();
    assert_eq!(chosen(&code), "fallback");
    assert_eq!(code.strategy, "adaptive");
}

#[tokio::test(start_paused = true)]
async fn the_default_arms_are_what_is_linked() {
    let (a, b) = (Scripted::always("blue"), Scripted::always("blue"));
    let orchestrator = over(Adaptive::default(), &[("a", &a), ("b", &b)]);
    let outcome = orchestrator.process("Why is the sky blue?").await.unwrap();
    assert_eq!(
        (chosen(&outcome).as_str(), outcome.synthesis.method),
        ("simple, synthesis", Method::Synthesized)
    );
    let nothing =
        OrchestratorBuilder::new(Adaptive::default()).registry(Registry::builder().build()).build().unwrap();
    nothing.register_provider("a", Scripted::always("hello")).unwrap();
    let error = nothing.process("hi").await.unwrap_err();
    assert!(error.to_string().contains("strategy-fallback"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_arm_that_cannot_meet_the_options_is_left_out() {
    let (a, b) = (Scripted::always("yes"), Scripted::always("yes"));
    let orchestrator = over(arms(vec![fallback(), agreement()]), &[("a", &a), ("b", &b)]);
    let two = options(|options| options.min_responses_needed = Some(2));
    let outcome = orchestrator.process_with("Write a function in Python", two.clone()).await.unwrap();
    assert_eq!(chosen(&outcome), "agreement");
    assert!(
        says(&outcome, "`fallback` was left out: it stops at the first good answer"),
        "{:?}",
        outcome.trace
    );
    let alone = over(arms(vec![fallback()]), &[("a", &a), ("b", &b)]);
    let error = alone.process_with("hi", two.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(alone.check(&two.clone().into()).unwrap_err().message(), error.message());
    orchestrator.check(&two.into()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_user_set_is_never_overridden() {
    let (a, b) = (Scripted::always("yes"), Scripted::always("no"));
    let synthesis =
        ArmSettings::new("simple", options(|options| options.synthesize = Some(true))).named("synthesis");
    let orchestrator = over(arms(vec![synthesis]), &[("a", &a), ("b", &b)]);
    let never = options(|options| options.synthesize = Some(false));
    let outcome = orchestrator.process_with("Why is the sky blue?", never).await.unwrap();
    assert_eq!(outcome.synthesis.method, Method::Chosen);
    assert!(says(&outcome, "with the options that the user set"), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn with_tools_nothing_is_synthesized() {
    let (a, b) = (Scripted::always("yes"), Scripted::always("yes"));
    let orchestrator = over(Adaptive::default(), &[("a", &a), ("b", &b)]);
    let tool = Tool::new("clock", json!({ "type": "object" }));
    let request = ChatRequest::from_prompt("Why?").edited(|request| request.tools.push(tool));
    let outcome = orchestrator.process(request).await.unwrap();
    assert!(
        says(&outcome, "`simple, synthesis` was left out: the answer must be one model's own"),
        "{:?}",
        outcome.trace
    );
}

#[tokio::test(start_paused = true)]
async fn feedback_takes_the_place_of_the_guess_and_is_learned_from() {
    let (a, b) = (Scripted::always("7"), Scripted::always("7"));
    let orchestrator = over(arms(vec![fallback(), agreement()]), &[("a", &a), ("b", &b)]);
    let mut last = String::new();
    for _ in 0..40 {
        let outcome = orchestrator.process(NUMBERS).await.unwrap();
        last = chosen(&outcome);
        let score = if last == "fallback" { 1.0 } else { 0.1 };
        assert!(orchestrator.strategy().feedback(outcome.request_id, score).unwrap());
        let decision = orchestrator.strategy().decision(outcome.request_id).unwrap();
        assert_eq!(
            (decision.kind, decision.arm.as_str(), decision.told),
            (Kind::Arithmetic, last.as_str(), true)
        );
        assert!((decision.quality - score).abs() < 1e-9);
    }
    let estimate = orchestrator.strategy().estimate(Kind::Arithmetic, "fallback");
    assert!(estimate.quality > 0.99 && estimate.weight > 10.0, "{estimate:?} {last}");
    assert!(!orchestrator.strategy().feedback(RequestId::default(), 1.0).unwrap());
    for score in [1.5, -0.1, f64::NAN] {
        let error = orchestrator.strategy().feedback(RequestId::default(), score).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
}

#[tokio::test(start_paused = true)]
async fn without_feedback_it_learns_from_the_time_it_takes() {
    // Who asks `a` first waits for it; asked together, `b` answers sooner.
    let a = Scripted::always(Step::from("def").after(Duration::from_secs(30)));
    let b = Scripted::always(Step::from("def").after(Duration::from_secs(1)));
    let quick = ArmSettings::new(
        "simple",
        options(|options| (options.use_early_stopping, options.synthesize) = (Some(true), Some(false))),
    );
    let orchestrator = over(arms(vec![fallback(), quick.named("quick")]), &[("a", &a), ("b", &b)]);
    let mut taken = Vec::new();
    for _ in 0..80 {
        taken.push(chosen(&orchestrator.process("Write a function in Python").await.unwrap()));
    }
    assert_eq!(taken[0], "fallback", "the rule");
    assert!(taken[40..].iter().filter(|arm| *arm == "quick").count() >= 30, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_is_not_counted_and_a_deadline_is() {
    let hangs = Scripted::always(Step::hang());
    let orchestrator = over(arms(vec![fallback()]), &[("a", &hangs)]);
    let left =
        tokio::time::timeout(Duration::from_secs(1), orchestrator.process("Write a function in Python"))
            .await;
    assert!(left.is_err());
    assert_eq!(orchestrator.strategy().estimate(Kind::Code, "fallback").trials, 0);
    let soon = options(|options| options.timeout_seconds = Some(2.0));
    orchestrator.process_with("Write a function in Python", soon).await.unwrap_err();
    let estimate = orchestrator.strategy().estimate(Kind::Code, "fallback");
    assert_eq!((estimate.trials, estimate.quality), (1, 0.0));
    assert!((estimate.seconds - 2.0).abs() < 0.01, "{estimate:?}");
}

#[tokio::test(start_paused = true)]
async fn what_an_arm_is_known_to_take_too_long_for_is_left_out() {
    let (a, b) = (Scripted::always(Step::from("7").after(Duration::from_secs(9))), Scripted::always("7"));
    let orchestrator = over(arms(vec![fallback(), agreement()]), &[("b", &b), ("a", &a)]);
    for _ in 0..12 {
        orchestrator.process(NUMBERS).await.unwrap();
    }
    let soon = options(|options| options.timeout_seconds = Some(8.0));
    let outcome = orchestrator.process_with(NUMBERS, soon).await.unwrap();
    assert_eq!(chosen(&outcome), "fallback");
    assert!(says(&outcome, "`agreement` was left out: it is likely to take longer"), "{:?}", outcome.trace);
}

#[tokio::test(start_paused = true)]
async fn many_requests_at_once_are_answered_by_one_candidate_each() {
    let slow = || Scripted::always(Step::from("7").after(Duration::from_secs(1)));
    let (a, b) = (slow(), slow());
    let mut settings = AdaptiveSettings::default();
    settings.arms = vec![fallback(), agreement()];
    settings.busy_per_candidate = 1.0;
    let orchestrator = over(Adaptive::new(settings).unwrap(), &[("a", &a), ("b", &b)]);
    let (one, two, three) = tokio::join!(
        orchestrator.process(NUMBERS),
        orchestrator.process(NUMBERS),
        orchestrator.process(NUMBERS)
    );
    assert_eq!(chosen(&one.unwrap()), "agreement");
    assert_eq!(
        (chosen(&two.unwrap()), chosen(&three.unwrap())),
        ("fallback".to_owned(), "fallback".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_arm_hands_over_to_those_who_were_not_asked_and_to_nobody_else() {
    let (down, fine) = (Scripted::always(Step::fail(ErrorKind::ServerError)), Scripted::always("hello"));
    let one = options(|options| options.max_providers_per_request = Some(1));
    let first = ArmSettings::new("simple", one).named("first");
    let orchestrator = over(arms(vec![first, fallback()]), &[("a", &down), ("b", &fine)]);
    let outcome = orchestrator.process("Write a function in Python").await.unwrap();
    assert_eq!(outcome.synthesis.response, "hello");
    assert_eq!((down.count(), fine.count()), (1, 1), "nobody is asked twice");
    assert!(
        says(&outcome, "`first` failed: `fallback` asks those who were not asked"),
        "{:?}",
        outcome.trace
    );
    let estimate = orchestrator.strategy().estimate(Kind::Code, "first");
    assert!(estimate.quality < 0.31, "a rescue is no merit: {estimate:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_cost_is_kept_unknown_and_a_known_one_is_learned() {
    let orchestrator = over(arms(vec![fallback()]), &[]);
    orchestrator
        .register_provider("a", ProviderSpec::from(Scripted::always("hello")).price(1.0, 1.0))
        .unwrap();
    orchestrator.process("Write a function in Python").await.unwrap();
    assert!(orchestrator.strategy().estimate(Kind::Code, "fallback").nano_dollars.unwrap() > 0.0);
    let unpriced = over(arms(vec![fallback()]), &[("a", &Scripted::always("hello"))]);
    unpriced.process("Write a function in Python").await.unwrap();
    assert_eq!(unpriced.strategy().estimate(Kind::Code, "fallback").nano_dollars, None);
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_choose_equally() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (a, b) = (Scripted::always("7"), Scripted::always("7"));
        let orchestrator = over(arms(vec![fallback(), agreement()]), &[("a", &a), ("b", &b)]);
        let mut traces = Vec::new();
        for seed in 0..30 {
            let with_seed = RequestOptions::default().with_seed(seed);
            traces.push(orchestrator.process_with(NUMBERS, with_seed).await.unwrap().trace);
        }
        runs.push(traces);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn choosing_takes_no_time() {
    let orchestrator = over(arms(vec![fallback()]), &[("a", &Scripted::always("hello"))]);
    let before = Instant::now();
    orchestrator.process("hi").await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let registry = Registry::linked().unwrap();
    for (settings, names) in [
        (json!({ "arms": [{ "strategy": "nobody's" }] }), "no strategy `nobody's` is linked"),
        (json!({ "arms": [{ "strategy": "adaptive" }] }), "arm of itself"),
        (json!({ "arms": [{ "strategy": "simple", "option": {} }] }), "arms[0]"),
        (
            json!({ "arms": [{ "strategy": "simple", "options": { "min_responses_needed": 0 } }] }),
            "min_responses_needed",
        ),
        (json!({ "arms": [{ "strategy": "simple", "settings": { "color": 1 } }] }), "color"),
        (json!({ "exploration": 2 }), "exploration"),
        (json!({ "exploraton": 0.1 }), "did you mean `exploration`?"),
    ] {
        let error = registry.strategy("adaptive", settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(names), "{error}");
    }
    let good = json!({ "arms": [{ "strategy": "simple", "options": { "use_early_stopping": true } }] });
    assert_eq!(registry.strategy("adaptive", good).unwrap().name(), "adaptive");
}
