//! A store that ends with the process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ultraai::{Error, ErrorKind, Result, async_trait};

use super::{Day, Spend, Spent, Store, StoredKey, Take, Use};

/// A store that ends with the process. Several states may share it.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    changes: u64,
    keys: BTreeMap<String, StoredKey>,
    days: HashMap<(String, Day), u64>,
    months: HashMap<(String, u32), u64>,
    /// The newest month that anything was spent in.
    newest: u32,
    used: HashMap<String, u64>,
    minutes: HashMap<(String, u64), Use>,
    /// The newest minute that anything was taken of.
    minute: u64,
}

impl MemoryStore {
    /// Puts in a key as it is.
    pub(super) fn put(&self, key: StoredKey) {
        let mut kept = self.kept();
        kept.changes += 1;
        kept.keys.insert(key.id.clone(), key);
    }

    pub(super) fn key(&self, id: &str) -> Option<StoredKey> {
        self.kept().keys.get(id).cloned()
    }

    /// What was spent with a key on a day.
    #[cfg(test)]
    pub(in crate::state) fn on_day(&self, id: &str, day: Day) -> u64 {
        self.kept().days.get(&(id.to_owned(), day)).copied().unwrap_or(0)
    }

    pub(super) fn add(&self, spent: &[Spend]) {
        self.kept().add(spent);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, spent: &[Spend]) {
        for Spend { id, day, nano_dollars, last_used } in spent {
            if *nano_dollars > 0 {
                let sums = [
                    self.days.entry((id.clone(), *day)).or_default(),
                    self.months.entry((id.clone(), day.month())).or_default(),
                ];
                for sum in sums {
                    *sum = sum.saturating_add(*nano_dollars);
                }
                if self.newest < day.month() {
                    self.newest = day.month();
                    let oldest = self.newest.saturating_sub(1);
                    self.days.retain(|(_, day), _| day.month() >= oldest);
                    self.months.retain(|(_, month), _| *month >= oldest);
                }
            }
            if let Some(at) = last_used {
                let last = self.used.entry(id.clone()).or_default();
                *last = (*last).max(*at);
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn keys(&self, since: Option<u64>) -> Result<Option<(u64, Vec<StoredKey>)>> {
        let kept = self.kept();
        let is_new = since.is_none_or(|since| since < kept.changes);
        Ok(is_new.then(|| (kept.changes, kept.keys.values().cloned().collect())))
    }

    async fn insert(&self, key: StoredKey) -> Result<()> {
        if self.key(&key.id).is_some() {
            let message = format!("there is a key `{}` already: try again", key.id);
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.put(key);
        Ok(())
    }

    async fn revoke(&self, id: &str, at: u64) -> Result<Option<StoredKey>> {
        let Some(mut key) = self.key(id) else { return Ok(None) };
        key.revoked.get_or_insert(at);
        self.put(key.clone());
        Ok(Some(key))
    }

    async fn spend(&self, spent: &[Spend]) -> Result<()> {
        self.add(spent);
        Ok(())
    }

    async fn spent(&self, ids: &[String], day: Day) -> Result<Vec<Spent>> {
        let kept = self.kept();
        let of = |id: &String| Spent {
            on_day: kept.days.get(&(id.clone(), day)).copied().unwrap_or(0),
            in_month: kept.months.get(&(id.clone(), day.month())).copied().unwrap_or(0),
        };
        Ok(ids.iter().map(of).collect())
    }

    async fn take(&self, taken: &[Take]) -> Result<Vec<Use>> {
        let mut kept = self.kept();
        let newest = taken.iter().map(|take| take.minute).max().unwrap_or(0);
        if kept.minute < newest {
            kept.minute = newest;
            kept.minutes.retain(|(_, minute), _| minute + 1 >= newest);
        }
        let add = |Take { id, minute, requests, tokens }: &Take| {
            let all = kept.minutes.entry((id.clone(), *minute)).or_default();
            all.requests += requests;
            all.tokens = all.tokens.saturating_add_signed(*tokens);
            *all
        };
        Ok(taken.iter().map(add).collect())
    }

    async fn last_used(&self, ids: &[String]) -> Result<Vec<Option<u64>>> {
        let kept = self.kept();
        Ok(ids.iter().map(|id| kept.used.get(id).copied()).collect())
    }
}
