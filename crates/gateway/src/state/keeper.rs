//! Tells the store what was spent and taken, and takes in what others told it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use ultraai::{Clock, Error, Result};

use super::{
    account::Account,
    calendar::{Day, minute, seconds},
    key::StoredKey,
    store::{Store, Take},
    window::Taken,
};

/// How often the store is told. With the time that a write takes, a crash loses less than a second.
const EACH: Duration = Duration::from_millis(500);

/// What requests and the keeper share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) accounts: RwLock<HashMap<String, Arc<Account>>>,
    /// Accounts that the keeper looks at next.
    listed: Mutex<Vec<Arc<Account>>>,
}

/// What others ask of the keeper.
pub(super) enum Command {
    Insert(StoredKey, oneshot::Sender<Result<()>>),
    Revoke(String, oneshot::Sender<Result<bool>>),
    Sync(Box<dyn FnOnce(Result<()>) + Send>),
}

/// Keeps a store and what is known here in step.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    /// The number of the changes that are known here.
    changes: Option<u64>,
    /// Whether the store failed last time: it is told once.
    is_failing: AtomicBool,
}

impl Shared {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, accounts: RwLock::default(), listed: Mutex::default() }
    }

    pub(super) fn account(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Lets the keeper look at an account.
    pub(super) fn list(&self, account: &Arc<Account>) {
        if !account.is_listed.swap(true, Ordering::AcqRel) {
            self.listed.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(account));
        }
    }

    pub(super) fn day(&self) -> Day {
        Day::of(self.clock.now())
    }

    pub(super) fn seconds(&self) -> u64 {
        seconds(self.clock.now())
    }

    pub(super) fn minute(&self) -> (u64, Duration) {
        minute(self.clock.now())
    }
}

impl Keeper {
    /// A keeper that knows what the store knows.
    pub(super) async fn begin(store: Arc<dyn Store>, clock: Clock) -> Result<Self> {
        let shared = Arc::new(Shared::new(clock));
        let mut keeper = Self { store, shared, changes: None, is_failing: AtomicBool::new(false) };
        keeper.read_keys().await?;
        Ok(keeper)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Goes on until nobody can ask it anything any more; then it writes what is left.
    pub(super) async fn keep(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut tick = tokio::time::interval(EACH);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // First: however many keys are made, spend is not left unwritten.
                _ = tick.tick() => self.told(self.step().await),
                command = commands.recv() => match command {
                    None => break,
                    // Who asked may have left.
                    Some(Command::Sync(to)) => to(self.sync().await),
                    Some(Command::Insert(key, to)) => drop(to.send(self.insert(key).await)),
                    Some(Command::Revoke(id, to)) => drop(to.send(self.revoke(&id).await)),
                },
            }
            if let Err(error) = self.read_keys().await {
                self.told(Err(error));
            }
        }
        self.told(self.step().await);
    }

    async fn sync(&mut self) -> Result<()> {
        self.step().await?;
        self.read_keys().await
    }

    async fn insert(&mut self, key: StoredKey) -> Result<()> {
        self.store.insert(key).await?;
        self.read_keys().await
    }

    async fn revoke(&mut self, id: &str) -> Result<bool> {
        let at = self.shared.seconds();
        let Some(key) = self.store.revoke(id, at).await? else { return Ok(false) };
        if let Some(account) = self.shared.account(id) {
            account.revoke(key.revoked.unwrap_or(at));
        }
        Ok(true)
    }

    /// Takes in keys that were made or revoked.
    async fn read_keys(&mut self) -> Result<()> {
        let Some((changes, keys)) = self.store.keys(self.changes).await? else { return Ok(()) };
        let (known, new): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| self.shared.account(&key.id).is_some());
        for key in known {
            if let (Some(account), Some(at)) = (self.shared.account(&key.id), key.revoked) {
                account.revoke(at);
            }
        }
        let ids: Vec<_> = new.iter().map(|key| key.id.clone()).collect();
        let day = self.shared.day();
        let spent = self.store.spent(&ids, day).await?;
        let used = self.store.last_used(&ids).await?;
        let mut accounts = self.shared.accounts.write().unwrap_or_else(PoisonError::into_inner);
        for ((key, spent), used) in new.into_iter().zip(spent).zip(used) {
            let account = Account::new(key, day, spent, used);
            accounts.insert(account.key.id.clone(), Arc::new(account));
        }
        self.changes = Some(changes);
        Ok(())
    }

    /// Tells the store what it does not know, and takes in what others told it.
    pub(super) async fn step(&self) -> Result<()> {
        let listed = std::mem::take(&mut *self.shared.listed.lock().unwrap_or_else(PoisonError::into_inner));
        for account in &listed {
            account.is_listed.store(false, Ordering::Release);
        }
        let done = async {
            self.spend(&listed).await?;
            self.take(&listed).await
        };
        let done = done.await;
        for account in &listed {
            // Requests under way spend without a word to the keeper.
            if account.books(self.shared.day()).close(&account.key) {
                self.shared.list(account);
            }
        }
        done
    }

    async fn spend(&self, listed: &[Arc<Account>]) -> Result<()> {
        let day = self.shared.day();
        let mut spent = Vec::new();
        for account in listed {
            spent.extend(account.books(day).unwritten(&account.key));
        }
        if !spent.is_empty() {
            self.store.spend(&spent).await?;
        }
        for spend in &spent {
            if let Some(account) = self.shared.account(&spend.id) {
                account.books(day).written(spend);
            }
        }
        let ids: Vec<_> = listed.iter().map(|account| account.key.id.clone()).collect();
        if !ids.is_empty() {
            for (account, spent) in listed.iter().zip(self.store.spent(&ids, day).await?) {
                account.books(day).share(&account.key, day, spent);
            }
        }
        Ok(())
    }

    async fn take(&self, listed: &[Arc<Account>]) -> Result<()> {
        let day = self.shared.day();
        let limited = listed.iter().filter(|account| account.key.terms.has_limits());
        let told: Vec<_> =
            limited.filter_map(|account| Some((account, account.books(day).window.unshared()?))).collect();
        if told.is_empty() {
            return Ok(());
        }
        let taken: Vec<_> = told
            .iter()
            .map(|(account, (minute, requests, tokens))| Take {
                id: account.key.id.clone(),
                minute: *minute,
                requests: *requests,
                tokens: *tokens,
            })
            .collect();
        for ((account, told), all) in told.iter().zip(self.store.take(&taken).await?) {
            let all = Taken { requests: all.requests, tokens: all.tokens };
            account.books(day).window.share(*told, all);
        }
        Ok(())
    }

    /// Tells the log when the store begins to fail, and when it works again.
    fn told(&self, done: Result<()>) {
        let failed = done.is_err();
        let failed_before = self.is_failing.swap(failed, Ordering::Relaxed);
        match done {
            Err(error) if !failed_before => {
                let why: &Error = &error;
                tracing::error!(error = ?why, "what was spent could not be written; it is tried again");
            }
            Ok(()) if failed_before => tracing::info!("what was spent is written again"),
            _ => {}
        }
    }
}
