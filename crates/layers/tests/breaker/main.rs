//! The layer `breaker`, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod callers;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use ultraai_core::{
    AbandonReason, AttemptLimits, CallContext, Capabilities, ChatReply, ChatRequest, Delivery, EndpointId,
    Error, ErrorKind, Layer as _, ModelName, Provider, Result, Secret, async_trait,
};
use ultraai_layers::breaker::{BreakerConfig, BreakerLayer, State, readings};
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step, captured, failure};

const FAILED: ErrorKind = ErrorKind::ServerError;

fn breaking(inner: &Scripted) -> Arc<dyn Provider> {
    BreakerLayer::default().layer(Arc::new(inner.clone()))
}

/// A call in whose place another candidate is asked: the breaker may stand back for as long as it likes.
fn beside_others() -> CallContext {
    CallContext::new().with_spare()
}

/// Asks once, and returns the kind of the error.
async fn kind(provider: &Arc<dyn Provider>) -> Option<ErrorKind> {
    provider.ask_in(&beside_others(), "hi").await.err().map(|error| error.kind())
}

/// Asks until the breaker refuses, and returns the refusal.
async fn opened(provider: &Arc<dyn Provider>) -> Error {
    for _ in 0..100 {
        match provider.ask_in(&beside_others(), "hi").await {
            Err(error) if error.kind() == ErrorKind::CircuitOpen => return error,
            _ => {}
        }
    }
    panic!("it does not open")
}

async fn seconds(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_it_and_it_refuses_at_once() {
    let inner = Scripted::always(Step::fail(FAILED));
    let provider = breaking(&inner);
    for _ in 0..5 {
        assert_eq!(kind(&provider).await, Some(FAILED));
    }
    let before = Instant::now();
    let refusal = provider.ask_in(&beside_others(), "hi").await.unwrap_err();
    assert_eq!(
        (refusal.kind(), inner.count(), before.elapsed()),
        (ErrorKind::CircuitOpen, 5, Duration::ZERO)
    );
    assert!(refusal.is_unsent(), "nothing was sent");
    let wait = refusal.retry_after().unwrap().as_secs_f64();
    assert!((4.5..=5.0).contains(&wait), "{wait}");
    assert!(refusal.message().contains("`server_error`"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_begins_the_row_anew() {
    let step = |number: usize| if number % 5 == 4 { "hello".into() } else { Step::fail(FAILED) };
    let inner = Scripted::new((0..19).map(step)).then_always("hello");
    let provider = breaking(&inner);
    for _ in 0..30 {
        assert_ne!(kind(&provider).await, Some(ErrorKind::CircuitOpen));
    }
}

#[tokio::test(start_paused = true)]
async fn twelve_failures_among_twenty_open_it_and_eleven_do_not() {
    for (failures, opens) in [(11, false), (12, true)] {
        // A failure and an answer by turns, and failures at the end.
        let failed = |number: usize| number.is_multiple_of(2) || number >= 40 - 2 * failures;
        let step = |number| if failed(number) { Step::fail(FAILED) } else { "hello".into() };
        let inner = Scripted::new((0..20).map(step)).then_always("hello");
        let mut config = BreakerConfig::default();
        config.failures_to_open = 100;
        let provider = BreakerLayer::new(config).unwrap().layer(Arc::new(inner));
        for _ in 0..20 {
            assert_ne!(kind(&provider).await, Some(ErrorKind::CircuitOpen));
        }
        assert_eq!(kind(&provider).await == Some(ErrorKind::CircuitOpen), opens, "{failures}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_is_let_through_and_its_answer_closes_it() {
    let steps = (0..5).map(|_| Step::fail(FAILED));
    let slow = Step::from("hello").after(Duration::from_secs(3));
    let inner = Scripted::new(steps.chain([slow])).then_always("hello");
    let provider = breaking(&inner);
    opened(&provider).await;
    seconds(5.0).await;
    let cx = beside_others();
    let (probe, other) = tokio::join!(provider.ask_in(&cx, "hi"), provider.ask_in(&cx, "hi"));
    assert!(probe.is_ok());
    let refusal = other.unwrap_err();
    assert_eq!((refusal.kind(), inner.count()), (ErrorKind::CircuitOpen, 6));
    assert!(refusal.message().contains("one attempt is under way"), "{refusal}");
    for _ in 0..10 {
        assert_eq!(kind(&provider).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_frees_its_slot_and_counts_as_neither() {
    let steps = (0..5).map(|_| Step::fail(FAILED));
    let inner = Scripted::new(steps.chain([Step::hang(), Step::hang()])).then_always("hello");
    let provider = breaking(&inner);
    opened(&provider).await;
    seconds(5.0).await;
    for _ in 0..2 {
        let probe =
            tokio::time::timeout(Duration::from_secs(1), provider.ask_in(&beside_others(), "hi")).await;
        assert!(probe.is_err(), "it hangs, and is dropped");
    }
    assert_eq!((kind(&provider).await, inner.count()), (None, 8), "neither longer open nor closed by it");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_refused_by_a_layer_inside_counts_as_neither() {
    let steps = (0..5).map(|_| Step::fail(FAILED)).chain([failure(ErrorKind::RateLimited).unsent().into()]);
    let provider = breaking(&Scripted::new(steps).then_always("hello"));
    opened(&provider).await;
    seconds(5.0).await;
    assert_eq!(kind(&provider).await, Some(ErrorKind::RateLimited));
    assert_eq!(kind(&provider).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_open_time_doubles_after_each_failed_probe_up_to_its_bound() {
    let inner = Scripted::always(Step::fail(FAILED));
    let provider = breaking(&inner);
    for expected in [5.0, 10.0, 20.0, 40.0, 60.0, 60.0] {
        let wait = opened(&provider).await.retry_after().unwrap();
        assert!((0.9 * expected..=expected).contains(&wait.as_secs_f64()), "{wait:?} for {expected} s");
        tokio::time::sleep(wait + Duration::from_millis(1)).await;
        assert_eq!(kind(&provider).await, Some(FAILED), "a probe");
    }
    assert_eq!(inner.count(), 5 + 6);
}

#[tokio::test(start_paused = true)]
async fn after_it_closed_the_open_time_begins_anew() {
    let fails = |count: usize| (0..count).map(|_| Step::fail(FAILED));
    let inner = Scripted::new(fails(6).chain(["hello".into()]).chain(fails(5)));
    let provider = breaking(&inner);
    opened(&provider).await;
    seconds(5.0).await;
    assert_eq!(kind(&provider).await, Some(FAILED));
    seconds(10.0).await;
    assert_eq!(kind(&provider).await, None);
    let wait = opened(&provider).await.retry_after().unwrap();
    assert!((4.5..=5.0).contains(&wait.as_secs_f64()), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_asks_for_is_a_floor() {
    let asked = Duration::from_secs(90);
    let inner = Scripted::always(failure(ErrorKind::RateLimited).with_retry_after(asked));
    let provider = breaking(&inner);
    assert_eq!(opened(&provider).await.retry_after(), Some(asked));
    seconds(89.0).await;
    assert_eq!(kind(&provider).await, Some(ErrorKind::CircuitOpen));
    seconds(1.0).await;
    assert_eq!(kind(&provider).await, Some(ErrorKind::RateLimited));
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_asks_for_late_is_a_floor_too() {
    let late = Step::from(failure(FAILED).with_retry_after(Duration::from_secs(90)));
    let inner = Scripted::new([late.after(Duration::from_secs(2))]).then_always(Step::fail(FAILED));
    let provider = breaking(&inner);
    let cx = beside_others();
    let (late, ()) = tokio::join!(provider.ask_in(&cx, "hi"), async { drop(opened(&provider).await) });
    assert!(late.is_err());
    assert_eq!(opened(&provider).await.retry_after(), Some(Duration::from_secs(90)));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_a_day_is_asked_again_after_an_hour() {
    let day = Duration::from_hours(24);
    let inner = Scripted::always(failure(ErrorKind::RateLimited).with_retry_after(day));
    let provider = breaking(&inner);
    assert_eq!(opened(&provider).await.retry_after(), Some(Duration::from_hours(1)));
}

/// Asks for a live answer, and reads its first event.
async fn live(provider: &Arc<dyn Provider>) -> Result<ChatReply> {
    let request = ChatRequest::from_prompt("hi").with_delivery(Delivery::Live);
    provider.chat(&CallContext::new(), Arc::new(request)).await
}

fn broken() -> Step {
    Step::live([Beat::from("hel"), Beat::fail(ErrorKind::Interrupted)])
}

#[tokio::test(start_paused = true)]
async fn answers_that_always_break_open_it_although_each_begins_well() {
    let inner = Scripted::always(broken());
    let provider = breaking(&inner);
    while let Ok(reply) = live(&provider).await {
        assert_eq!(reply.collect().await.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(inner.count() <= 20, "it does not open");
    }
    assert_eq!(inner.count(), 20);
}

#[tokio::test(start_paused = true)]
async fn five_breaks_in_a_row_open_it() {
    let provider = breaking(&Scripted::always(broken()));
    let mut replies = Vec::new();
    for _ in 0..5 {
        replies.push(live(&provider).await.unwrap());
    }
    for reply in replies {
        reply.collect().await.unwrap_err();
    }
    assert_eq!(kind(&provider).await, Some(ErrorKind::CircuitOpen));
}

#[tokio::test(start_paused = true)]
async fn answers_that_the_caller_leaves_are_no_failures() {
    let inner = Scripted::always(Step::live([Beat::from("hel"), Beat::hang()]));
    let provider = breaking(&inner);
    for _ in 0..50 {
        let mut events = live(&provider).await.unwrap().into_events();
        events.next().await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_probe_closes_it_with_its_first_content_and_opens_it_again_when_it_breaks() {
    let fails = (0..5).map(|_| Step::fail(FAILED));
    let inner = Scripted::new(fails.chain([broken(), Step::streamed(["hello"])])).then_always("hello");
    let provider = breaking(&inner);
    opened(&provider).await;
    seconds(5.0).await;
    let probe = live(&provider).await.unwrap();
    probe.collect().await.unwrap_err();
    let wait = opened(&provider).await.retry_after().unwrap();
    assert!((9.0..=10.0).contains(&wait.as_secs_f64()), "doubled: {wait:?}");
    seconds(10.0).await;
    let probe = live(&provider).await.unwrap();
    assert_eq!(kind(&provider).await, None, "the probe's first content is there, and its end is not");
    assert!(probe.collect().await.is_ok());
    assert_eq!(kind(&provider).await, None);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_began_before_it_opened_do_not_confuse_it() {
    let slow = |step: Step, seconds| step.after(Duration::from_secs(seconds));
    let old = [slow("late".into(), 2), slow("later".into(), 20)];
    let old = old.into_iter().chain((0..5).map(|_| slow(Step::fail(FAILED), 20)));
    let inner = Scripted::new(old.chain((0..5).map(|_| Step::fail(FAILED)))).then_always("hello");
    let provider = breaking(&inner);
    let mut tasks = JoinSet::new();
    for _ in 0..7 {
        let provider = Arc::clone(&provider);
        tasks.spawn(async move { provider.ask_in(&beside_others(), "hi").await.is_ok() });
    }
    tokio::task::yield_now().await;
    opened(&provider).await;
    seconds(3.0).await;
    assert_eq!(kind(&provider).await, Some(ErrorKind::CircuitOpen), "a late answer does not close it");
    seconds(2.0).await;
    assert_eq!(kind(&provider).await, None, "the probe");
    assert_eq!(tasks.join_all().await.into_iter().filter(|answered| *answered).count(), 2);
    assert_eq!(kind(&provider).await, None, "five late failures do not open it");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_candidate_that_fails_now_and_then_is_never_held_back() {
    let mut rng = fastrand::Rng::with_seed(4);
    let steps = (0..20_000).map(|_| {
        let step = if rng.f64() < 0.05 { Step::fail(FAILED) } else { "hello".into() };
        step.after(Duration::from_millis(rng.u64(100..2000)))
    });
    let steps: Vec<_> = steps.collect();
    let provider = breaking(&Scripted::new(steps));
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let provider = Arc::clone(&provider);
        tasks.spawn(async move {
            for _ in 0..100 {
                assert_ne!(kind(&provider).await, Some(ErrorKind::CircuitOpen));
            }
        });
    }
    tasks.join_all().await;
}

/// A provider that says where it sends.
#[derive(Debug)]
struct At(EndpointId, Scripted);

#[async_trait]
impl Provider for At {
    fn name(&self) -> &str {
        self.1.name()
    }
    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.1.capabilities(model)
    }
    fn endpoint(&self) -> Option<EndpointId> {
        Some(self.0.clone())
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        self.1.chat(cx, request).await
    }
}

fn at(host: &str, key: &str, inner: &Scripted) -> Arc<dyn Provider> {
    let endpoint = EndpointId::new(host, Some(&Secret::new(key).unwrap()));
    BreakerLayer::default().layer(Arc::new(At(endpoint, inner.clone())))
}

fn asking(model: &str) -> ChatRequest {
    ChatRequest::from_prompt("hi").with_model(ModelName::new(model).unwrap())
}

#[tokio::test(start_paused = true)]
async fn candidates_of_one_host_credential_and_model_share_it() {
    let (dead, fine) = (Scripted::always(Step::fail(FAILED)), Scripted::always("hello"));
    let one = at("shared.example:443", "key", &dead);
    for _ in 0..5 {
        one.ask(asking("m")).await.unwrap_err();
    }
    let same = at("shared.example:443", "key", &fine);
    assert_eq!(same.ask(asking("m")).await.unwrap_err().kind(), ErrorKind::CircuitOpen);
    assert!(same.ask(asking("n")).await.is_ok(), "another model");
    assert!(at("shared.example:443", "other", &fine).ask(asking("m")).await.is_ok(), "another credential");
    assert!(at("other.example:443", "key", &fine).ask(asking("m")).await.is_ok(), "another host");
}

#[tokio::test(start_paused = true)]
async fn its_state_can_be_read() {
    let inner = Scripted::new((0..5).map(|_| Step::fail(FAILED))).then_always("hello");
    let provider = at("readable.example:443", "key", &inner);
    let state = || {
        let mine =
            |row: &ultraai_layers::breaker::Reading| row.host.as_deref() == Some("readable.example:443");
        readings().into_iter().find(mine).map(|row| (row.model, row.state))
    };
    assert_eq!(state(), None, "nobody was asked");
    provider.ask(asking("m")).await.unwrap_err();
    assert_eq!(state(), Some((Some("m".to_owned()), State::Closed)));
    for _ in 0..4 {
        provider.ask(asking("m")).await.unwrap_err();
    }
    assert_eq!(state().unwrap().1, State::Open);
    seconds(5.0).await;
    assert_eq!(state().unwrap().1, State::HalfOpen);
    provider.ask(asking("m")).await.unwrap();
    assert_eq!(state().unwrap().1, State::Closed);
    drop(provider);
    assert_eq!(state(), None);
}

#[tokio::test(start_paused = true)]
async fn what_orchestrates_is_left_alone() {
    let mut capabilities = Capabilities::default();
    capabilities.orchestrates = true;
    let provider = breaking(&Scripted::always(Step::fail(FAILED)).with_capabilities(capabilities));
    for _ in 0..50 {
        assert_eq!(kind(&provider).await, Some(FAILED));
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_says_when_it_opens_and_closes_and_holds_no_content() {
    let echo = Error::new(FAILED, "the clover is broken");
    let inner = Scripted::new((0..5).map(|_| Step::from(echo.clone()))).then_always("a clover");
    let provider = breaking(&inner);
    let ((), log) = captured(async {
        for _ in 0..5 {
            provider.ask("clover?").await.unwrap_err();
        }
        seconds(5.0).await;
        provider.ask("clover?").await.unwrap();
    })
    .await;
    assert!(log.contains("error.type=server_error") && log.contains("the breaker opened"), "{log}");
    assert!(log.contains("the breaker closed") && !log.contains("clover"), "{log}");
}

#[test]
fn wrong_settings_are_named() {
    let wrong = |change: fn(&mut BreakerConfig)| {
        let mut config = BreakerConfig::default();
        change(&mut config);
        BreakerLayer::new(config).unwrap_err().message().to_owned()
    };
    assert!(wrong(|config| config.failures_to_open = 0).contains("`failures_to_open`"));
    assert!(wrong(|config| config.open_seconds = -1.0).contains("`open_seconds`"));
    assert!(wrong(|config| config.max_open_seconds = 1.0).contains("`max_open_seconds`"));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_else_is_asked_a_probe_is_made_each_second() {
    let steps = (0..9).map(|_| Step::fail(FAILED));
    let inner = Scripted::new(steps.collect::<Vec<_>>()).then_always("hello");
    let provider = breaking(&inner);
    opened(&provider).await;
    let mut probes = 0;
    while provider.ask("hi").await.is_err() {
        let before = inner.count();
        assert_eq!(kind(&provider).await, Some(ErrorKind::CircuitOpen), "others are not bothered");
        assert_eq!(inner.count(), before);
        seconds(0.1).await;
        probes += 1;
        assert!(probes < 100, "it never closes");
    }
    // Five failures opened it, four probes failed, and the fifth was answered within its second.
    assert_eq!(inner.count(), 10);
    assert!((40..=55).contains(&probes), "{probes}");

    let busy = failure(ErrorKind::RateLimited).with_retry_after(Duration::from_secs(20));
    let inner = Scripted::always(Step::from(busy));
    let provider = breaking(&inner);
    opened(&provider).await;
    seconds(19.9).await;
    assert_eq!(
        provider.ask("hi").await.unwrap_err().kind(),
        ErrorKind::CircuitOpen,
        "the provider's own word holds"
    );
    assert_eq!(inner.count(), 5);
}
