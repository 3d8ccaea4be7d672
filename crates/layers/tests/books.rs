//! Whatever fails, is dropped or is asked twice: the books are right in the end.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use ultraai_core::{
    CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery, EndpointId, Error,
    ErrorKind, FinishReason, Ledger, ModelName, Options, Orchestrator, OrchestratorBuilder, Provider,
    ProviderSpec, Purse, RequestOptions, Result, Secret, Usage, async_trait, ledger::RowOutcome,
};
use ultraai_layers as _;
use ultraai_strategy_fallback::Fallback;
use ultraai_testkit::{Beat, ProviderExt as _, Scripted, Step};

/// The layers that stand around every candidate, with settings under which each has much to do. Whoever adds a layer adds it
/// here.
fn layers() -> Vec<(&'static str, Value)> {
    vec![
        ("retry", json!({ "base_delay_seconds": 0.05, "bucket": 100_000 })),
        ("hedge", json!({ "max_share": 0.5, "quantile": 0.7, "min_samples": 10 })),
        ("breaker", json!({})),
        ("budget", json!({})),
        ("limit", json!({ "max_concurrency": 10, "requests_per_minute": 600 })),
    ]
}

/// Every kind that a provider can fail with.
const KINDS: [ErrorKind; 16] = {
    use ErrorKind as K;
    [
        K::RateLimited,
        K::Overloaded,
        K::ServerError,
        K::Connect,
        K::Timeout,
        K::Interrupted,
        K::Authentication,
        K::PermissionDenied,
        K::ModelNotFound,
        K::ContextTooLong,
        K::ContentFiltered,
        K::QuotaExhausted,
        K::Undecodable,
        K::EmptyAnswer,
        K::Rejected,
        K::Unsupported,
    ]
};

/// A provider that does anything, and counts what reached it.
#[derive(Debug)]
struct Wild {
    /// One for each world, since layers share what they know of a host.
    host: String,
    rng: Mutex<fastrand::Rng>,
    /// Calls that were sent, and those that were refused before.
    calls: AtomicU64,
    refused: AtomicU64,
    second_legs: AtomicU64,
    retries: AtomicU64,
    /// The purse of every request that came here.
    purses: Mutex<Vec<Purse>>,
}

impl Wild {
    fn new(world: u64, seed: u64) -> Self {
        Self {
            host: format!("wild-{world}.example.com:443"),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            second_legs: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            purses: Mutex::default(),
        }
    }

    /// What the next call does; `None`: it is refused before anything is sent.
    fn draw(&self, delivery: Delivery) -> Option<Step> {
        let mut rng = self.rng.lock().unwrap();
        // A long tail, so that second legs pay.
        let mut ms = rng.u64(20..60);
        if rng.u8(0..10) == 0 {
            ms *= 50;
        }
        let step = match rng.u8(0..20) {
            0 => return None,
            1..=3 => Step::fail(KINDS[rng.usize(..KINDS.len())]),
            4 => Step::hang(),
            act if delivery == Delivery::Live => Self::live(&mut rng, act),
            5 => Step::whole(ChatResponse::default()),
            6 => Step::whole(ChatResponse::from_text("nobody counted this")),
            _ => Step::whole(ChatResponse::from_text("hello").with_usage(Usage::reported(9, rng.u64(0..9)))),
        };
        Some(step.after(Duration::from_millis(ms)))
    }

    fn live(rng: &mut fastrand::Rng, act: u8) -> Step {
        let mut beats: Vec<Beat> = vec![ChatEvent::Started { model: None, request_id: None }.into()];
        for _ in 0..rng.u8(0..5) {
            beats.push(Beat::pause(Duration::from_millis(rng.u64(1..100))));
            beats.push("word ".into());
        }
        match act {
            5 => beats.push(Beat::fail(KINDS[rng.usize(..KINDS.len())])),
            6 => beats.push(Beat::hang()),
            // Cut off.
            7 => {}
            8 => beats.push(ChatEvent::Finished { finish_reason: FinishReason::Length }.into()),
            _ => {
                beats.push(ChatEvent::Usage(Usage::reported(9, 9)).into());
                beats.push(Beat::finished());
            }
        }
        Step::live(beats)
    }
}

#[async_trait]
impl Provider for Wild {
    fn name(&self) -> &'static str {
        "wild"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }
    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new(self.host.as_str(), Some(&Secret::new("sk-1").unwrap())))
    }
    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        self.purses.lock().unwrap().push(cx.purse().clone());
        let Some(step) = self.draw(request.delivery) else {
            self.refused.fetch_add(1, Relaxed);
            return Err(Error::new(ErrorKind::Unsupported, "not this one").unsent());
        };
        self.calls.fetch_add(1, Relaxed);
        self.second_legs.fetch_add(u64::from(cx.is_hedge()), Relaxed);
        self.retries.fetch_add(u64::from(cx.attempt() > 0), Relaxed);
        Scripted::new([step]).chat(cx, request).await
    }
}

fn settings(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// An orchestrator over `candidates`, with layers, and with limits of money that are met.
fn orchestrator(
    seed: u64,
    candidates: impl IntoIterator<Item = Arc<dyn Provider>>,
) -> Arc<Orchestrator<Fallback>> {
    let mut builder = OrchestratorBuilder::new(Fallback::default())
        .seed(seed)
        .timeout_seconds(5.0)
        .gap_timeout_seconds(1.0)
        .budget_dollars(0.0005)
        .daily_budget_dollars(0.006)
        .daily_budget_dollars_per_key(0.005);
    for (name, value) in layers() {
        builder = builder.layer_settings(name, settings(&value));
    }
    let orchestrator = builder.build().unwrap();
    for (number, candidate) in candidates.into_iter().enumerate() {
        let spec = ProviderSpec::from(candidate).price(1.0, 1.0);
        orchestrator.register_provider(format!("candidate-{number}"), spec).unwrap();
    }
    Arc::new(orchestrator)
}

/// Asks in one of the ways there are, and leaves after a while.
async fn ask(orchestrator: &Orchestrator<Fallback>, options: RequestOptions, way: u64, patience: Duration) {
    let request = ChatRequest::from_prompt("hi").with_max_tokens(20);
    let asked = async {
        match way % 3 {
            0 => drop(orchestrator.process_with(request, options).await),
            1 => {
                let Ok(mut events) = orchestrator.process_stream_with(request, options) else { return };
                while let Some(event) = events.next().await {
                    if event.is_err() {
                        break;
                    }
                }
            }
            _ => {
                // As a provider, in a context that shares the ledger and nothing else.
                let purse = options.purse.unwrap();
                let ledger = options.ledger.unwrap();
                let cx = CallContext::with_parts(way, ultraai_core::Clock::default(), purse, ledger);
                drop(orchestrator.ask_live(&cx, request).await);
            }
        }
    };
    drop(tokio::time::timeout(patience, asked).await);
}

#[tokio::test(start_paused = true)]
async fn rows_are_the_calls_that_were_sent_each_is_closed_and_no_money_is_reserved() {
    let (mut hedged, mut retried, mut refused, mut poor) = (0, 0, 0, 0);
    for seed in 0..30 {
        let providers = [seed, seed + 1000].map(|own| Arc::new(Wild::new(seed, own)));
        let leaf =
            orchestrator(seed, providers.iter().map(|provider| Arc::clone(provider) as Arc<dyn Provider>));
        // At every other seed the one that is asked has it among its candidates.
        let asked = match seed % 2 {
            0 => Arc::clone(&leaf),
            _ => orchestrator(seed, [Arc::clone(&leaf) as Arc<dyn Provider>]),
        };
        let endpoint = providers[0].endpoint();
        let ledger = Ledger::new();
        let customer = Purse::of(4_000_000);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut tasks = JoinSet::new();
        for way in 0..200_u64 {
            let begins = Duration::from_millis(rng.u64(0..20_000));
            // Some leave soon, some late, some not at all.
            let patience = Duration::from_millis(rng.u64(1..=100) * 10_u64.pow(rng.u32(0..4)));
            let most = rng.u32(0..3);
            let mut options = RequestOptions::default().with_ledger(ledger.clone());
            options = options.with_seed(rng.u64(..)).with_purse(customer.clone());
            options.options = Options::default().edited(|options| options.max_retries = Some(most));
            let orchestrator = Arc::clone(&asked);
            tasks.spawn(async move {
                tokio::time::sleep(begins).await;
                ask(&orchestrator, options, way, patience).await;
            });
        }
        tasks.join_all().await;

        let rows = ledger.report().rows;
        let sum = |count: fn(&Wild) -> &AtomicU64| -> u64 {
            providers.iter().map(|provider| count(provider).load(Relaxed)).sum()
        };
        let sent = rows.iter().filter(|row| !row.is_span).count() as u64;
        assert_eq!(sent, sum(|provider| &provider.calls), "seed {seed}");
        for row in &rows {
            assert!(
                row.outcome != RowOutcome::Running && row.duration_seconds.is_some(),
                "seed {seed}: {row:?}"
            );
        }
        let second_legs = rows.iter().filter(|row| row.is_hedge).count() as u64;
        assert_eq!(second_legs, sum(|provider| &provider.second_legs), "seed {seed}");

        let mut purses = vec![customer];
        for orchestrator in [&leaf, &asked] {
            let today = orchestrator.budgets().today(endpoint.as_ref());
            purses.extend(today.into_iter().map(|(_, purse)| purse));
        }
        poor += purses.iter().filter(|purse| purse.remaining() < Some(50_000)).count();
        for provider in &providers {
            purses.append(&mut provider.purses.lock().unwrap());
        }
        for purse in &purses {
            assert_eq!(purse.reserved(), 0, "seed {seed}");
            assert!(purse.limit().is_none_or(|limit| purse.spent() <= limit), "seed {seed}: {purse:?}");
        }
        for (id, stats) in leaf.stats().providers.iter().chain(&asked.stats().providers) {
            assert_eq!(stats.in_flight, 0, "seed {seed}: {id}");
        }
        hedged += second_legs;
        retried += sum(|provider| &provider.retries);
        refused += sum(|provider| &provider.refused);
    }
    // The world does what it is made for.
    let line = format!("{hedged} second legs, {retried} retries, {refused} not sent, {poor} purses empty");
    println!("{line}");
    assert!(hedged > 100 && retried > 100 && refused > 100 && poor > 10, "{line}");
}
