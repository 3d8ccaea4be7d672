//! Scripted and simulated providers do what they were told, in virtual time.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use ultraai_core::{CallContext, ChatEvent, ChatRequest, Delivery, ErrorKind, Provider as _};
use ultraai_testkit::{Beat, Latency, ProviderExt as _, RateLimit, Scripted, Simulated, Simulation, Step};

const SECOND: Duration = Duration::from_secs(1);

fn live() -> Arc<ChatRequest> {
    Arc::new(ChatRequest::from_prompt("hello").with_delivery(Delivery::Live))
}

#[tokio::test(start_paused = true)]
async fn steps_are_played_in_order_and_in_time() {
    let provider =
        Scripted::new([Step::from("one").after(SECOND), Step::fail(ErrorKind::Timeout)]).then_always("more");
    let before = Instant::now();
    assert_eq!(provider.ask("a").await.unwrap().text(), "one");
    assert_eq!(before.elapsed(), SECOND);
    assert_eq!(provider.ask("b").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(provider.ask("c").await.unwrap().text(), "more");
    assert_eq!(before.elapsed(), SECOND);
    let prompts: Vec<_> = provider.requests().iter().map(|request| request.messages[0].text()).collect();
    assert_eq!((prompts, provider.steps_left()), (vec!["a".into(), "b".into(), "c".into()], 0));
}

#[tokio::test(start_paused = true)]
async fn beats_are_played_as_they_stand() {
    let beats = [Beat::from("a"), Beat::pause(SECOND), Beat::from("b"), Beat::finished()];
    let before = Instant::now();
    let events = Scripted::new([Step::live(beats)]).ask_live(&CallContext::new(), "hello").await.unwrap();
    let events: Vec<_> = events.into_iter().map(Result::unwrap).collect();
    assert_eq!(events[..2], [ChatEvent::text("a"), ChatEvent::text("b")]);
    assert_eq!((events.len(), before.elapsed()), (3, SECOND));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_early_is_counted() {
    let provider = Scripted::always(Step::live([Beat::from("a"), Beat::hang()]));
    let mut events = provider.chat(&CallContext::new(), live()).await.unwrap().into_events();
    events.next().await.unwrap().unwrap();
    assert_eq!((provider.in_flight(), provider.dropped()), (1, 0));
    drop(events);
    assert_eq!((provider.in_flight(), provider.dropped()), (0, 1));

    let complete = Scripted::always(Step::streamed(["a"]));
    complete.chat(&CallContext::new(), live()).await.unwrap().collect().await.unwrap();
    assert_eq!((complete.in_flight(), complete.dropped()), (0, 0));

    let hanging = Scripted::always(Step::hang());
    assert!(tokio::time::timeout(SECOND, hanging.ask("hello")).await.is_err());
    assert_eq!((hanging.in_flight(), hanging.dropped()), (0, 1));
}

#[tokio::test]
#[should_panic(expected = "`scripted` was asked 2 times, more often than its script has steps")]
async fn a_call_beyond_the_script_panics() {
    let provider = Scripted::new(["one"]);
    provider.ask("a").await.unwrap();
    let _ = provider.ask("b").await;
}

/// The latencies and failures of so many calls, one after the other.
async fn drawn(provider: &Simulated, calls: usize) -> Vec<(Duration, bool)> {
    let mut drawn = Vec::new();
    for _ in 0..calls {
        let before = Instant::now();
        let failed = provider.ask("hello").await.is_err();
        drawn.push((before.elapsed(), failed));
    }
    drawn
}

#[tokio::test(start_paused = true)]
async fn a_heavy_tail_has_its_median_and_its_99th_percentile() {
    let simulation = Simulation::heavy_tailed(Duration::from_millis(200), Duration::from_secs(2));
    let drawn = drawn(&Simulated::new("it", 3, simulation), 5000).await;
    let mut latencies: Vec<_> = drawn.into_iter().map(|(latency, _)| latency).collect();
    latencies.sort_unstable();
    assert!((190..210).contains(&latencies[2500].as_millis()), "{:?}", latencies[2500]);
    assert!((1700..2300).contains(&latencies[4950].as_millis()), "{:?}", latencies[4950]);
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_draw_equal_numbers() {
    let provider = |seed| {
        let simulation = Simulation {
            failure_rate: 0.2,
            latency: Latency::Uniform(SECOND, SECOND * 2),
            ..Simulation::default()
        };
        Simulated::new("it", seed, simulation)
    };
    let first = drawn(&provider(1), 200).await;
    assert_eq!(drawn(&provider(1), 200).await, first);
    assert_ne!(drawn(&provider(2), 200).await, first);
    let failed = first.iter().filter(|(_, failed)| *failed).count();
    assert!((25..55).contains(&failed), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_comes_and_goes() {
    let provider = Simulated::new("it", 1, Simulation::with_brown_outs());
    let good = |drawn: &[(Duration, bool)]| drawn.iter().filter(|(_, failed)| !failed).count();
    assert_eq!(good(&drawn(&provider, 100).await), 100);
    tokio::time::advance(SECOND * 20).await;
    // 51 seconds after its birth it is in its first brown-out, and latencies are three seconds long.
    let inside = drawn(&provider, 3).await;
    assert!(inside.iter().all(|(latency, _)| *latency == SECOND * 3), "{inside:?}");
    tokio::time::advance(SECOND * 5).await;
    assert_eq!(good(&drawn(&provider, 20).await), 20);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_rate_are_told_when_to_come_back() {
    let rate_limit = Some(RateLimit { per_second: 2.0, burst: 1.0 });
    let simulation = Simulation { rate_limit, ..Simulation::steady(Duration::ZERO) };
    let provider = Simulated::new("it", 1, simulation);
    provider.ask("a").await.unwrap();
    let error = provider.ask("b").await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(SECOND / 2)));
    tokio::time::advance(SECOND / 2).await;
    provider.ask("c").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn live_and_whole_answers_take_the_same_time() {
    let simulation = Simulation { words_per_second: Some(10.0), words: 11, ..Simulation::steady(SECOND) };
    let provider = Simulated::new("it", 1, simulation);
    let before = Instant::now();
    let whole = provider.ask("a").await.unwrap();
    assert_eq!(before.elapsed(), SECOND * 2);
    let live = provider.chat(&CallContext::new(), live()).await.unwrap().collect().await.unwrap();
    assert_eq!(before.elapsed(), SECOND * 4);
    assert_eq!(live, whole);
}
