//! Limits of the settings.

use ultraai_core::{CallContext, ChatRequest, ChatResponse, ErrorKind, Usage};
use ultraai_layers::limit::{LimitConfig, LimitLayer};
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

use crate::support::{Callers, limited, live, secs};

#[tokio::test(start_paused = true)]
async fn without_limits_nobody_waits() {
    let inner = Scripted::always(Step::from("hello").after(secs(1)));
    let mut callers = Callers::of(&limited(|_| {}, inner.clone()));
    for _ in 0..1000 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(inner.in_flight(), 1000);
    assert!(callers.answered().await.into_iter().all(|(_, at)| at == 1));
}

#[tokio::test(start_paused = true)]
async fn no_minute_holds_more_requests_than_it_may() {
    let inner = Scripted::always("hello");
    let mut callers = Callers::of(&limited(|config| config.requests_per_minute = Some(3), inner.clone()));
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    tokio::time::sleep(secs(30)).await;
    for _ in 0..6 {
        callers.come(CallContext::new()).await;
    }
    let expected = [(0, 0), (1, 0), (2, 30), (3, 60), (4, 60), (5, 90), (6, 120), (7, 120)];
    assert_eq!(callers.answered().await, expected);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_estimated_before_and_counted_after() {
    // 25 tokens of the request with its frame, and 75 for the answer.
    let request = || ChatRequest::from_prompt("x".repeat(88)).with_max_tokens(75);
    for (used, second_at) in [(100, 60), (20, 0)] {
        let answer = ChatResponse::from_text("hello").with_usage(Usage::reported(used / 2, used / 2));
        let inner = Scripted::always(answer);
        let mut callers = Callers::of(&limited(|config| config.tokens_per_minute = Some(150), inner));
        callers.come_with(CallContext::new(), request()).await;
        callers.come_with(CallContext::new(), request()).await;
        assert_eq!(callers.answered().await, [(0, 0), (1, second_at)], "{used} tokens were used");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_live_answer_are_counted_at_its_end() {
    let inner = Scripted::always(Step::streamed(["hel", "lo"]));
    let provider = limited(|config| config.tokens_per_minute = Some(600), inner);
    let reply = live(&provider, &CallContext::new()).await.unwrap();
    let mut callers = Callers::of(&provider);
    callers.come(CallContext::new()).await;
    reply.collect().await.unwrap();
    assert_eq!(callers.answered().await, [(0, 0)], "the first one took 8 tokens, and not 500");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_larger_than_the_limit_goes_alone() {
    let inner = Scripted::always(ChatResponse::from_text("hello").with_usage(Usage::reported(900, 100)));
    let mut callers = Callers::of(&limited(|config| config.tokens_per_minute = Some(100), inner));
    for _ in 0..2 {
        callers.come(CallContext::new()).await;
    }
    assert_eq!(callers.answered().await, [(0, 0), (1, 60)]);
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_freed_by_an_answer_an_error_and_a_drop() {
    let steps = [
        Step::from("hello").after(secs(1)),
        Step::fail(ErrorKind::ServerError).after(secs(1)),
        Step::hang(),
        Step::from("hello").after(secs(1)),
    ];
    let inner = Scripted::new(steps);
    let mut callers = Callers::of(&limited(|config| config.max_concurrency = Some(1), inner.clone()));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(callers.come(CallContext::new()).await);
        assert_eq!(inner.in_flight(), 1);
    }
    tokio::time::sleep(secs(5)).await;
    assert_eq!(inner.count(), 3, "the third hangs");
    tasks[2].abort();
    let ended = callers.ended().await.into_iter().map(|(number, at, _)| (number, at));
    assert_eq!(ended.collect::<Vec<_>>(), [(0, 1), (1, 2), (3, 6)]);
}

#[tokio::test(start_paused = true)]
async fn a_live_answer_holds_its_place_until_it_ends_or_is_dropped() {
    let beats = || [Beat::from("hel"), Beat::pause(secs(3)), Beat::from("lo"), Beat::finished()];
    let inner = Scripted::new([Step::live(beats()), Step::live(beats())]).then_always("hello");
    let provider = limited(|config| config.max_concurrency = Some(1), inner);
    let first = live(&provider, &CallContext::new()).await.unwrap();
    let cx = CallContext::new();
    let second = live(&provider, &cx);
    let (answer, second) = tokio::join!(first.collect(), second);
    assert!(answer.is_ok());
    let mut callers = Callers::of(&provider);
    callers.come(CallContext::new()).await;
    tokio::time::sleep(secs(10)).await;
    drop(second);
    assert_eq!(callers.answered().await, [(0, 10)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_wastes_nothing() {
    let unsent = ultraai_testkit::failure(ErrorKind::BudgetExceeded).unsent();
    let inner = Scripted::new([Step::from(unsent)]).then_always("hello");
    let mut callers = Callers::of(&limited(|config| config.requests_per_minute = Some(1), inner));
    callers.come(CallContext::new()).await;
    callers.come(CallContext::new()).await;
    assert_eq!(callers.answered().await, [(1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_orchestrates_is_not_limited() {
    let mut capabilities = ultraai_core::Capabilities::default();
    capabilities.orchestrates = true;
    let inner = Scripted::always("hello").with_capabilities(capabilities);
    let provider = limited(|config| config.requests_per_minute = Some(1), inner);
    for _ in 0..3 {
        let cx = CallContext::new().with_timeout(secs(1));
        assert!(provider.ask_in(&cx, "hi").await.is_ok());
    }
}

#[test]
fn wrong_settings_are_named() {
    let wrong = |change: fn(&mut LimitConfig)| {
        let mut config = LimitConfig::default();
        change(&mut config);
        LimitLayer::new(config).unwrap_err().message().to_owned()
    };
    assert!(wrong(|config| config.requests_per_minute = Some(0)).contains("`requests_per_minute`"));
    assert!(wrong(|config| config.tokens_per_minute = Some(0)).contains("`tokens_per_minute`"));
    assert!(wrong(|config| config.max_concurrency = Some(0)).contains("`max_concurrency`"));
    assert!(wrong(|config| config.max_wait_seconds = Some(f64::NAN)).contains("`max_wait_seconds`"));
}
