//! One of two candidates is dead under load: what reaches it, and who answers.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use ultraai_core::{ErrorKind, Options, OrchestratorBuilder, Registry, Slot};
use ultraai_layers::{breaker::BreakerLayer, limit::LimitLayer, retry::RetryLayer};
use ultraai_strategy_fallback::{Fallback, FallbackOrchestrator};
use ultraai_testkit::{Scripted, Step};

/// Requests of each scenario.
const REQUESTS: usize = 100;

/// Attempts that may reach the dead one in that time.
const MOST_ATTEMPTS: usize = 30;

fn orchestrator(dead: &Scripted, fine: &Scripted, retries: u32) -> FallbackOrchestrator {
    let mut options = Options::default();
    options.max_retries = Some(retries);
    options.timeout_seconds = Some(60.0);
    let orchestrator = OrchestratorBuilder::new(Fallback::default())
        .registry(Registry::builder().build())
        .seed(1)
        .options(&options)
        .layer(Slot::Retry, RetryLayer::default())
        .layer(Slot::Breaker, BreakerLayer::default())
        .layer(Slot::Limit, LimitLayer::default())
        .build()
        .unwrap();
    orchestrator.register_provider("dead", dead.clone()).unwrap();
    orchestrator.register_provider("fine", fine.clone()).unwrap();
    orchestrator
}

/// Asks `at_once` requests at a time until all are answered, and returns how many the fine one answered.
async fn in_rounds(orchestrator: &FallbackOrchestrator, at_once: usize) -> usize {
    let mut tasks = JoinSet::new();
    for number in 0..at_once {
        let orchestrator = orchestrator.clone();
        tasks.spawn(async move {
            let mut answered = 0;
            for _ in (number..REQUESTS).step_by(at_once) {
                let outcome = orchestrator.process("hi").await.unwrap();
                answered += usize::from(outcome.synthesis.response == "hello");
            }
            answered
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// Asks a request every `pause`, whatever is under way.
async fn steadily(orchestrator: &FallbackOrchestrator, pause: Duration) -> usize {
    let mut tasks = JoinSet::new();
    for _ in 0..REQUESTS {
        let orchestrator = orchestrator.clone();
        tasks.spawn(async move { orchestrator.process("hi").await.unwrap().synthesis.response == "hello" });
        sleep(pause).await;
    }
    tasks.join_all().await.into_iter().filter(|answered| *answered).count()
}

/// That few attempts reached the dead one, and after its breaker opened only probes, each after twice the time.
fn check(dead: &Scripted, answered: usize, at_first: usize, what: &str) {
    assert_eq!(answered, REQUESTS, "{what}");
    assert!(dead.count() <= MOST_ATTEMPTS, "{what}: {} attempts", dead.count());
    let calls = dead.calls();
    for (number, pair) in calls.windows(2).enumerate().skip(at_first - 1) {
        let pause = pair[1].at - pair[0].at;
        let least =
            Duration::from_secs_f64(4.5 * 2.0_f64.powi(i32::try_from(number + 1 - at_first).unwrap()));
        assert!(pause >= least.min(Duration::from_secs(54)), "{what}: a probe after {pause:?}");
    }
}

fn ways_to_fail() -> Vec<(String, Step)> {
    let kinds = [ErrorKind::ServerError, ErrorKind::RateLimited, ErrorKind::Connect];
    let delays = [Duration::ZERO, Duration::from_millis(200)];
    let ways = kinds.into_iter().flat_map(|kind| delays.map(|delay| (kind, delay)));
    ways.map(|(kind, delay)| (format!("{kind} after {delay:?}"), Step::fail(kind).after(delay))).collect()
}

#[tokio::test(start_paused = true)]
async fn one_by_one_five_attempts_and_some_probes_reach_it() {
    for (way, step) in ways_to_fail() {
        for retries in [0, 3] {
            let dead = Scripted::always(step.clone());
            let fine = Scripted::always(Step::from("hello").after(Duration::from_millis(300)));
            let answered = in_rounds(&orchestrator(&dead, &fine, retries), 1).await;
            check(&dead, answered, 5, &format!("{way}, {retries} retries"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn eight_at_a_time_few_attempts_reach_it() {
    for (way, step) in ways_to_fail() {
        for retries in [0, 3] {
            let dead = Scripted::always(step.clone());
            let fine = Scripted::always(Step::from("hello").after(Duration::from_millis(300)));
            let answered = in_rounds(&orchestrator(&dead, &fine, retries), 8).await;
            let at_first = dead.calls().iter().filter(|call| call.at - dead.calls()[0].at < secs(1)).count();
            assert!(at_first <= 12, "{way}, {retries} retries: {at_first} attempts before it opened");
            check(&dead, answered, at_first, &format!("{way}, {retries} retries"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_steady_load_few_attempts_reach_it() {
    for (way, step) in ways_to_fail() {
        for pause in [10, 50, 500] {
            let dead = Scripted::always(step.clone());
            let fine = Scripted::always(Step::from("hello").after(Duration::from_millis(300)));
            let pause = Duration::from_millis(pause);
            let answered = steadily(&orchestrator(&dead, &fine, 3), pause).await;
            assert_eq!(answered, REQUESTS, "{way}");
            assert!(dead.count() <= MOST_ATTEMPTS, "{way} every {pause:?}: {} attempts", dead.count());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_is_left_alone_after_its_first_timeouts() {
    let dead = Scripted::always(Step::hang());
    let fine = Scripted::always("hello");
    let orchestrator = orchestrator(&dead, &fine, 3);
    let before = Instant::now();
    assert_eq!(in_rounds(&orchestrator, 8).await, REQUESTS);
    assert!(dead.count() <= MOST_ATTEMPTS, "{} attempts", dead.count());
    assert!(before.elapsed() <= secs(200), "{:?}", before.elapsed());
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
