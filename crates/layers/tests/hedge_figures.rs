//! The layer `hedge`, in virtual time: what it does to the tail, and what that costs.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Delivery, Layer as _, ModelName, Price,
    Provider, ProviderId, Result, async_trait, attempt::Attempt, stats::CandidateStats,
};
use ultraai_layers::hedge::HedgeLayer;
use ultraai_testkit::{Latency, Simulated, Simulation};

/// A provider some of whose calls are ten times slower.
#[derive(Debug)]
struct Drawn {
    rng: Mutex<fastrand::Rng>,
    slow_share: f64,
    usual: Simulated,
    slow: Simulated,
}

impl Drawn {
    fn new(seed: u64, slow_share: f64, latency: Latency) -> Self {
        let simulated = |factor| {
            let mut simulation = Simulation { words: 1, ..Simulation::default() };
            simulation.latency = match latency {
                Latency::Uniform(least, most) => Latency::Uniform(least * factor, most * factor),
                other => other,
            };
            Simulated::new("drawn", seed ^ u64::from(factor), simulation)
        };
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        Self { rng, slow_share, usual: simulated(1), slow: simulated(10) }
    }
}

#[async_trait]
impl Provider for Drawn {
    fn name(&self) -> &'static str {
        "drawn"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let is_slow = self.rng.lock().unwrap().f64() < self.slow_share;
        let inner = if is_slow { &self.slow } else { &self.usual };
        inner.chat(cx, request).await
    }
}

/// A provider that takes as long for the same request each time: where times are those of answers of many lengths.
#[derive(Debug)]
struct ByRequest(Latency);

#[async_trait]
impl Provider for ByRequest {
    fn name(&self) -> &'static str {
        "by-request"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }
    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let seed = request.seed.unwrap().unsigned_abs();
        tokio::time::sleep(self.0.sample(&mut fastrand::Rng::with_seed(seed))).await;
        Ok(ChatReply::whole(ChatResponse::from_text("answer")))
    }
}

/// What came of a run.
struct Figures {
    p50: Duration,
    p99: Duration,
    /// Second legs, as a share of the requests.
    second_legs: f64,
}

/// Runs so many requests, some of them at a time.
async fn run(
    inner: impl Provider,
    requests: usize,
    hedged: bool,
    delivery: Delivery,
    at_once: usize,
) -> Figures {
    let stats = Arc::new(CandidateStats::default());
    let id = ProviderId::new("one").unwrap();
    let attempt: Arc<dyn Provider> =
        Arc::new(Attempt::new(Arc::new(inner), id, None::<Price>, Arc::clone(&stats)));
    let provider = if hedged { HedgeLayer::default().layer(attempt) } else { attempt };
    let request = Arc::new(ChatRequest::from_prompt("hi").with_delivery(delivery));
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let (provider, request) = (Arc::clone(&provider), Arc::clone(&request));
        tasks.spawn(async move {
            let mut times = Vec::new();
            for number in 0..requests / at_once {
                let mut request = (*request).clone();
                request.seed = i64::try_from(task * requests + number).ok();
                let cx = CallContext::new().with_max_retries(1);
                let before = Instant::now();
                let reply = provider.chat(&cx, Arc::new(request)).await.unwrap();
                times.push(before.elapsed());
                reply.collect().await.unwrap();
                let rows = cx.ledger().report().rows;
                assert!(rows.iter().all(|row| row.duration_seconds.is_some()), "{rows:?}");
            }
            times
        });
    }
    let mut times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let second_legs = stats.attempts() as f64 / times.len() as f64 - 1.0;
    Figures { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100], second_legs }
}

/// Checks in every way of asking, each under a seed of its own, that the 99th percentile is cut by `least_cut`, for at most `most_hedged` of the requests.
async fn figures(
    world: &str,
    requests: usize,
    drawn: impl Fn(u64) -> Drawn,
    least_cut: f64,
    most_hedged: f64,
) -> String {
    let mut lines = String::new();
    let ways = [(Delivery::Whole, 1), (Delivery::Live, 50), (Delivery::Whole, 50), (Delivery::Live, 1)];
    for (seed, (delivery, at_once)) in (1..).zip(ways) {
        let plain = run(drawn(seed), requests, false, delivery, at_once).await;
        let hedged = run(drawn(seed), requests, true, delivery, at_once).await;
        let cut = 1.0 - hedged.p99.as_secs_f64() / plain.p99.as_secs_f64();
        let line = format!(
            "{world}, {delivery:?}, {at_once} at once: p50 {:?} to {:?}, p99 {:?} to {:?}, cut by {:.1} %, {:.2} % hedged",
            plain.p50,
            hedged.p50,
            plain.p99,
            hedged.p99,
            cut * 100.0,
            hedged.second_legs * 100.0
        );
        assert!(cut >= least_cut && hedged.second_legs <= most_hedged, "{line}");
        lines += &line;
        lines += "\n";
    }
    lines
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test(start_paused = true)]
async fn where_few_calls_are_ten_times_slower_the_tail_is_cut_by_more_than_half() {
    let drawn = |seed| Drawn::new(seed, 0.03, Latency::Uniform(ms(240), ms(360)));
    println!("{}", figures("3 % of calls ten times slower", 20_000, drawn, 0.6, 0.05).await);
}

#[tokio::test(start_paused = true)]
async fn where_the_tail_is_long_it_is_cut_by_a_third() {
    let drawn = |seed| Drawn::new(seed, 0.0, Latency::LogNormal { p50: ms(300), p99: ms(3000) });
    println!("{}", figures("log-normal, p99 = 10 × p50", 40_000, drawn, 0.3, 0.05).await);
}

#[tokio::test(start_paused = true)]
async fn where_the_tail_is_narrow_nothing_is_asked_twice() {
    let drawn = |seed| Drawn::new(seed, 0.0, Latency::Uniform(ms(240), ms(360)));
    println!("{}", figures("uniform ± 20 %", 20_000, drawn, -0.05, 0.0).await);
    let drawn = |seed| Drawn::new(seed, 0.0, Latency::LogNormal { p50: ms(300), p99: ms(450) });
    println!("{}", figures("log-normal, p99 = 1.5 × p50", 20_000, drawn, -0.05, 0.0).await);
}

#[tokio::test(start_paused = true)]
async fn where_long_answers_make_the_tail_next_to_nothing_is_asked_twice() {
    let latency = Latency::LogNormal { p50: ms(300), p99: ms(3000) };
    for at_once in [1, 50] {
        let figures = run(ByRequest(latency), 20_000, true, Delivery::Whole, at_once).await;
        println!("by request, {at_once} at once: {:.2} % hedged", figures.second_legs * 100.0);
        assert!(figures.second_legs > 0.0 && figures.second_legs < 0.01, "{}", figures.second_legs);
    }
}
