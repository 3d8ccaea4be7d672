//! The layer `breaker` while it is doubted whether a candidate is still there, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinSet, yield_now},
    time::sleep,
};
use ultraai_core::{ErrorKind, Layer as _, Provider};
use ultraai_layers::breaker::BreakerLayer;
use ultraai_testkit::{ProviderExt as _, Scripted, Step};

const FAILED: ErrorKind = ErrorKind::ServerError;

fn breaking(steps: impl IntoIterator<Item = Step>) -> (Scripted, Arc<dyn Provider>) {
    let inner = Scripted::new(steps).then_always(Step::hang());
    (inner.clone(), BreakerLayer::default().layer(Arc::new(inner)))
}

fn fails(count: usize) -> impl Iterator<Item = Step> {
    (0..count).map(|_| Step::fail(FAILED))
}

async fn failed(provider: &Arc<dyn Provider>, times: usize) {
    for _ in 0..times {
        assert_eq!(provider.ask("hi").await.unwrap_err().kind(), FAILED);
    }
}

/// A burst of fifty, and how many of them reached the candidate.
async fn burst(provider: &Arc<dyn Provider>, inner: &Scripted) -> (JoinSet<Option<ErrorKind>>, usize) {
    let before = inner.count();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let provider = Arc::clone(provider);
        tasks.spawn(async move { provider.ask("hi").await.err().map(|error| error.kind()) });
    }
    for _ in 0..100 {
        yield_now().await;
    }
    (tasks, inner.count() - before)
}

#[tokio::test(start_paused = true)]
async fn a_burst_does_not_pour_into_a_candidate_that_is_doubted() {
    let (inner, provider) = breaking(fails(3));
    failed(&provider, 3).await;
    let (mut tasks, reached) = burst(&provider, &inner).await;
    assert_eq!(reached, 10);
    for _ in 0..40 {
        assert_eq!(tasks.join_next().await.unwrap().unwrap(), Some(ErrorKind::CircuitOpen));
    }
}

#[tokio::test(start_paused = true)]
async fn two_failures_are_no_doubt_yet() {
    let (inner, provider) = breaking(fails(2));
    failed(&provider, 2).await;
    assert_eq!(burst(&provider, &inner).await.1, 50);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_the_caller_leaves_make_room_for_others() {
    let (inner, provider) = breaking(fails(3));
    failed(&provider, 3).await;
    for _ in 0..3 {
        assert_eq!(burst(&provider, &inner).await.1, 10, "each burst is dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_the_doubt_for_all() {
    let answer = Step::from("hello").after(Duration::from_secs(1));
    let (inner, provider) =
        breaking(fails(3).chain([answer]).chain((0..9).map(|_| Step::hang())).chain(fails(3)));
    failed(&provider, 3).await;
    let (_tasks, reached) = burst(&provider, &inner).await;
    assert_eq!(reached, 10);
    sleep(Duration::from_secs(2)).await;
    // Nine still hang; they belong to a doubt that is over.
    failed(&provider, 3).await;
    assert_eq!(burst(&provider, &inner).await.1, 10);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_does_not_outlast_the_time_that_it_was_open() {
    let slow = (0..5).map(|_| Step::fail(FAILED).after(Duration::from_secs(1)));
    let hang = (0..5).map(|_| Step::hang());
    let steps = fails(3).chain(slow).chain(hang).chain(["hello".into()]).chain(fails(3));
    let (inner, provider) = breaking(steps);
    failed(&provider, 3).await;
    let (_tasks, reached) = burst(&provider, &inner).await;
    assert_eq!(reached, 10);
    sleep(Duration::from_secs(7)).await;
    assert!(provider.ask("hi").await.is_ok(), "the probe");
    failed(&provider, 3).await;
    assert_eq!(burst(&provider, &inner).await.1, 10);
}
