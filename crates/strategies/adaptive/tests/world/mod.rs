//! A world in which strategies are right with a probability that depends on the kind of task and on the time.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Method, ModelName, Options,
    OrchestratorBuilder, Outcome, Plugin, Provider, ProviderId, Registry, RequestOptions, Result, Run,
    Strategy, StrategyRegistration, Usage, async_trait,
};
use ultraai_strategy_adaptive::{Adaptive, AdaptiveOrchestrator, AdaptiveSettings, ArmSettings};

/// A prompt of each of three kinds of tasks.
const PROMPTS: [&str; 3] = ["Write a function in Python.", "What is 17 * 23?", "Why is the sky blue?"];

/// For each kind of task, how often each arm's answer is right.
type Shares = [[f64; 3]; 3];

/// Two times of equal length.
pub(crate) struct World {
    half: usize,
    before: Shares,
    after: Shares,
}

/// What a run through a world showed.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The share of the reward of always choosing right that was lost.
    pub(crate) lost: f64,
    /// Requests after the flip until 8 of 10 within a window of 50 are right again.
    pub(crate) found_after: Option<usize>,
    /// The share of requests whose arm differs from the one before it of that kind.
    pub(crate) switched: f64,
    /// Calls of providers for each request.
    pub(crate) asked_per_request: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lost {:.1} %, found again after ", 100.0 * self.lost)?;
        match self.found_after {
            Some(requests) => write!(f, "{requests} requests")?,
            None => write!(f, "never")?,
        }
        write!(
            f,
            ", switched in {:.1} %, {:.3} calls a request",
            100.0 * self.switched,
            self.asked_per_request
        )
    }
}

impl World {
    pub(crate) fn new(half: usize) -> Self {
        Self { half, before: Shares::default(), after: Shares::default() }
    }

    pub(crate) fn of(self, before: Shares, after: Shares) -> Self {
        Self { before, after, ..self }
    }

    pub(crate) async fn run(&self, seed: u64) -> Figures {
        let mut rng = fastrand::Rng::with_seed(seed);
        let orchestrator = orchestrator(seed);
        let book = Arc::new(Mutex::new(Book::default()));
        for (place, id) in ARMS.iter().enumerate() {
            let own = Oracle {
                book: Arc::clone(&book),
                place,
                latency: Duration::from_millis(500 + 400 * place as u64),
            };
            orchestrator.register_provider(id, own).unwrap();
        }
        let (mut best, mut got) = (0.0, 0.0);
        let mut right = Vec::new();
        let (mut last, mut switched) = ([usize::MAX; 3], 0);
        for number in 0..2 * self.half {
            let kind = rng.usize(0..3);
            let shares = if number < self.half { self.before[kind] } else { self.after[kind] };
            book.lock().unwrap().draws = shares.map(|share| rng.f64() < share);
            let options = RequestOptions::default().with_seed(rng.u64(..));
            let outcome = orchestrator.process_with(PROMPTS[kind], options).await.unwrap();
            let score = f64::from(u8::from(outcome.synthesis.response == "right"));
            assert!(orchestrator.strategy().feedback(outcome.request_id, score).unwrap());
            let arm = ARMS.iter().position(|id| outcome.synthesis.provider_id == *id).unwrap();
            // What the settings say a second costs.
            let rewards: [f64; 3] = std::array::from_fn(|arm| {
                let seconds = latency(arm).as_secs_f64();
                shares[arm] - 0.1 * seconds / (seconds + 10.0)
            });
            best += rewards.iter().copied().fold(0.0, f64::max);
            got += rewards[arm];
            right.push(shares[arm] >= shares.iter().copied().fold(0.0, f64::max));
            switched += usize::from(last[kind] != arm);
            last[kind] = arm;
        }
        let calls = book.lock().unwrap().calls;
        let window = 50;
        let after = &right[self.half..];
        let found = after
            .windows(window)
            .position(|seen| seen.iter().filter(|right| **right).count() * 10 >= window * 8);
        Figures {
            lost: 1.0 - got / best,
            found_after: found.map(|at| at + window),
            switched: share(switched, right.len()),
            asked_per_request: share(calls, right.len()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "they are small")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// How long each arm takes.
fn latency(arm: usize) -> Duration {
    [Duration::from_millis(500), Duration::from_millis(900), Duration::from_millis(1_300)][arm]
}

const ARMS: [&str; 3] = ["one", "two", "three"];

fn orchestrator(seed: u64) -> AdaptiveOrchestrator {
    let registry = Registry::builder()
        .plugin(Plugin::Strategy(StrategyRegistration::new("only", only).from_package("tests", "1.0.0")))
        .unwrap()
        .build();
    let mut settings = AdaptiveSettings::default();
    settings.arms = ARMS
        .iter()
        .map(|id| ArmSettings::new("only", Options::default()).named(*id).with_settings(Value::from(*id)))
        .collect();
    let adaptive = Adaptive::over(settings, &registry).unwrap();
    OrchestratorBuilder::new(adaptive).registry(registry).seed(seed).build().unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "a registration's `fn` takes it so")]
fn only(settings: Value) -> Result<Arc<dyn Strategy>> {
    Ok(Arc::new(Only(ProviderId::new(settings.as_str().unwrap_or_default())?)))
}

/// Asks one candidate, the same always.
#[derive(Debug)]
struct Only(ProviderId);

#[async_trait]
impl Strategy for Only {
    fn name(&self) -> &'static str {
        "only"
    }

    async fn process(&self, run: &Run, request: Arc<ChatRequest>) -> Result<Outcome> {
        let answer = run.ask(&run.candidate(&self.0)?, request).await?.collect().await?;
        Ok(run.outcome(Method::Chosen, &answer, &[], None))
    }
}

/// What the providers share.
#[derive(Debug, Default)]
struct Book {
    /// Whether each of them is right this time: all are drawn, so that the choice changes nobody's luck.
    draws: [bool; 3],
    calls: usize,
}

/// Answers as the book says.
#[derive(Debug)]
struct Oracle {
    book: Arc<Mutex<Book>>,
    place: usize,
    latency: Duration,
}

#[async_trait]
impl Provider for Oracle {
    fn name(&self) -> &'static str {
        "oracle"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        tokio::time::sleep(self.latency).await;
        let mut book = self.book.lock().unwrap();
        book.calls += 1;
        let text = if book.draws[self.place] { "right" } else { "wrong" };
        Ok(ChatReply::whole(ChatResponse::from_text(text).with_usage(Usage::reported(10, 10))))
    }
}
