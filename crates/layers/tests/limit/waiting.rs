//! Who waits: in order, within the deadline, and never in vain.

use std::{
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::Instant;
use ultraai_core::{CallContext, ChatRequest, ErrorKind, Layer as _};
use ultraai_layers::{breaker::BreakerLayer, limit::LimitConfig};
use ultraai_testkit::{ProviderExt as _, Scripted, Step};

use crate::support::{Callers, limited, secs};

fn one_at_a_time(config: &mut LimitConfig) {
    config.max_concurrency = Some(1);
}

/// Answers after a second.
fn slow() -> Scripted {
    Scripted::always(Step::from("hello").after(secs(1)))
}

#[tokio::test(start_paused = true)]
async fn they_are_served_in_the_order_they_came_and_nobody_overtakes() {
    let mut callers = Callers::of(&limited(one_at_a_time, slow()));
    for number in 0..6 {
        callers.come(CallContext::new()).await;
        // Half of them come while a place is handed over.
        tokio::time::sleep(Duration::from_millis(if number < 3 { 0 } else { 1000 })).await;
    }
    assert_eq!(callers.answered().await, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]);
}

#[tokio::test(start_paused = true)]
async fn a_small_request_does_not_overtake_a_large_one_that_waits() {
    let inner = Scripted::always(Step::hang());
    let provider = limited(|config| config.tokens_per_minute = Some(100), inner.clone());
    let mut callers = Callers::of(&provider);
    for tokens in [50, 80, 10] {
        callers.come_with(CallContext::new(), ChatRequest::from_prompt("hi").with_max_tokens(tokens)).await;
    }
    assert_eq!(inner.count(), 1);
    tokio::time::sleep(secs(61)).await;
    let order: Vec<_> = inner.requests().iter().map(|request| request.max_tokens).collect();
    assert_eq!(order, [Some(50), Some(80), Some(10)]);
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_past_the_deadline_is_refused_at_once() {
    let provider = limited(|config| config.requests_per_minute = Some(1), Scripted::always("hello"));
    provider.ask("hi").await.unwrap();
    tokio::time::sleep(secs(20)).await;
    let before = Instant::now();
    for (timeout, refused) in [(40, true), (41, false)] {
        let result = provider.ask_in(&CallContext::new().with_timeout(secs(timeout)), "hi").await;
        if !refused {
            assert_eq!((result.unwrap().text().as_str(), before.elapsed()), ("hello", secs(40)));
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!((error.kind(), before.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));
        assert!(error.is_unsent());
        assert_eq!(error.retry_after(), Some(secs(40)));
    }
}

#[tokio::test(start_paused = true)]
async fn those_before_it_count_in_its_wait() {
    let mut callers =
        Callers::of(&limited(|config| config.requests_per_minute = Some(2), Scripted::always("hello")));
    for _ in 0..4 {
        callers.come(CallContext::new()).await;
    }
    callers.come(CallContext::new().with_timeout(secs(100))).await;
    let ended = callers.ended().await;
    let (number, at, error) = &ended[2];
    let error = error.as_ref().unwrap();
    assert_eq!(
        (*number, *at, error.retry_after()),
        (4, 0, Some(secs(120))),
        "two of the next minute come first"
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_left_do_not_count_in_its_wait() {
    let provider = limited(|config| config.requests_per_minute = Some(1), Scripted::always("hello"));
    provider.ask("hi").await.unwrap();
    let mut callers = Callers::of(&provider);
    for _ in 0..3 {
        callers.come(CallContext::new()).await.abort();
    }
    callers.come(CallContext::new().with_timeout(secs(70))).await;
    assert_eq!(callers.answered().await, [(3, 60)]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_others_to_end_is_refused_when_its_time_is_up() {
    let provider = limited(one_at_a_time, Scripted::always(Step::hang()));
    let mut callers = Callers::of(&provider);
    let hangs = callers.come(CallContext::new()).await;
    callers.come(CallContext::new().with_timeout(secs(7))).await;
    tokio::time::sleep(secs(8)).await;
    hangs.abort();
    let ended = callers.ended().await;
    let (number, at, error) = &ended[0];
    assert_eq!((*number, *at, error.as_ref().unwrap().kind()), (1, 7, ErrorKind::RateLimited));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_it_may() {
    let change = |config: &mut LimitConfig| {
        config.requests_per_minute = Some(1);
        config.max_wait_seconds = Some(60.0);
    };
    let mut callers = Callers::of(&limited(change, Scripted::always("hello")));
    for _ in 0..3 {
        callers.come(CallContext::new()).await;
    }
    let ended: Vec<_> =
        callers.ended().await.into_iter().map(|(who, at, error)| (who, at, error.is_some())).collect();
    assert_eq!(ended, [(0, 0, false), (2, 0, true), (1, 60, false)]);

    let change = |config: &mut LimitConfig| {
        config.max_concurrency = Some(1);
        config.max_wait_seconds = Some(5.0);
    };
    let provider = limited(change, Scripted::always(Step::from("hello").after(secs(9))));
    let mut callers = Callers::of(&provider);
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    let ended: Vec<_> =
        callers.ended().await.into_iter().map(|(who, at, error)| (who, at, error.is_some())).collect();
    assert_eq!(ended, [(1, 5, true), (0, 9, false)]);
}

#[tokio::test(start_paused = true)]
async fn those_who_leave_the_queue_make_room_and_waste_nothing() {
    let inner = slow();
    let mut callers = Callers::of(&limited(one_at_a_time, inner.clone()));
    let mut tasks = Vec::new();
    for _ in 0..7 {
        tasks.push(callers.come(CallContext::new()).await);
    }
    // The first who waits, one from the middle, and the last.
    for left in [1, 3, 6] {
        tasks[left].abort();
    }
    assert_eq!(callers.answered().await, [(0, 1), (2, 2), (4, 3), (5, 4)]);
    assert_eq!(inner.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_given_to_one_who_left_goes_to_the_next() {
    let provider = limited(one_at_a_time, slow());
    let mut noop = Context::from_waker(Waker::noop());
    let mut first = Box::pin(provider.ask("hi"));
    assert!(first.as_mut().poll(&mut noop).is_pending());
    let mut second = Box::pin(provider.ask("hi"));
    assert!(second.as_mut().poll(&mut noop).is_pending());
    let mut callers = Callers::of(&provider);
    callers.come(CallContext::new()).await;
    // The place goes to the second, which is never asked whether it has one.
    drop(first);
    drop(second);
    assert_eq!(callers.answered().await, [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_in_the_queue_leaves_the_next_one_keeps_the_time() {
    let provider = limited(|config| config.requests_per_minute = Some(1), Scripted::always("hello"));
    provider.ask("hi").await.unwrap();
    let mut callers = Callers::of(&provider);
    let first = callers.come(CallContext::new()).await;
    callers.come(CallContext::new()).await;
    tokio::time::sleep(secs(10)).await;
    first.abort();
    assert_eq!(callers.answered().await, [(1, 60)]);
}

#[tokio::test(start_paused = true)]
async fn the_second_leg_of_a_hedge_is_refused_instead_of_waiting() {
    let provider = limited(one_at_a_time, slow());
    let hedge = CallContext::new().as_hedge();
    assert!(provider.ask_in(&hedge, "hi").await.is_ok(), "a place is free");
    let mut callers = Callers::of(&provider);
    callers.come(CallContext::new()).await;
    let before = Instant::now();
    let error = provider.ask_in(&hedge, "hi").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_unsent(), before.elapsed()),
        (ErrorKind::RateLimited, true, Duration::ZERO)
    );
    assert_eq!(callers.answered().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_queue_has_an_end() {
    let provider = limited(one_at_a_time, Scripted::always(Step::hang()));
    let mut waiting = Vec::new();
    for _ in 0..10_001 {
        let mut call = Box::pin(provider.ask("hi"));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        waiting.push(call);
    }
    let error = provider.ask("hi").await.unwrap_err();
    assert_eq!((error.kind(), error.is_unsent()), (ErrorKind::RateLimited, true));
    waiting.pop();
    let call = pin!(provider.ask("hi"));
    assert!(tokio::time::timeout(secs(1), call).await.is_err(), "there is room again, and it waits");
}

#[tokio::test(start_paused = true)]
async fn who_got_its_place_too_late_does_not_speak_against_the_candidate() {
    let late = |after| Step::fail(ErrorKind::Timeout).after(secs(after));
    for (waits, opens) in [(true, false), (false, true)] {
        let steps = (0..5).flat_map(|_| if waits { vec![Step::hang(), late(2)] } else { vec![late(8)] });
        let inner = Scripted::new(steps).then_always("hello");
        let provider = BreakerLayer::default().layer(limited(one_at_a_time, inner));
        for _ in 0..5 {
            let mut callers = Callers::of(&provider);
            let before = if waits { Some(callers.come(CallContext::new()).await) } else { None };
            callers.come(CallContext::new().with_timeout(secs(8))).await;
            tokio::time::sleep(secs(6)).await;
            before.inspect(tokio::task::AbortHandle::abort);
            let (_, at, error) = callers.ended().await.remove(0);
            assert_eq!((at, error.unwrap().kind()), (8, ErrorKind::Timeout));
        }
        assert_eq!(provider.ask("hi").await.is_err(), opens, "it waits: {waits}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_another_candidate_is_asked_next_nobody_waits() {
    let provider = limited(one_at_a_time, slow());
    let mut callers = Callers::of(&provider);
    callers.come(CallContext::new()).await;
    let before = Instant::now();
    let error = provider.ask_in(&CallContext::new().with_spare(), "hi").await.unwrap_err();
    assert_eq!((error.kind(), error.is_unsent()), (ErrorKind::RateLimited, true));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(callers.answered().await, [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_leaves_no_time_for_an_answer_is_none() {
    let inner = Scripted::always(Step::from("hello").after(secs(10)));
    let provider = limited(|config| config.requests_per_minute = Some(2), inner);
    provider.ask("hi").await.unwrap();
    provider.ask("hi").await.unwrap();
    // The next place is free at 60 s, and an answer takes 10 s more.
    let before = Instant::now();
    let error = provider.ask_in(&CallContext::new().with_timeout(secs(45)), "hi").await.unwrap_err();
    assert_eq!((error.kind(), before.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));
    provider.ask_in(&CallContext::new().with_timeout(secs(51)), "hi").await.unwrap();
    assert_eq!(before.elapsed(), secs(50));
}
