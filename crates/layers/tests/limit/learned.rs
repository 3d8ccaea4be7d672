//! What the provider says of its own limits.

use std::time::Duration;

use tokio::time::Instant;
use ultraai_core::{CallContext, ChatRequest, ErrorKind, Quota, RateLimits};
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step, failure};

use crate::support::{Callers, Telling, limited, live, requests_left, secs};

fn telling(said: impl IntoIterator<Item = (u64, RateLimits)>) -> Telling {
    Telling::new(Scripted::always("hello"), said)
}

#[tokio::test(start_paused = true)]
async fn when_nothing_is_left_nothing_is_sent_until_the_reset() {
    let mut callers = Callers::of(&limited(|_| {}, telling([(0, requests_left(0, None, 20))])));
    for _ in 0..3 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(0, 0), (1, 20), (2, 20)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_used_and_no_more() {
    let mut callers = Callers::of(&limited(|_| {}, telling([(0, requests_left(2, None, 20))])));
    for _ in 0..4 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(0, 0), (1, 0), (2, 0), (3, 20)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_since_counts_against_what_is_left() {
    let mut callers = Callers::of(&limited(|_| {}, telling([(3, requests_left(4, None, 20))])));
    // Three are sent before the first response says that four are left: it may not have counted them.
    for _ in 0..4 {
        callers.come(CallContext::new()).await;
    }
    tokio::time::sleep(secs(5)).await;
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(1, 0), (2, 0), (3, 0), (0, 3), (4, 5), (5, 23)]);
}

#[tokio::test(start_paused = true)]
async fn an_older_request_does_not_bring_back_what_younger_ones_used() {
    let said = [(5, requests_left(9, None, 60)), (1, requests_left(1, None, 60))];
    let mut callers = Callers::of(&limited(|_| {}, telling(said)));
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    tokio::time::sleep(secs(6)).await;
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(1, 1), (0, 5), (2, 6), (3, 61)]);
}

#[tokio::test(start_paused = true)]
async fn that_nothing_is_left_is_believed_of_an_older_request_too() {
    let said = [(5, requests_left(0, None, 55)), (1, requests_left(5, None, 59))];
    let mut callers = Callers::of(&limited(|_| {}, telling(said)));
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    tokio::time::sleep(secs(6)).await;
    callers.come(CallContext::new()).await;
    assert_eq!(callers.answered().await, [(1, 1), (0, 5), (2, 60)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_is_still_left() {
    let unsent = Step::from(failure(ErrorKind::BudgetExceeded).unsent());
    let inner = Scripted::new([Step::from("hello"), unsent]).then_always("hello");
    let mut callers = Callers::of(&limited(|_| {}, Telling::new(inner, [(0, requests_left(1, None, 20))])));
    for _ in 0..4 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(0, 0), (2, 0), (3, 20)]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_known_is_kept_after_its_reset_too() {
    let mut callers = Callers::of(&limited(|_| {}, telling([(0, requests_left(0, Some(2), 20))])));
    for _ in 0..4 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(0, 0), (1, 20), (2, 20), (3, 40)]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_nobody_tells_again_is_forgotten() {
    let provider = limited(|_| {}, telling([(0, requests_left(0, Some(1), 20))]));
    provider.ask("hi").await.unwrap();
    tokio::time::sleep(secs(25)).await;
    provider.ask("hi").await.unwrap();
    tokio::time::sleep(secs(16)).await;
    let before = Instant::now();
    for _ in 0..10 {
        provider.ask("hi").await.unwrap();
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_left_are_kept_to() {
    let quota = |remaining| Some(Quota::new(Some(10_000), remaining, secs(30)));
    let sets: [fn(&mut RateLimits, Option<Quota>); 3] = [
        |limits, quota| limits.tokens = quota,
        |limits, quota| limits.input_tokens = quota,
        |limits, quota| limits.output_tokens = quota,
    ];
    for (set, remaining) in sets.into_iter().zip([700, 300, 400]) {
        let mut limits = RateLimits::default();
        set(&mut limits, quota(remaining));
        let mut callers = Callers::of(&limited(|_| {}, telling([(0, limits)])));
        for _ in 0..3 {
            // About 200 tokens, and 300 of the answer.
            let request = ChatRequest::from_prompt("x".repeat(788)).with_max_tokens(300);
            callers.come_with(CallContext::new(), request).await;
        }
        assert_eq!(callers.answered().await, [(0, 0), (1, 0), (2, 30)], "{limits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_with_a_delay_holds_everybody_back() {
    let mut told = RateLimits::default();
    told.retry_after = Some(secs(12));
    let refusals = [
        (failure(ErrorKind::RateLimited).with_retry_after(secs(12)), RateLimits::default()),
        (failure(ErrorKind::Overloaded).with_retry_after(secs(12)), RateLimits::default()),
        (failure(ErrorKind::RateLimited), told),
    ];
    for (refusal, said) in refusals {
        let inner = Scripted::new([Step::from(refusal)]).then_always("hello");
        let mut callers = Callers::of(&limited(|_| {}, Telling::new(inner, [(0, said)])));
        for _ in 0..3 {
            callers.come(CallContext::new()).await;
        }
        assert_eq!(callers.answered().await, [(1, 12), (2, 12)]);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_were_held_back_do_not_come_all_at_once() {
    let refusal = Step::from(failure(ErrorKind::RateLimited).with_retry_after(secs(12)));
    let inner = Scripted::new([refusal]).then_always("hello");
    let provider = limited(|_| {}, inner.clone());
    let before = Instant::now();
    let mut callers = Callers::of(&provider);
    for _ in 0..20 {
        callers.come(CallContext::new()).await;
    }
    callers.answered().await;
    let came: Vec<_> = inner.calls().iter().map(|call| (call.at - before).as_millis()).collect();
    assert_eq!(came[..6], [0, 12_000, 12_500, 12_750, 12_875, 12_938]);
    assert!(came[19] < 13_000, "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_that_ends_in_a_refusal_holds_everybody_back() {
    let refusal = failure(ErrorKind::Overloaded).with_retry_after(secs(12));
    let inner = Scripted::new([Step::live([Beat::from("hel"), refusal.into()])]).then_always("hello");
    let provider = limited(|_| {}, inner);
    live(&provider, &CallContext::new()).await.unwrap().collect().await.unwrap_err();
    let before = Instant::now();
    provider.ask("hi").await.unwrap();
    assert_eq!(before.elapsed(), secs(12));
}

#[tokio::test(start_paused = true)]
async fn the_delay_of_another_failure_holds_nobody_back() {
    let refusal = failure(ErrorKind::ServerError).with_retry_after(secs(12));
    let inner = Scripted::new([Step::from(refusal)]).then_always("hello");
    let mut callers = Callers::of(&limited(|_| {}, inner));
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_absurd_delay_refuses_at_once_and_is_not_believed_for_ever() {
    let day = secs(24 * 3600);
    let mut absurd = RateLimits::default();
    absurd.retry_after = Some(day);
    for said in [requests_left(0, Some(100), day.as_secs()), absurd] {
        let provider = limited(|_| {}, telling([(0, said)]));
        provider.ask("hi").await.unwrap();
        let before = Instant::now();
        let error = provider.ask("hi").await.unwrap_err();
        assert_eq!((error.kind(), before.elapsed()), (ErrorKind::RateLimited, Duration::ZERO));
        assert!(error.is_unsent() && error.retry_after().is_some());
        tokio::time::sleep(secs(600)).await;
        assert!(provider.ask("hi").await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_after_a_refusal_is_told_at_once() {
    let busy = Step::from(failure(ErrorKind::RateLimited).with_retry_after(secs(30)));
    let inner = Scripted::new([busy.after(secs(2))]).then_always("hello");
    let mut callers = Callers::of(&limited(|config| config.max_concurrency = Some(1), inner));
    callers.come(CallContext::new()).await;
    for timeout in [20, 40, 20] {
        callers.come(CallContext::new().with_timeout(secs(timeout))).await;
    }
    let ended: Vec<_> =
        callers.ended().await.into_iter().map(|(who, at, error)| (who, at, error.is_some())).collect();
    assert_eq!(ended[..3].iter().map(|(_, at, failed)| (*at, *failed)).collect::<Vec<_>>(), [(2, true); 3]);
    assert_eq!(ended[3], (2, 32, false));
}

#[tokio::test(start_paused = true)]
async fn a_lie_of_no_length_holds_nobody_back() {
    let provider =
        limited(|_| {}, telling([(0, requests_left(0, Some(0), 0)), (0, requests_left(0, Some(0), 1))]));
    let before = Instant::now();
    for _ in 0..3 {
        provider.ask("hi").await.unwrap();
    }
    assert!(before.elapsed() <= secs(1), "{:?}", before.elapsed());
}
