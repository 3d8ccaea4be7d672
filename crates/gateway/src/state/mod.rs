//! Access keys, their limits and what was spent.

mod account;
mod calendar;
mod caller;
mod keeper;
mod key;
mod store;
mod token;
mod window;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    thread::JoinHandle,
};

use axum::http::HeaderMap;
use tokio::sync::{mpsc, oneshot};
use ultraai::{Clock, Error, ErrorKind, Result, Secret};

pub(crate) use self::caller::{Admission, Caller, Quotas};
pub use self::{
    calendar::{Day, start_of, timestamp},
    key::{KeyStatus, KeyTerms, KeyView, StoredKey},
    store::{DiskStore, MemoryStore, Spend, Spent, Store, Take, Use},
    token::SecretHash,
};
use self::{
    keeper::{Command, Keeper, Shared},
    token::{Presented, REFUSED, SecretHash as Hash, fresh},
};

/// Keys, their limits and what was spent. A clone is the same. When the last one is dropped, what was spent is written.
#[derive(Clone, Debug)]
pub struct State(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    folder: Option<PathBuf>,
    /// `None` only while it is dropped.
    keeper: Option<(mpsc::UnboundedSender<Command>, JoinHandle<()>)>,
}

impl Default for State {
    fn default() -> Self {
        Self::in_memory()
    }
}

impl State {
    /// Keys and spend that end with the process.
    ///
    /// # Panics
    /// Where the system gives no thread.
    pub fn in_memory() -> Self {
        Self::with_store(Arc::new(MemoryStore::default()), Clock::default())
            .expect("a store in memory does not fail")
    }

    /// Opens the store in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// `Config`, which says why it cannot be opened: another process has it, a newer program wrote it, or its bytes are not what
    /// they were.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::begin(Arc::new(DiskStore::open(folder)?), Clock::default(), Some(folder.to_owned()))
    }

    /// Keys and spend of a store; days, months and minutes are those of `clock`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn with_store(store: Arc<dyn Store>, clock: Clock) -> Result<Self> {
        Self::begin(store, clock, None)
    }

    fn begin(store: Arc<dyn Store>, clock: Clock, folder: Option<PathBuf>) -> Result<Self> {
        let (commands, asked) = mpsc::unbounded_channel();
        let (to, begun) = std::sync::mpsc::channel();
        let failed = |error| {
            Error::new(ErrorKind::Config, "no thread could be started for the keys").with_source(error)
        };
        // A thread of its own: a write waits for the disk, and requests do not.
        let keep = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(to.send(Err(failed(error)))),
            };
            match runtime.block_on(Keeper::begin(store, clock)) {
                Ok(keeper) => {
                    // Who asked may have left; then nobody asks the keeper either, and it ends.
                    let _ = to.send(Ok(keeper.shared()));
                    runtime.block_on(keeper.keep(asked));
                }
                Err(error) => drop(to.send(Err(error))),
            }
        };
        let thread =
            std::thread::Builder::new().name("ultraai-keys".to_owned()).spawn(keep).map_err(failed)?;
        let shared = begun.recv().unwrap_or_else(|_| Err(gone()))?;
        Ok(Self(Arc::new(Inner { shared, folder, keeper: Some((commands, thread)) })))
    }

    /// The folder of its store, where it has one.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// Whether a request must come with a key: as soon as there is any, be it revoked or expired. Whoever once gave out keys
    /// does not stand open when the last one ends.
    pub fn demands_key(&self) -> bool {
        !self.0.shared.accounts.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Makes a key. The key itself is not kept and cannot be shown again.
    ///
    /// # Errors
    /// `Config` for terms that mean nothing; those of the store. Then there is no such key.
    pub async fn create_key(&self, terms: KeyTerms) -> Result<(KeyView, Secret)> {
        let now = self.0.shared.seconds();
        terms.check(now)?;
        let (id, token, secret_hash) = fresh()?;
        let key = StoredKey { id: id.clone(), secret_hash, created: now, revoked: None, terms };
        self.ask(|to| Command::Insert(key, to)).await??;
        let account = self.0.shared.account(&id).ok_or_else(gone)?;
        Ok((account.view(self.0.shared.day(), now), token))
    }

    /// Every key with what was spent, the oldest first.
    pub fn keys(&self) -> Vec<KeyView> {
        let (day, now) = (self.0.shared.day(), self.0.shared.seconds());
        let accounts = self.0.shared.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<_> = accounts.values().map(|account| account.view(day, now)).collect();
        drop(accounts);
        keys.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        keys
    }

    /// Revokes a key: it is refused from now on, and stays in the list. Requests under way end as they would.
    ///
    /// # Errors
    /// `Config` where there is none with this id; those of the store.
    pub async fn revoke_key(&self, id: &str) -> Result<KeyView> {
        let is_there = self.ask(|to| Command::Revoke(id.to_owned(), to)).await??;
        let account = self.0.shared.account(id).filter(|_| is_there);
        let account = account.ok_or_else(|| no_key(id))?;
        Ok(account.view(self.0.shared.day(), self.0.shared.seconds()))
    }

    /// Tells the store now what was spent until now, and takes in what others told it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sync(&self) -> Result<()> {
        self.ask(|to| Command::Sync(Box::new(|done| drop(to.send(done))))).await?
    }

    /// As [`sync`](Self::sync), for the end of a server: it waits without a runtime, and tells the log what failed.
    pub fn flush(&self) {
        let (to, done) = std::sync::mpsc::channel();
        self.tell(Command::Sync(Box::new(move |result| drop(to.send(result)))));
        if let Err(error) = done.recv().unwrap_or_else(|_| Err(gone())) {
            tracing::error!(?error, "what was spent last could not be written");
        }
    }

    /// Who calls, by what stands in the head: `Authorization: Bearer`, or `x-api-key`.
    ///
    /// # Errors
    /// `Authentication`.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller> {
        if !self.demands_key() {
            return Ok(Caller::anybody());
        }
        let refused = |message| Err(Error::new(ErrorKind::Authentication, message));
        let Presented { id, secret } = Presented::of(headers)?;
        let account = self.0.shared.account(id);
        // One that nobody has is compared too, so that time does not tell which ids there are.
        let hash = account.as_ref().map_or(Hash::NOBODYS, |account| account.key.secret_hash);
        let is_right = hash.is_of(secret);
        let Some(account) = account.filter(|_| is_right) else { return refused(REFUSED) };
        let now = self.0.shared.seconds();
        match account.status(now) {
            KeyStatus::Live => {}
            KeyStatus::Expired => return refused("the access key has expired: ask for a new one"),
            KeyStatus::Revoked => return refused("the access key was revoked: ask for a new one"),
        }
        account.books(self.0.shared.day()).touch(now);
        self.0.shared.list(&account);
        Ok(Caller::known(account, Arc::clone(&self.0.shared)))
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T> {
        let (to, answer) = oneshot::channel();
        self.tell(command(to));
        answer.await.map_err(|_| gone())
    }

    fn tell(&self, command: Command) {
        if let Some((commands, _)) = &self.0.keeper {
            // A keeper that has ended drops the command, and then there is no answer.
            let _ = commands.send(command);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((commands, thread)) = self.keeper.take() {
            drop(commands);
            // Where it panicked it has told so.
            let _ = thread.join();
        }
    }
}

/// The keeper panicked: nothing else ends it while somebody can ask.
fn gone() -> Error {
    Error::new(ErrorKind::ServerError, "the keeper of keys has ended: start the server again")
}

/// A key that was given in place of its id is not repeated.
pub(crate) fn no_key(id: &str) -> Error {
    let named = if id.len() > 32 { "with this id".to_owned() } else { format!("`{id}`") };
    Error::new(ErrorKind::Config, format!("no key {named}: `ultraai keys list` shows the ids"))
}

#[cfg(test)]
mod tests;
