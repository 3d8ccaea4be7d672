//! Where keys, limits and spend are kept.

mod disk;
mod memory;
mod place;

use ultraai::{Result, async_trait};

pub use self::{disk::DiskStore, memory::MemoryStore};
use super::{calendar::Day, key::StoredKey};

/// Keeps keys, and what was spent and taken with them.
///
/// Nobody waits for a store while a request is let in: a [`State`](crate::State) answers from memory, and a keeper in a thread
/// of its own tells the store each half second what was spent and taken, and takes in what others told it. So several gateways
/// share keys, limits and budgets through one store, and each knows of the others' within half a second: by so much a limit can
/// be passed. Only that keeper calls a store, one call after the other, so an implementation may block.
///
/// Over Redis: [`keys`](Self::keys) reads a hash of keys where a counter of changes has grown, [`insert`](Self::insert) and
/// [`revoke`](Self::revoke) write both in one transaction (`MULTI`); [`spend`](Self::spend) is `HINCRBY` of a hash for each day;
/// [`spent`](Self::spent) reads the hashes of a day and of its month; [`take`](Self::take) is `INCRBY` of a counter for each key and
/// minute, with `EXPIRE`. Each of them is one round trip, however many keys it is about.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// All keys, with a number that grows with each change; `None` where it has not grown since it was `since`.
    async fn keys(&self, since: Option<u64>) -> Result<Option<(u64, Vec<StoredKey>)>>;

    /// Keeps a new key. When it returns, the key is safe from a crash.
    ///
    /// # Errors
    /// Also where the id is there already.
    async fn insert(&self, key: StoredKey) -> Result<()>;

    /// Marks a key as revoked at this moment (seconds since 1970), unless it is already, and returns it as it is then; `None`
    /// where there is none. When it returns, the change is safe from a crash.
    async fn revoke(&self, id: &str, at: u64) -> Result<Option<StoredKey>>;

    /// Adds what was spent. When it returns, all of it is safe from a crash; after an error none of it counts.
    async fn spend(&self, spent: &[Spend]) -> Result<()>;

    /// What was spent with each of these keys by all, on `day` and in its month; of this month and of the one before.
    async fn spent(&self, ids: &[String], day: Day) -> Result<Vec<Spent>>;

    /// Adds what was taken of minutes, and returns what all took of each. A minute that is over may be forgotten.
    async fn take(&self, taken: &[Take]) -> Result<Vec<Use>>;

    /// When each of these keys was used last, in seconds since 1970.
    async fn last_used(&self, ids: &[String]) -> Result<Vec<Option<u64>>>;
}

/// What was spent with a key on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spend {
    /// The key.
    pub id: String,
    /// The day on which the requests came.
    pub day: Day,
    /// How much more it is.
    pub nano_dollars: u64,
    /// When the key was used last, in seconds since 1970.
    pub last_used: Option<u64>,
}

/// What was spent with a key by all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On the day, in nano-dollars.
    pub on_day: u64,
    /// In the whole month of that day, in nano-dollars.
    pub in_month: u64,
}

/// What was taken of a key's minute.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Take {
    /// The key.
    pub id: String,
    /// The minute since 1970.
    pub minute: u64,
    /// How many requests more it is.
    pub requests: u64,
    /// How many tokens more it is; less where an estimate was too high.
    pub tokens: i64,
}

/// What all took of a key's minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Requests.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
}
