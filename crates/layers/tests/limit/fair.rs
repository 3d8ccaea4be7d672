//! Many callers who come and go at random: no limit is passed, nobody starves, nothing leaks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, Delivery, EndpointId, Error, ErrorKind, ModelName,
    Provider, Result, async_trait,
};
use ultraai_layers::limit::readings;
use ultraai_testkit::{Beat, Scripted, Step};

use crate::support::limited;

const MOST_AT_ONCE: u32 = 4;
const MOST_IN_A_MINUTE: u64 = 50;

/// Watches that no limit is passed.
#[derive(Debug)]
struct Watching {
    host: String,
    inner: Scripted,
    sent: Mutex<Vec<(u64, Instant)>>,
}

#[async_trait]
impl Provider for Watching {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }
    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new(&*self.host, None))
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        assert!(self.inner.in_flight() < MOST_AT_ONCE as usize, "too many at once");
        let now = Instant::now();
        {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let minute = Duration::from_mins(1);
            let lately = sent.iter().filter(|(_, at)| now.duration_since(*at) < minute).count();
            assert!((lately as u64) < MOST_IN_A_MINUTE, "too many in a minute");
            // Each caller writes its number into its request.
            sent.push((request.max_tokens.unwrap(), now));
        }
        self.inner.chat(cx, request).await
    }
}

/// What a call does inside, drawn at random.
fn step(rng: &mut fastrand::Rng) -> Step {
    let step = match rng.u8(..8) {
        0 => Step::fail(ErrorKind::ServerError),
        1 => Step::from(
            Error::new(ErrorKind::RateLimited, "no").with_retry_after(Duration::from_millis(rng.u64(..900))),
        ),
        2 | 3 => Step::live([
            Beat::from("hel"),
            Beat::pause(Duration::from_millis(rng.u64(..900))),
            Beat::finished(),
        ]),
        4 => Step::hang(),
        _ => "hello".into(),
    };
    step.after(Duration::from_millis(rng.u64(..900)))
}

/// One seed: 400 callers, and how many of them were served.
async fn play(seed: u64) -> usize {
    let mut rng = fastrand::Rng::with_seed(seed);
    let steps: Vec<_> = (0..400).map(|_| step(&mut rng)).collect();
    let host = format!("fair-{seed}.example:443");
    let watching =
        Arc::new(Watching { host: host.clone(), inner: Scripted::new(steps), sent: Mutex::default() });
    let change = |config: &mut ultraai_layers::limit::LimitConfig| {
        config.max_concurrency = Some(MOST_AT_ONCE);
        config.requests_per_minute = Some(MOST_IN_A_MINUTE);
    };
    let provider = limited(change, Arc::clone(&watching));
    let mut callers = JoinSet::new();
    for number in 1..=400_u64 {
        sleep(Duration::from_millis(rng.u64(..300))).await;
        let (provider, patience) = (Arc::clone(&provider), Duration::from_millis(rng.u64(..40_000)));
        let (deadline, reads) = (rng.bool(), rng.bool());
        callers.spawn(async move {
            let mut cx = CallContext::new();
            if deadline {
                cx = cx.with_timeout(patience * 2);
            }
            let delivery = if reads { Delivery::Live } else { Delivery::Whole };
            let request = ChatRequest::from_prompt("hi").with_max_tokens(number).with_delivery(delivery);
            // Dropped when its patience is over, wherever it is.
            let call = async { provider.chat(&cx, Arc::new(request)).await?.collect().await };
            timeout(patience, call).await.is_ok_and(|answer| answer.is_ok())
        });
    }
    let served = callers.join_all().await.into_iter().filter(|served| *served).count();

    let numbers: Vec<_> = watching.sent.lock().unwrap().iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted(), "somebody overtook: {numbers:?}");
    let reading = readings().into_iter().find(|row| row.host.as_ref() == Some(&host)).unwrap();
    assert_eq!((reading.in_flight, reading.waiting), (0, 0), "something leaks");
    served
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_and_goes_no_limit_is_passed_nobody_starves_and_nothing_leaks() {
    let mut served = 0;
    for seed in 0..20 {
        served += play(seed).await;
    }
    assert!(served > 20 * 30, "only {served} were served");
}

#[tokio::test(start_paused = true)]
async fn whoever_stays_is_served() {
    for seed in 0..5 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let inner = Scripted::always("hello");
        let change = |config: &mut ultraai_layers::limit::LimitConfig| config.requests_per_minute = Some(30);
        let provider = limited(change, inner);
        let (mut staying, mut leaving) = (JoinSet::new(), JoinSet::new());
        for _ in 0..300 {
            let (call_of, stays) = (Arc::clone(&provider), rng.bool());
            let patience = Duration::from_millis(rng.u64(1..200_000));
            let call = async move { call_of.chat(&CallContext::new(), Arc::new("hi".into())).await.is_ok() };
            if stays {
                staying.spawn(call);
            } else {
                leaving.spawn(async move { timeout(patience, call).await.is_ok() });
            }
            sleep(Duration::from_millis(rng.u64(..200))).await;
        }
        assert!(staying.join_all().await.into_iter().all(|served| served));
        leaving.join_all().await;
    }
}
