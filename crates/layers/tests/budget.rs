//! The layer `budget`, in virtual time: no limit of money is passed, and in the end nothing is reserved.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use ultraai_core::{
    CallContext, Capabilities, ChatReply, ChatRequest, ChatResponse, Clock, EndpointId, Error, ErrorKind,
    Ledger, ModelName, Options, Orchestrator, OrchestratorBuilder, Outcome, Price, Provider, ProviderId,
    ProviderSpec, Purse, RequestOptions, Result, Secret, Usage, async_trait, attempt::Attempt,
    stats::CandidateStats,
};
use ultraai_layers as _;
use ultraai_strategy_fallback::Fallback;
use ultraai_testkit::{Scripted, Step};

/// What an attempt at a dollar per million tokens may cost at most, in nano-dollars: `hi` and its role, the margin of a
/// message, and ten tokens of answer.
const MOST: u64 = (2 + 4 + 16 + 10) * 1000;

/// What a scripted answer costs there: 5 tokens in, 1 out.
const COST: u64 = 6 * 1000;

fn builder() -> OrchestratorBuilder<Fallback> {
    // Without second legs and without a breaker, so that attempts are those that a test names.
    let disabled = settings(&json!({ "enabled": false }));
    OrchestratorBuilder::new(Fallback::default())
        .layer_settings("hedge", disabled.clone())
        .layer_settings("breaker", disabled)
}

fn settings(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// An orchestrator over these candidates, each at so many dollars per million tokens.
fn over(
    builder: OrchestratorBuilder<Fallback>,
    candidates: impl IntoIterator<Item = (&'static str, Arc<dyn Provider>, f64)>,
) -> Orchestrator<Fallback> {
    let orchestrator = builder.build().unwrap();
    for (id, provider, price) in candidates {
        orchestrator.register_provider(id, ProviderSpec::from(provider).price(price, price)).unwrap();
    }
    orchestrator
}

fn one(builder: OrchestratorBuilder<Fallback>, inner: &Scripted) -> Orchestrator<Fallback> {
    over(builder, [("one", Arc::new(inner.clone()) as Arc<dyn Provider>, 1.0)])
}

fn hi() -> ChatRequest {
    ChatRequest::from_prompt("hi").with_max_tokens(10)
}

async fn ask(orchestrator: &Orchestrator<Fallback>) -> Result<Outcome> {
    orchestrator.process(hi()).await
}

async fn ask_from(orchestrator: &Orchestrator<Fallback>, purse: &Purse) -> Result<Outcome> {
    orchestrator.process_with(hi(), RequestOptions::default().with_purse(purse.clone())).await
}

fn dollars(nano: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let nano = nano as f64;
    nano / 1e9
}

/// The error of the only candidate.
fn cause(error: &Error) -> String {
    error.causes()[0].message().to_owned()
}

/// The purse of the day, in all.
fn today(orchestrator: &Orchestrator<Fallback>) -> Purse {
    orchestrator.budgets().today(None)[0].1.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_must_hold_the_most_that_an_attempt_may_cost() {
    let inner = Scripted::always("hello");
    let orchestrator = one(builder(), &inner);
    let purse = Purse::of(MOST + COST);
    ask_from(&orchestrator, &purse).await.unwrap();
    ask_from(&orchestrator, &purse).await.unwrap();
    let error = ask_from(&orchestrator, &purse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
    assert_eq!(error.report().unwrap().ledger.rows, []);
    assert_eq!((purse.spent(), purse.reserved(), inner.count()), (2 * COST, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn the_error_says_what_is_left_what_it_may_cost_and_what_to_do() {
    let inner = Scripted::always("hello");
    let refusal = |option: fn(Options) -> Options, request| {
        let orchestrator = one(builder().options(&option(Options::default())), &inner);
        async move {
            let error = orchestrator.process_with(request, RequestOptions::default()).await.unwrap_err();
            assert!(error.causes()[0].is_unsent());
            cause(&error)
        }
    };
    let small: fn(Options) -> Options =
        |options| options.edited(|options| options.budget_dollars = Some(2e-5));
    assert_eq!(
        refusal(small, hi()).await,
        "of `budget_dollars` $0.000020 is left, and the attempt may cost $0.000032: lower `max_tokens` (10 now), or raise `budget_dollars`"
    );
    assert_eq!(
        refusal(small, ChatRequest::from_prompt("hi")).await,
        "of `budget_dollars` $0.000020 is left, and the attempt may cost $0.131094: set the request's `max_tokens` or the layer's `assumed_output_tokens`, or raise `budget_dollars`"
    );
    let daily = |options: Options| options.edited(|options| options.daily_budget_dollars = Some(0.0));
    assert_eq!(
        refusal(daily, hi()).await,
        "of `daily_budget_dollars` $0.000000 is left, and the attempt may cost $0.000032: lower `max_tokens` (10 now), or raise `daily_budget_dollars` or wait for midnight UTC"
    );
    let error = ask_from(&one(builder(), &inner), &Purse::of(1)).await.unwrap_err();
    assert!(cause(&error).starts_with("of the caller's budget $0.000001 is left"), "{}", cause(&error));
    assert_eq!(inner.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_price_is_refused_under_a_limit_unless_it_is_allowed() {
    let inner = Scripted::always("hello");
    let unknown = |builder: OrchestratorBuilder<Fallback>| {
        let orchestrator = builder.build().unwrap();
        orchestrator.register_provider("one", ProviderSpec::from(inner.clone()).model("m")).unwrap();
        orchestrator
    };
    let error = ask(&unknown(builder().budget_dollars(1.0))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PriceUnknown);
    assert_eq!(
        cause(&error),
        "the price of `m` is not known, so that `budget_dollars` could not be kept: set the provider's `price`, or the model's under `prices`, or `allow_unknown_prices`"
    );
    assert_eq!(inner.count(), 0);
    ask(&unknown(builder())).await.unwrap();
    ask(&unknown(builder().budget_dollars(1.0).allow_unknown_prices(true))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_pays_for_all_its_attempts_and_a_cheaper_candidate_may_still_fit() {
    // Of what failed before any content nobody knows the cost, so it spends the most.
    let dear = Scripted::always(Step::fail(ErrorKind::ServerError));
    let cheap = Scripted::always("hello");
    let candidates: [(_, Arc<dyn Provider>, _); 2] =
        [("dear", Arc::new(dear.clone()), 1.0), ("cheap", Arc::new(cheap.clone()), 0.1)];
    let orchestrator =
        over(builder().max_retries(9).budget_dollars(dollars(3 * MOST + MOST / 10)), candidates);
    let outcome = ask(&orchestrator).await.unwrap();
    assert_eq!((dear.count(), cheap.count()), (3, 1));
    assert_eq!(outcome.synthesis.provider_id, *"cheap");
    // Each request has a purse of its own.
    ask(&orchestrator).await.unwrap();
    assert_eq!((dear.count(), cheap.count()), (6, 2));
}

#[tokio::test(start_paused = true)]
async fn both_legs_of_a_hedge_are_paid_and_one_that_cannot_be_is_not_started() {
    let slow = Step::from("slow").after(Duration::from_secs(10));
    let usual = Step::from("usual").after(Duration::from_millis(100));
    let warmth = (0..200).map(|number| if number % 33 == 0 { slow.clone() } else { usual.clone() });
    let script = warmth.chain([slow.clone(), usual.clone(), slow.clone()]);
    let inner = Scripted::new(script.collect::<Vec<_>>());
    let orchestrator =
        one(OrchestratorBuilder::new(Fallback::default()).layer_settings("hedge", Map::new()), &inner);
    let once = RequestOptions::from(Options::default().edited(|options| options.max_retries = Some(0)));
    for _ in 0..200 {
        orchestrator.process_with(hi(), once.clone()).await.unwrap();
    }
    let purse = Purse::of(2 * MOST);
    let outcome = ask_from(&orchestrator, &purse).await.unwrap();
    assert_eq!(outcome.synthesis.response, "usual");
    assert_eq!(
        (purse.spent(), purse.reserved()),
        (MOST + COST, 0),
        "what was given up may have cost the most"
    );
    let purse = Purse::of(2 * MOST - 1);
    assert_eq!(ask_from(&orchestrator, &purse).await.unwrap().synthesis.response, "slow");
    assert_eq!((purse.spent(), purse.reserved(), inner.steps_left()), (COST, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_or_late_spends_the_most_and_what_was_not_sent_nothing() {
    let refusal = Error::new(ErrorKind::Unsupported, "it cannot send that").unsent();
    let inner =
        Scripted::new([Step::hang(), Step::hang(), Step::from(refusal), Step::fail(ErrorKind::Connect)]);
    let orchestrator = one(builder().max_retries(0).timeout_seconds(5.0), &inner);
    let purse = Purse::of(10 * MOST);
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, ask_from(&orchestrator, &purse)).await.is_err());
    assert_eq!((purse.spent(), purse.reserved()), (MOST, 0));
    ask_from(&orchestrator, &purse).await.unwrap_err();
    assert_eq!((purse.spent(), purse.reserved()), (2 * MOST, 0));
    for _ in 0..2 {
        // The script keeps the contexts that it was called with, and no money with them.
        ask_from(&orchestrator, &purse).await.unwrap_err();
        assert_eq!((purse.spent(), purse.reserved()), (2 * MOST, 0));
    }
    assert_eq!(inner.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn when_one_purse_refuses_the_others_get_theirs_back() {
    let inner = Scripted::always("hello");
    let orchestrator = one(builder().daily_budget_dollars(dollars(MOST - 1)), &inner);
    let purse = Purse::of(10 * MOST);
    let error = ask_from(&orchestrator, &purse).await.unwrap_err();
    assert!(cause(&error).contains("`daily_budget_dollars`"), "{}", cause(&error));
    assert_eq!((purse.reserved(), purse.spent(), today(&orchestrator).reserved()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_day_ends_at_midnight_and_what_was_reserved_is_settled_in_its_own() {
    let seconds = Arc::new(AtomicU64::new(86_390));
    let own = Arc::clone(&seconds);
    let clock = Clock::new(move || UNIX_EPOCH + Duration::from_secs(own.load(Relaxed)));
    let inner = Scripted::always(Step::from("hello").after(Duration::from_secs(1)));
    let orchestrator = one(builder().clock(clock).daily_budget_dollars(dollars(MOST)), &inner);
    let yesterday = today(&orchestrator);
    let (asked, ()) = tokio::join!(ask(&orchestrator), async {
        tokio::task::yield_now().await;
        assert_eq!(yesterday.reserved(), MOST);
        assert_eq!(ask(&orchestrator).await.unwrap_err().kind(), ErrorKind::BudgetExceeded);
        seconds.store(86_400, Relaxed);
    });
    asked.unwrap();
    assert_eq!((yesterday.spent(), yesterday.reserved()), (COST, 0));
    assert_eq!(today(&orchestrator).spent(), 0);
    ask(&orchestrator).await.unwrap();
    assert_eq!((today(&orchestrator).spent(), yesterday.spent()), (COST, COST));
    assert_eq!(inner.count(), 2);
}

/// A provider with a key, whose answers take a drawn time and use a drawn number of tokens, and which looks at purses.
#[derive(Debug)]
struct Keyed {
    key: &'static str,
    rng: Mutex<fastrand::Rng>,
    watched: Mutex<Vec<Purse>>,
    calls: AtomicU64,
}

impl Keyed {
    fn new(key: &'static str, seed: u64) -> Arc<Self> {
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        Arc::new(Self { key, rng, watched: Mutex::default(), calls: AtomicU64::new(0) })
    }

    fn watch(&self, purse: &Purse) {
        self.watched.lock().unwrap().push(purse.clone());
    }

    fn look(&self) {
        for purse in self.watched.lock().unwrap().iter() {
            let (spent, reserved) = (purse.spent(), purse.reserved());
            assert!(spent + reserved <= purse.limit().unwrap(), "{spent} and {reserved} in {purse:?}");
        }
    }
}

#[async_trait]
impl Provider for Keyed {
    fn name(&self) -> &'static str {
        "keyed"
    }
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }
    fn endpoint(&self) -> Option<EndpointId> {
        Some(EndpointId::new("api.example.com:443", Some(&Secret::new(self.key).unwrap())))
    }
    async fn chat(&self, _: &CallContext, _: Arc<ChatRequest>) -> Result<ChatReply> {
        self.calls.fetch_add(1, Relaxed);
        self.look();
        let (wait, tokens, act) = {
            let mut rng = self.rng.lock().unwrap();
            (rng.u64(0..500), rng.u64(1..=10), rng.u8(0..10))
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        self.look();
        match act {
            0 => Err(Error::new(ErrorKind::ServerError, "it failed")),
            1 => Err(Error::new(ErrorKind::RateLimited, "slow down")),
            2 => std::future::pending().await,
            _ => {
                Ok(ChatReply::whole(ChatResponse::from_text("hello").with_usage(Usage::reported(22, tokens))))
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shared_by_the_candidates_that_have_it_and_by_no_other() {
    let (one, two, other) = (Keyed::new("sk-1", 1), Keyed::new("sk-1", 2), Keyed::new("sk-2", 3));
    let orchestrator =
        builder().max_retries(0).daily_budget_dollars_per_key(dollars(3 * MOST)).build().unwrap();
    let mut refused = Vec::new();
    for (id, provider) in [("one", &one), ("two", &two), ("other", &other)] {
        let spec = ProviderSpec::from(Arc::clone(provider)).price(1.0, 1.0);
        orchestrator.register_provider(id, spec).unwrap();
        let mut options = RequestOptions::default();
        options.providers = Some(vec![ProviderId::new(id).unwrap()]);
        let asks = (0..20).map(|_| orchestrator.process_with(hi(), options.clone()));
        let mut times = 0;
        for asked in asks {
            times += u64::from(asked.await.is_err_and(|error| error.kind() == ErrorKind::BudgetExceeded));
        }
        refused.push(times);
    }
    let purse = |keyed: &Keyed| orchestrator.budgets().today(keyed.endpoint().as_ref())[0].1.clone();
    assert_eq!(refused[1], 20, "the first candidate has used the key up");
    assert!(refused[0] > 0 && refused[2] < 20, "{refused:?}");
    assert_eq!(two.calls.load(Relaxed), 0);
    for keyed in [&one, &two, &other] {
        assert!(purse(keyed).spent() <= 3 * MOST && purse(keyed).reserved() == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_at_once_no_limit_is_passed_at_any_moment() {
    for seed in 0..20 {
        let provider = Keyed::new("sk-1", seed);
        let orchestrator = builder()
            .timeout_seconds(3.0)
            .seed(seed)
            .daily_budget_dollars(dollars(100 * MOST))
            .daily_budget_dollars_per_key(dollars(90 * MOST));
        let orchestrator =
            Arc::new(over(orchestrator, [("one", Arc::clone(&provider) as Arc<dyn Provider>, 1.0)]));
        let customer = Purse::of(60 * MOST + seed * 777);
        let endpoint = provider.endpoint();
        let mut purses: Vec<_> =
            orchestrator.budgets().today(endpoint.as_ref()).into_iter().map(|(_, purse)| purse).collect();
        purses.push(customer.clone());
        assert_eq!(purses.len(), 3);
        for purse in &purses {
            provider.watch(purse);
        }
        let mut tasks = JoinSet::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        for number in 0..500_u64 {
            let (orchestrator, customer) = (Arc::clone(&orchestrator), customer.clone());
            let (begins, patience) = (rng.u64(0..2000), rng.u64(1..4000));
            tasks.spawn(async move {
                tokio::time::sleep(Duration::from_millis(begins)).await;
                let asked = async {
                    // Some for the customer, others not.
                    match number % 2 {
                        0 => ask_from(&orchestrator, &customer).await,
                        _ => ask(&orchestrator).await,
                    }
                };
                drop(tokio::time::timeout(Duration::from_millis(patience), asked).await);
            });
        }
        tasks.join_all().await;
        provider.look();
        for purse in &purses {
            assert_eq!(purse.reserved(), 0);
            assert!(purse.spent() > 30 * MOST, "hardly anything was asked: {purse:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_nested_request_draws_from_the_purses_of_all_around_it() {
    let inner = Scripted::always("hello");
    let nested =
        one(builder().daily_budget_dollars(dollars(10 * MOST)).budget_dollars(dollars(9 * MOST)), &inner);
    let (nested_day, nested) = (today(&nested), Arc::new(nested));
    let orchestrator = builder().daily_budget_dollars(dollars(3 * MOST)).budget_dollars(dollars(8 * MOST));
    let orchestrator = orchestrator.build().unwrap();
    orchestrator.register_provider("nested", ProviderSpec::from(Arc::clone(&nested))).unwrap();
    let purse = Purse::of(7 * MOST);
    ask_from(&orchestrator, &purse).await.unwrap();
    let spent = [&nested_day, &today(&orchestrator), &purse].map(|purse| (purse.spent(), purse.reserved()));
    assert_eq!(spent, [(COST, 0); 3]);

    // The day around it ends first, and then, under a larger one, its own.
    while ask_from(&orchestrator, &purse).await.is_ok() {}
    assert!(today(&orchestrator).remaining().unwrap() < MOST && nested_day.remaining().unwrap() > MOST);
    let error = ask(&orchestrator).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
    assert!(cause(error.causes().first().unwrap()).contains("`daily_budget_dollars`"));
    let wide = builder().build().unwrap();
    wide.register_provider("nested", ProviderSpec::from(nested)).unwrap();
    while ask(&wide).await.is_ok() {}
    assert!(nested_day.remaining().unwrap() < MOST);
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_inside_is_not_spent_again_outside() {
    let nested = one(builder(), &Scripted::new([Step::from("hello"), Step::hang()]));
    let stats = Arc::new(CandidateStats::default());
    let dear = Price::new(1_000_000_000_000, 1_000_000_000_000);
    let attempt = Attempt::new(Arc::new(nested), ProviderId::new("nested").unwrap(), Some(dear), stats);
    let purse = Purse::of(2 * MOST);
    let cx = CallContext::with_parts(1, Clock::default(), purse.clone(), Ledger::new());
    attempt.chat(&cx, Arc::new(hi())).await.unwrap().collect().await.unwrap();
    assert_eq!((purse.spent(), purse.reserved()), (COST, 0));
    let call = attempt.chat(&cx, Arc::new(hi()));
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    assert_eq!((purse.spent(), purse.reserved()), (COST + MOST, 0));
}

#[tokio::test(start_paused = true)]
async fn a_nested_orchestrators_own_limit_holds_for_each_request() {
    let inner = Scripted::always(Step::fail(ErrorKind::ServerError));
    let nested = one(builder().max_retries(9).budget_dollars(dollars(2 * MOST)), &inner);
    let orchestrator = builder().max_retries(0).build().unwrap();
    orchestrator.register_provider("nested", ProviderSpec::from(nested)).unwrap();
    for asked in 1..=3 {
        ask(&orchestrator).await.unwrap_err();
        assert_eq!(inner.count(), 2 * asked);
    }
}

#[test]
fn it_cannot_be_disabled() {
    let disabled = settings(&json!({ "enabled": false }));
    let orchestrator = builder().build().unwrap();
    let spec = ProviderSpec::from(Scripted::always("hello")).layer_settings("budget", disabled.clone());
    let error = orchestrator.register_provider("one", spec).unwrap_err();
    assert!(error.to_string().contains("the layer cannot be disabled"), "{error}");
    let orchestrator = builder().layer_settings("budget", disabled).build().unwrap();
    assert!(orchestrator.register_provider("one", Scripted::always("hello")).is_err());
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let orchestrator = OrchestratorBuilder::new(Fallback::default())
        .layer_settings("budget", settings(&json!({ "assumed_output_tokens": 0 })))
        .build()
        .unwrap();
    let error = orchestrator.register_provider("one", Scripted::always("hello")).unwrap_err();
    assert!(error.to_string().contains("`assumed_output_tokens` is 0"), "{error}");
}
