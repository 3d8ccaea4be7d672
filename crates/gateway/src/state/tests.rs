//! Keys, limits and budgets as requests meet them, with a clock that the test sets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use axum::http::{HeaderName, HeaderValue};
use ultraai::Cost;

use super::{account::Account, *};

/// Seconds of 2027-01-31, noon.
const NOON: u64 = 1_801_396_800;
const HOUR: u64 = 3600;

/// A clock that a test sets.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Release);
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::new(move || UNIX_EPOCH + Duration::from_secs(hands.load(Ordering::Acquire)))
    }
}

fn state(store: &Arc<MemoryStore>, hands: &Hands) -> State {
    State::with_store(Arc::clone(store) as Arc<dyn Store>, hands.clock()).unwrap()
}

fn alone(hands: &Hands) -> State {
    state(&Arc::default(), hands)
}

fn head(name: &'static str, value: &str) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())].into_iter().collect()
}

fn call(state: &State, token: &Secret) -> Result<Caller> {
    state.authenticate(&head("x-api-key", token.expose()))
}

fn why<T>(result: Result<T>) -> (ErrorKind, String) {
    let error = result.err().expect("it is refused");
    (error.kind(), error.message().to_owned())
}

fn budgets(day: impl Into<Option<u64>>, month: impl Into<Option<u64>>) -> KeyTerms {
    KeyTerms {
        budget_per_day_nano_dollars: day.into(),
        budget_per_month_nano_dollars: month.into(),
        ..KeyTerms::new("k")
    }
}

fn sums(state: &State) -> (u64, u64) {
    let key = state.keys().remove(0);
    (key.spent_today_nano_dollars, key.spent_this_month_nano_dollars)
}

#[tokio::test]
async fn without_keys_anybody_may_call_and_from_the_first_one_on_nobody_without() {
    let state = alone(&Hands::at(NOON));
    assert!(!state.demands_key());
    let caller = state.authenticate(&head("authorization", "Bearer anything")).unwrap();
    assert!(caller.key().is_none() && caller.purse().is_none() && caller.admit("any", u64::MAX).is_ok());
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    assert!(state.demands_key());
    assert_eq!(why(state.authenticate(&HeaderMap::new())).0, ErrorKind::Authentication);
    assert_eq!(call(&state, &token).unwrap().key(), Some(key.id.as_str()));
    state.revoke_key(&key.id).await.unwrap();
    assert!(state.demands_key(), "nobody stands open because the last key was revoked");
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_id_are_told_apart_by_nobody() {
    let state = alone(&Hands::at(NOON));
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    let (_, other) = state.create_key(KeyTerms::new("l")).await.unwrap();
    let secret = other.expose().rsplit('-').next().unwrap();
    let swapped = Secret::new(format!("sk-ultraai-{}-{secret}", key.id)).unwrap();
    let unknown = Secret::new(format!("sk-ultraai-000000000000-{secret}")).unwrap();
    let zeros = Secret::new(format!("sk-ultraai-000000000000-{}", "0".repeat(64))).unwrap();
    let refusal = (ErrorKind::Authentication, REFUSED.to_owned());
    for wrong in [swapped, unknown, zeros] {
        assert_eq!(why(call(&state, &wrong)), refusal);
    }
    call(&state, &token).unwrap();
    let shown = format!("{state:?}{:?}{:?}", state.keys(), call(&state, &token));
    let hidden = token.expose().rsplit('-').next().unwrap();
    assert!(!shown.contains(hidden), "{shown}");
}

#[tokio::test]
async fn a_key_ends_at_its_expiry_and_when_it_is_revoked() {
    let hands = Hands::at(NOON);
    let state = alone(&hands);
    let terms = KeyTerms { expires: Some(NOON + HOUR), ..KeyTerms::new("k") };
    let (key, token) = state.create_key(terms).await.unwrap();
    hands.set(NOON + HOUR - 1);
    call(&state, &token).unwrap();
    hands.set(NOON + HOUR);
    assert!(why(call(&state, &token)).1.contains("expired"));
    assert_eq!(state.keys()[0].status, KeyStatus::Expired);
    hands.set(NOON);
    let revoked = state.revoke_key(&key.id).await.unwrap();
    assert_eq!((revoked.status, revoked.revoked), (KeyStatus::Revoked, Some(NOON)));
    assert!(why(call(&state, &token)).1.contains("revoked"));
    hands.set(NOON + 9);
    assert_eq!(state.revoke_key(&key.id).await.unwrap().revoked, Some(NOON), "the first time counts");
    assert!(why(state.revoke_key("nobody").await).1.contains("no key `nobody`"));
    assert!(
        why(state.create_key(KeyTerms { expires: Some(1), ..KeyTerms::new("k") }).await)
            .1
            .contains("expired")
    );
}

#[tokio::test]
async fn a_model_that_a_key_may_not_ask_looks_as_one_that_is_not_there() {
    let state = alone(&Hands::at(NOON));
    let terms = KeyTerms { models: vec!["default".into(), "near/*".into()], ..KeyTerms::new("k") };
    let (_, token) = state.create_key(terms).await.unwrap();
    let caller = call(&state, &token).unwrap();
    assert!(caller.admit("near/x", 1).is_ok() && caller.may_ask("default") && !caller.may_ask("far"));
    let (kind, message) = why(caller.admit("far", 1));
    assert_eq!(kind, ErrorKind::ModelNotFound);
    assert_eq!(message, "no model `far` here: name one of default, near/*");
}

#[tokio::test]
async fn limits_say_when_to_come_again_and_the_next_minute_begins_anew() {
    let hands = Hands::at(NOON + 45);
    let state = alone(&hands);
    let terms =
        KeyTerms { requests_per_minute: Some(2), tokens_per_minute: Some(1000), ..KeyTerms::new("k") };
    let (_, token) = state.create_key(terms).await.unwrap();
    let caller = call(&state, &token).unwrap();
    let error = caller.admit("m", 1001).unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::InvalidRequest, None), "no wait helps");
    let first = caller.admit("m", 900).unwrap();
    let mut headers = HeaderMap::new();
    first.write(&mut headers);
    first.write_as_anthropic(&mut headers);
    for (name, value) in [
        ("x-ratelimit-limit-requests", "2"),
        ("x-ratelimit-remaining-requests", "1"),
        ("x-ratelimit-reset-requests", "15s"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "100"),
        ("x-ratelimit-reset-tokens", "15s"),
        ("anthropic-ratelimit-requests-limit", "2"),
        ("anthropic-ratelimit-tokens-remaining", "100"),
        ("anthropic-ratelimit-tokens-reset", "2027-01-31T12:01:00Z"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let error = caller.admit("m", 101).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(15)));
    assert!(error.message().contains("1000 tokens in a minute"), "{error}");
    first.settle(10);
    let second = caller.admit("m", 101).unwrap();
    let error = caller.admit("m", 1).unwrap_err();
    assert!(error.message().contains("2 requests in a minute: try again in 15s"), "{error}");
    let mut headers = HeaderMap::new();
    caller.quotas().write(&mut headers);
    assert_eq!(headers["x-ratelimit-remaining-requests"], "0");
    drop(second);
    hands.set(NOON + 60);
    caller.admit("m", 1000).unwrap();
}

#[tokio::test]
async fn a_key_without_limits_has_no_heads_and_its_spend_is_counted() {
    let state = alone(&Hands::at(NOON));
    let (_, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    let caller = call(&state, &token).unwrap();
    let mut headers = HeaderMap::new();
    caller.admit("m", 1).unwrap().write(&mut headers);
    assert!(headers.is_empty());
    let purse = caller.purse().unwrap();
    assert_eq!(purse.limit(), None);
    purse.spend(Cost::NanoDollars(7));
    assert_eq!(sums(&state), (7, 7));
    assert_eq!(state.keys()[0].last_used, Some(NOON));
}

#[tokio::test]
async fn a_budget_ends_at_the_smaller_of_day_and_month_and_midnight_brings_a_day() {
    let hands = Hands::at(NOON - 24 * HOUR);
    let state = alone(&hands);
    let (_, token) = state.create_key(budgets(10, 15)).await.unwrap();
    let caller = call(&state, &token).unwrap();
    let saturday = caller.purse().unwrap();
    assert_eq!(saturday.limit(), Some(10));
    saturday.reserve(10).unwrap().settle(Cost::NanoDollars(10));
    assert_eq!(why(caller.admit("m", 1)).0, ErrorKind::BudgetExceeded);
    // Sunday the 31st: the month leaves 5 of the day's 10.
    hands.set(NOON - 12 * HOUR);
    caller.admit("m", 1).unwrap();
    let sunday = caller.purse().unwrap();
    assert_eq!((sunday.limit(), sums(&state)), (Some(5), (0, 10)));
    sunday.spend(Cost::NanoDollars(5));
    assert_eq!(why(caller.admit("m", 1)).0, ErrorKind::BudgetExceeded);
    // February.
    hands.set(NOON + 12 * HOUR);
    assert_eq!((caller.purse().unwrap().remaining(), sums(&state)), (Some(10), (0, 0)));
    hands.set(NOON);
    assert_eq!(caller.purse().unwrap().remaining(), Some(10), "no clock gives a day twice");
}

#[tokio::test]
async fn what_is_under_way_at_midnight_settles_in_the_day_it_began_and_the_month_holds() {
    let hands = Hands::at(NOON - 24 * HOUR);
    let store = Arc::<MemoryStore>::default();
    let state = state(&store, &hands);
    let (key, token) = state.create_key(budgets(None, 100)).await.unwrap();
    let caller = call(&state, &token).unwrap();
    let saturday = caller.purse().unwrap();
    let held = saturday.reserve(60).unwrap();
    hands.set(NOON - 12 * HOUR);
    let sunday = caller.purse().unwrap();
    assert_eq!(sunday.remaining(), Some(40), "the rest may still be spent by the other");
    state.sync().await.unwrap();
    held.settle(Cost::NanoDollars(25));
    drop(saturday);
    state.sync().await.unwrap();
    assert_eq!(sunday.remaining(), Some(75));
    sunday.spend(Cost::NanoDollars(3));
    state.sync().await.unwrap();
    assert_eq!(sums(&state), (3, 28));
    let day = Day::of(hands.clock().now());
    assert_eq!((store.on_day(&key.id, Day(day.0 - 1)), store.on_day(&key.id, day)), (25, 3));
}

#[tokio::test]
async fn of_a_month_that_is_over_nothing_counts_in_the_next() {
    let hands = Hands::at(NOON);
    let state = alone(&hands);
    let (_, token) = state.create_key(budgets(None, 100)).await.unwrap();
    let caller = call(&state, &token).unwrap();
    let january = caller.purse().unwrap();
    let held = january.reserve(90).unwrap();
    hands.set(NOON + 12 * HOUR);
    let february = caller.purse().unwrap();
    held.settle(Cost::NanoDollars(90));
    state.sync().await.unwrap();
    assert_eq!((february.remaining(), sums(&state)), (Some(100), (0, 0)));
}

#[tokio::test]
async fn two_gateways_share_keys_limits_and_budgets_through_one_store() {
    let (hands, store) = (Hands::at(NOON), Arc::<MemoryStore>::default());
    let (one, other) = (state(&store, &hands), state(&store, &hands));
    let terms = KeyTerms { requests_per_minute: Some(5), tokens_per_minute: Some(100), ..budgets(50, 60) };
    let (key, token) = one.create_key(terms).await.unwrap();
    other.sync().await.unwrap();
    let (here, there) = (call(&one, &token).unwrap(), call(&other, &token).unwrap());
    let admission = here.admit("m", 70).unwrap();
    here.purse().unwrap().spend(Cost::NanoDollars(20));
    there.purse().unwrap().spend(Cost::NanoDollars(5));
    one.sync().await.unwrap();
    there.admit("m", 1).unwrap().settle(1);
    other.sync().await.unwrap();
    assert_eq!(there.purse().unwrap().remaining(), Some(25));
    assert_eq!(why(there.admit("m", 30)).0, ErrorKind::RateLimited);
    admission.settle(0);
    one.sync().await.unwrap();
    call(&other, &token).unwrap().admit("m", 0).unwrap();
    other.sync().await.unwrap();
    there.admit("m", 99).unwrap();
    one.revoke_key(&key.id).await.unwrap();
    other.sync().await.unwrap();
    assert!(why(call(&other, &token)).1.contains("revoked"));
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_is_written_within_half_a_second_and_at_the_end() {
    let (hands, store) = (Hands::at(NOON), Arc::<MemoryStore>::default());
    let day = Day::of(hands.clock().now());
    let (id, _, secret_hash) = fresh().unwrap();
    let key =
        StoredKey { id: id.clone(), secret_hash, created: NOON, revoked: None, terms: KeyTerms::new("k") };
    store.insert(key).await.unwrap();
    let keeper = Keeper::begin(Arc::clone(&store) as Arc<dyn Store>, hands.clock()).await.unwrap();
    let shared = keeper.shared();
    let (commands, asked) = mpsc::unbounded_channel();
    let spend = async {
        // Between two ticks.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let caller = Caller::known(shared.account(&id).unwrap(), Arc::clone(&shared));
        let purse = caller.purse().unwrap();
        purse.spend(Cost::NanoDollars(3));
        assert_eq!(store.on_day(&id, day), 0);
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(store.on_day(&id, day), 3);
        // Nobody tells the keeper of what an attempt under way spends.
        purse.spend(Cost::NanoDollars(4));
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(store.on_day(&id, day), 7);
        purse.spend(Cost::NanoDollars(1));
        drop(commands);
    };
    tokio::join!(keeper.keep(asked), spend);
    assert_eq!(store.on_day(&id, day), 8);
}

#[tokio::test]
async fn the_end_of_a_server_waits_until_everything_is_written() {
    let (hands, store) = (Hands::at(NOON), Arc::<MemoryStore>::default());
    let state = state(&store, &hands);
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    call(&state, &token).unwrap().purse().unwrap().spend(Cost::NanoDollars(9));
    state.flush();
    assert_eq!(store.on_day(&key.id, Day::of(hands.clock().now())), 9);
}

/// A store that fails when it is told to.
#[derive(Debug, Default)]
struct Failing(MemoryStore, std::sync::atomic::AtomicBool);

#[ultraai::async_trait]
impl Store for Failing {
    async fn keys(&self, since: Option<u64>) -> Result<Option<(u64, Vec<StoredKey>)>> {
        self.0.keys(since).await
    }
    async fn insert(&self, key: StoredKey) -> Result<()> {
        self.fail()?;
        self.0.insert(key).await
    }
    async fn revoke(&self, id: &str, at: u64) -> Result<Option<StoredKey>> {
        self.fail()?;
        self.0.revoke(id, at).await
    }
    async fn spend(&self, spent: &[Spend]) -> Result<()> {
        self.fail()?;
        self.0.spend(spent).await
    }
    async fn spent(&self, ids: &[String], day: Day) -> Result<Vec<Spent>> {
        self.0.spent(ids, day).await
    }
    async fn take(&self, taken: &[Take]) -> Result<Vec<Use>> {
        self.0.take(taken).await
    }
    async fn last_used(&self, ids: &[String]) -> Result<Vec<Option<u64>>> {
        self.0.last_used(ids).await
    }
}

impl Failing {
    fn fail(&self) -> Result<()> {
        match self.1.load(Ordering::Acquire) {
            true => Err(Error::new(ErrorKind::ServerError, "the disk is full")),
            false => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_loses_no_spend_and_answers_no_key_that_it_does_not_hold() {
    let (hands, store) = (Hands::at(NOON), Arc::<Failing>::default());
    let state = State::with_store(Arc::clone(&store) as Arc<dyn Store>, hands.clock()).unwrap();
    let (key, token) = state.create_key(KeyTerms::new("k")).await.unwrap();
    let caller = call(&state, &token).unwrap();
    store.1.store(true, Ordering::Release);
    caller.purse().unwrap().spend(Cost::NanoDollars(5));
    assert_eq!(why(state.sync().await).1, "the disk is full");
    assert_eq!(why(state.create_key(KeyTerms::new("l")).await).1, "the disk is full");
    assert_eq!(state.keys().len(), 1);
    assert!(state.revoke_key(&key.id).await.is_err() && call(&state, &token).is_ok());
    store.1.store(false, Ordering::Release);
    state.sync().await.unwrap();
    assert_eq!(store.0.on_day(&key.id, Day::of(hands.clock().now())), 5);
}

#[test]
fn the_last_use_is_not_written_with_every_request() {
    let (id, _, secret_hash) = fresh().unwrap();
    let key = StoredKey { id, secret_hash, created: 0, revoked: None, terms: KeyTerms::new("k") };
    let account = Account::new(key, Day(1), Spent::default(), None);
    let unwritten = |now| {
        let mut books = account.books(Day(1));
        books.touch(now);
        let unwritten = books.unwritten(&account.key);
        for spend in &unwritten {
            books.written(spend);
        }
        unwritten.iter().filter_map(|spend| spend.last_used).collect::<Vec<_>>()
    };
    assert_eq!([100, 101, 159, 160].map(unwritten), [vec![100], vec![], vec![], vec![160]]);
}
