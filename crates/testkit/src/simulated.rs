//! A provider whose latencies and failures are drawn from distributions under a seed.

use std::{
    f64::consts::TAU,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery, ErrorKind,
    FinishReason, ModelName, Provider, Result, Usage, async_trait,
};

use crate::scripted::{Beat, Step, Visits, failure, play};

/// How a simulated provider behaves; all of it is drawn under its seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Time to the first word. Default: 300 ms, always.
    pub latency: Latency,
    /// Words a second after the first one; a whole answer takes as long as a live one. Default: none, at once.
    pub words_per_second: Option<f64>,
    /// Words of an answer. Default: 20.
    pub words: usize,
    /// Share of calls that fail, 0 to 1. Default: 0.
    pub failure_rate: f64,
    /// How they fail. An `Interrupted` live answer breaks off in its middle. Default: `ServerError`.
    pub failure: ErrorKind,
    /// Times in which it is worse. Default: none.
    pub brown_out: Option<BrownOut>,
    /// Calls that it takes. Default: all.
    pub rate_limit: Option<RateLimit>,
}

/// Times, again and again, in which a provider is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrownOut {
    /// From the beginning of one to that of the next. The first one begins after `every - lasting`.
    pub every: Duration,
    /// How long one lasts.
    pub lasting: Duration,
    /// Share of calls that fail in it, 0 to 1.
    pub failure_rate: f64,
    /// What latencies are multiplied by in it.
    pub slower: f64,
}

/// A bucket of calls: those beyond it are refused with `RateLimited` and the delay after which one fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Calls a second, over a long time.
    pub per_second: f64,
    /// Calls at once.
    pub burst: f64,
}

/// A distribution of latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Evenly between two.
    Uniform(Duration, Duration),
    /// Log-normal, with this median and this 99th percentile: the shape of response times in services.
    LogNormal {
        /// The median.
        p50: Duration,
        /// The 99th percentile.
        p99: Duration,
    },
}

/// The 0.99 quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Latency {
    /// Draws one.
    pub fn sample(&self, rng: &mut fastrand::Rng) -> Duration {
        match *self {
            Self::Fixed(latency) => latency,
            Self::Uniform(least, most) => least + most.saturating_sub(least).mul_f64(rng.f64()),
            Self::LogNormal { p50, p99 } => {
                // Box and Muller's transform; 1 - u, so that the logarithm never sees 0.
                let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos();
                let sigma = (p99.as_secs_f64() / p50.as_secs_f64()).ln() / Z99;
                Duration::try_from_secs_f64(p50.as_secs_f64() * (sigma * normal).exp()).unwrap_or(p50)
            }
        }
    }
}

impl Default for Simulation {
    fn default() -> Self {
        Self::steady(Duration::from_millis(300))
    }
}

impl Simulation {
    /// Always the same latency, and no failures.
    pub fn steady(latency: Duration) -> Self {
        Self {
            latency: Latency::Fixed(latency),
            words_per_second: None,
            words: 20,
            failure_rate: 0.0,
            failure: ErrorKind::ServerError,
            brown_out: None,
            rate_limit: None,
        }
    }

    /// Log-normal latencies with this median and this 99th percentile.
    pub fn heavy_tailed(p50: Duration, p99: Duration) -> Self {
        Self { latency: Latency::LogNormal { p50, p99 }, ..Self::default() }
    }

    /// Good for 50 seconds, then for 10 seconds 9 of 10 calls fail and the rest take ten times as long.
    pub fn with_brown_outs() -> Self {
        let every = Duration::from_mins(1);
        let lasting = Duration::from_secs(10);
        let brown_out = BrownOut { every, lasting, failure_rate: 0.9, slower: 10.0 };
        Self { brown_out: Some(brown_out), ..Self::default() }
    }

    /// So many calls a second, `burst` at once.
    pub fn rate_limited(per_second: f64, burst: f64) -> Self {
        Self { rate_limit: Some(RateLimit { per_second, burst }), ..Self::default() }
    }
}

/// A provider that behaves as a [`Simulation`] says, in virtual time. A clone is the same provider.
///
/// The same seed and the same order of calls make the same answers.
#[derive(Clone, Debug)]
pub struct Simulated {
    name: Arc<str>,
    simulation: Simulation,
    born: Instant,
    state: Arc<Mutex<State>>,
    visits: Arc<Visits>,
}

#[derive(Debug)]
struct State {
    rng: fastrand::Rng,
    tokens: f64,
    filled: Instant,
}

impl Simulated {
    /// The provider `name`, which behaves as `simulation` says; its time begins now.
    pub fn new(name: &str, seed: u64, simulation: Simulation) -> Self {
        let born = Instant::now();
        let tokens = simulation.rate_limit.map_or(0.0, |limit| limit.burst);
        let state = State { rng: fastrand::Rng::with_seed(seed), tokens, filled: born };
        let state = Arc::new(Mutex::new(state));
        Self { name: name.into(), simulation, born, state, visits: Arc::default() }
    }

    /// Calls under way: neither their future nor their reply was dropped yet.
    pub fn in_flight(&self) -> usize {
        self.visits.in_flight()
    }

    /// Calls whose future or reply was dropped before the end.
    pub fn dropped(&self) -> usize {
        self.visits.dropped()
    }

    /// Draws what the next call does.
    fn draw(&self, live: bool) -> Step {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limit) = self.simulation.rate_limit
            && let Some(wait) = state.refusal(limit)
        {
            return failure(ErrorKind::RateLimited).with_retry_after(wait).into();
        }
        let simulation = &self.simulation;
        let brown_out = simulation.brown_out.filter(|window| is_in(window, self.born.elapsed()));
        let mut latency = simulation.latency.sample(&mut state.rng);
        let mut failure_rate = simulation.failure_rate;
        if let Some(brown_out) = brown_out {
            latency = latency.mul_f64(brown_out.slower);
            failure_rate = brown_out.failure_rate;
        }
        let fails = state.rng.f64() < failure_rate;
        let writing = if live || fails { Duration::ZERO } else { self.writing() };
        self.step(live, fails).after(latency + writing)
    }

    fn step(&self, live: bool, fails: bool) -> Step {
        let simulation = &self.simulation;
        let pause = simulation.words_per_second.map(|rate| Duration::from_secs_f64(1.0 / rate));
        if !live {
            if fails {
                return failure(simulation.failure).into();
            }
            let mut response = ChatResponse::from_text(text(simulation.words)).with_usage(self.usage());
            response.model = Some(self.name.to_string());
            return Step::whole(response);
        }
        if fails && simulation.failure != ErrorKind::Interrupted {
            return failure(simulation.failure).into();
        }
        let mut beats: Vec<Beat> =
            vec![ChatEvent::Started { model: Some(self.name.to_string()), request_id: None }.into()];
        let words = if fails { simulation.words / 2 } else { simulation.words };
        for number in 0..words {
            beats.extend(pause.filter(|_| number > 0).map(Beat::pause));
            beats.push(word(number).as_str().into());
        }
        if fails {
            beats.push(Beat::fail(ErrorKind::Interrupted));
        } else {
            beats.push(ChatEvent::Usage(self.usage()).into());
            beats.push(ChatEvent::Finished { finish_reason: FinishReason::Stop }.into());
        }
        Step::live(beats)
    }

    fn usage(&self) -> Usage {
        Usage::reported(10, self.simulation.words as u64)
    }

    /// How much longer a whole answer takes than the first word of a live one.
    fn writing(&self) -> Duration {
        let words = u32::try_from(self.simulation.words.saturating_sub(1)).unwrap_or(u32::MAX);
        self.simulation
            .words_per_second
            .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate) * words)
    }
}

impl State {
    /// Takes one call from the bucket, or says after what time one fits.
    fn refusal(&mut self, limit: RateLimit) -> Option<Duration> {
        let now = Instant::now();
        let gained = (now - self.filled).as_secs_f64() * limit.per_second;
        self.tokens = (self.tokens + gained).min(limit.burst);
        self.filled = now;
        if self.tokens < 1.0 {
            return Some(Duration::from_secs_f64((1.0 - self.tokens) / limit.per_second));
        }
        self.tokens -= 1.0;
        None
    }
}

fn is_in(window: &BrownOut, age: Duration) -> bool {
    let within = age.as_secs_f64() % window.every.as_secs_f64();
    within >= window.every.saturating_sub(window.lasting).as_secs_f64()
}

fn word(number: usize) -> String {
    if number == 0 { "word0".to_owned() } else { format!(" word{number}") }
}

fn text(words: usize) -> String {
    (0..words).map(word).collect()
}

#[async_trait]
impl Provider for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let visit = self.visits.begin();
        let live = request.delivery == Delivery::Live;
        play(self.draw(live), visit).await
    }
}
