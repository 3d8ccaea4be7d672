//! What is counted for and against an arm, and what is not.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Error, ErrorKind, Layer, ModelName, Options,
    OrchestratorBuilder, Provider, Result, Slot, async_trait,
};
use ultraai_routing as _;
use ultraai_strategy_adaptive::{
    Adaptive, AdaptiveOrchestrator, AdaptiveSettings, ArmSettings, Estimate, Kind,
};
use ultraai_strategy_fallback as _;
use ultraai_strategy_parallel as _;
use ultraai_strategy_simple as _;
use ultraai_testkit::{Scripted, Step};

const NUMBERS: &str = "What is 3 + 4?";

fn options(set: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    set(&mut options);
    options
}

fn over(arms: Vec<ArmSettings>, members: &[(&str, &Scripted)]) -> AdaptiveOrchestrator {
    let mut settings = AdaptiveSettings::default();
    settings.arms = arms;
    let adaptive = Adaptive::new(settings).unwrap();
    let orchestrator = OrchestratorBuilder::new(adaptive).seed(3).max_retries(0).build().unwrap();
    for (id, provider) in members {
        orchestrator.register_provider(id, (*provider).clone()).unwrap();
    }
    orchestrator
}

fn fallback() -> ArmSettings {
    ArmSettings::new("fallback", Options::default())
}

/// What is known of `fallback` after one live answer that is read with a pause after each event.
async fn read(step: impl Into<Step>, pause: Duration, timeout_seconds: f64) -> Estimate {
    let provider = Scripted::always(step);
    let orchestrator = over(vec![fallback()], &[("a", &provider)]);
    let limit = options(|options| options.timeout_seconds = Some(timeout_seconds));
    let mut events =
        orchestrator.process_stream_with(ChatRequest::from_prompt("Why is the sky blue?"), limit).unwrap();
    while events.next().await.is_some() {
        tokio::time::sleep(pause).await;
    }
    orchestrator.strategy().estimate(Kind::Open, "fallback")
}

fn words() -> Vec<String> {
    (0..100).map(|number| format!("word {number} ")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_taken_for_a_slow_arm() {
    let words = words();
    for pause in [0, 500] {
        let step = Step::streamed(words.iter().map(String::as_str)).after(Duration::from_secs(2));
        let estimate = read(step, Duration::from_millis(pause), 120.0).await;
        assert_eq!((estimate.trials, estimate.quality), (1, 0.7), "{pause} ms: {estimate:?}");
        assert!((estimate.seconds - 2.0).abs() < 0.1, "{pause} ms: {estimate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_the_reader_is_away_is_not_counted() {
    let words = words();
    let step = Step::streamed(words.iter().map(String::as_str));
    let estimate = read(step, Duration::from_secs(3), 120.0).await;
    assert_eq!(estimate.trials, 0, "{estimate:?}");
    let hangs = read(Step::hang(), Duration::from_secs(3), 20.0).await;
    assert_eq!((hangs.trials, hangs.quality), (1, 0.0), "{hangs:?}");
}

#[tokio::test(start_paused = true)]
async fn one_request_that_took_too_long_keeps_no_arm_out() {
    let a = Scripted::new([Step::hang()]).then_always(Step::from("7").after(Duration::from_secs(1)));
    let arms = vec![
        ArmSettings::new("parallel", Options::default()).named("first"),
        ArmSettings::new("simple", options(|options| options.synthesize = Some(false))).named("other"),
    ];
    let orchestrator = over(arms, &[("a", &a)]);
    orchestrator.process(NUMBERS).await.unwrap_err();
    for _ in 0..40 {
        let trace = orchestrator.process(NUMBERS).await.unwrap().trace;
        assert!(!trace.iter().any(|sentence| sentence.contains("likely to take longer")), "{trace:?}");
    }
    assert!(orchestrator.strategy().estimate(Kind::Arithmetic, "first").trials > 1, "it gets another trial");
}

/// A breaker that lets nobody through.
#[derive(Debug)]
struct Open;

#[derive(Debug)]
struct Shut(Arc<dyn Provider>);

impl Layer for Open {
    fn layer(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Shut(inner))
    }
}

#[async_trait]
impl Provider for Shut {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.0.capabilities(model)
    }

    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        Err(Error::new(ErrorKind::CircuitOpen, "it is known to be down"))
    }
}

#[tokio::test(start_paused = true)]
async fn who_failed_without_an_attempt_was_asked_and_nobody_else_asks_again() {
    let orchestrator =
        OrchestratorBuilder::new(Adaptive::default()).seed(3).layer(Slot::Breaker, Open).build().unwrap();
    for id in ["a", "b"] {
        orchestrator.register_provider(id, Scripted::always("7")).unwrap();
    }
    let error = orchestrator.process(NUMBERS).await.unwrap_err();
    let trace = &error.report().unwrap().trace;
    let count = |what: &str| trace.iter().filter(|sentence| sentence.contains(what)).count();
    assert_eq!((count("before anybody was asked"), count("was chosen")), (0, 1), "{trace:?}");
    assert!(error.to_string().contains("1 good answer needed"), "{error}");
    for arm in ["fallback", "parallel, agreement"] {
        let trials = orchestrator.strategy().estimate(Kind::Arithmetic, arm).trials;
        assert_eq!(trials, 0, "nothing left the program, which says nothing of `{arm}`");
    }
}
