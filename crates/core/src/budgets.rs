//! What an orchestrator may spend in a day, in all and with each key.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::UNIX_EPOCH,
};

use crate::{Clock, Cost, EndpointId, Purse};

/// No key is forgotten before there are so many.
const KEYS: usize = 1024;

/// What an orchestrator may spend in a day, in all and with each key. A day begins at midnight UTC, as vendors count them;
/// what was reserved the day before is settled there.
#[derive(Debug, Default)]
pub struct Budgets {
    clock: Clock,
    daily: Option<u64>,
    daily_per_key: Option<u64>,
    today: Mutex<Option<Today>>,
}

#[derive(Debug)]
struct Today {
    day: u64,
    all: Purse,
    keys: HashMap<EndpointId, Purse>,
    /// How many there may be before those of which nothing was spent today are forgotten.
    sweep_at: usize,
}

impl Budgets {
    /// So many nano-dollars a day in all, and with each key at its host.
    pub fn new(daily: Option<u64>, daily_per_key: Option<u64>, clock: Clock) -> Self {
        Self { clock, daily, daily_per_key, today: Mutex::default() }
    }

    /// The limits: in all, and with each key.
    pub(crate) fn limits(&self) -> [Option<u64>; 2] {
        [self.daily, self.daily_per_key]
    }

    /// Other limits for the same day: what was spent stays spent. What is reserved now is settled in the old one only.
    pub(crate) fn with_limits(&self, daily: Option<u64>, daily_per_key: Option<u64>) -> Self {
        let guard = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = |limit: Option<u64>, old: &Purse| {
            let purse = purse(limit);
            purse.spend(Cost::NanoDollars(old.spent()));
            purse
        };
        let today = guard.as_ref().map(|today| Today {
            day: today.day,
            all: spent(daily, &today.all),
            keys: today.keys.iter().map(|(key, old)| (key.clone(), spent(daily_per_key, old))).collect(),
            sweep_at: today.sweep_at,
        });
        Self { clock: self.clock.clone(), daily, daily_per_key, today: Mutex::new(today) }
    }

    /// Whether anything is limited.
    pub fn is_limited(&self) -> bool {
        self.daily.is_some() || self.daily_per_key.is_some()
    }

    /// The purses that an attempt at `endpoint` draws from today, each with what limits it, as errors name it.
    pub fn today(&self, endpoint: Option<&EndpointId>) -> Vec<(&'static str, Purse)> {
        self.both_of_today(endpoint).into_iter().flatten().collect()
    }

    /// As [`today`](Self::today), for whoever asks before each attempt.
    pub fn both_of_today(&self, endpoint: Option<&EndpointId>) -> [Option<(&'static str, Purse)>; 2] {
        if !self.is_limited() {
            return [None, None];
        }
        let now = self.clock.now();
        let day = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / (24 * 60 * 60));
        let mut guard = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || Today { day, all: purse(self.daily), keys: HashMap::new(), sweep_at: KEYS };
        let today = guard.get_or_insert_with(begin);
        // A clock that was set back does not give a day's money twice.
        if today.day < day {
            *today = begin();
        }
        let all = self.daily.map(|_| ("`daily_budget_dollars`", today.all.clone()));
        let mut of_key = None;
        if let (Some(limit), Some(endpoint)) = (self.daily_per_key, endpoint) {
            if !today.keys.contains_key(endpoint) && today.keys.len() >= today.sweep_at {
                // Nor is one forgotten that somebody is about to draw from: it would be there twice.
                today.keys.retain(|_, purse| purse.is_shared() || purse.spent() > 0 || purse.reserved() > 0);
                // Twice what is left, so that the sweeps together cost no more than the insertions.
                today.sweep_at = KEYS.max(2 * today.keys.len());
            }
            let purse = today.keys.entry(endpoint.clone()).or_insert_with(|| Purse::of(limit));
            of_key = Some(("`daily_budget_dollars_per_key`", purse.clone()));
        }
        [all, of_key]
    }

    /// What was spent today in all, in nano-dollars; `None` where that is not limited.
    pub fn spent_today(&self) -> Option<u64> {
        self.daily?;
        self.today(None).first().map(|(_, purse)| purse.spent())
    }
}

fn purse(limit: Option<u64>) -> Purse {
    limit.map_or_else(Purse::unlimited, Purse::of)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use super::*;

    #[test]
    fn every_day_begins_with_whole_purses_and_no_clock_gives_a_day_twice() {
        let seconds = Arc::new(AtomicU64::new(86_399));
        let own = Arc::clone(&seconds);
        let clock = Clock::new(move || UNIX_EPOCH + Duration::from_secs(own.load(Ordering::Relaxed)));
        let budgets = Budgets::new(Some(10), Some(4), clock);
        let endpoint = EndpointId::new("host", None);
        let purses = budgets.today(Some(&endpoint));
        purses[1].1.spend(Cost::NanoDollars(4));
        purses[0].1.spend(Cost::NanoDollars(4));
        assert_eq!(budgets.today(Some(&endpoint))[1].1.remaining(), Some(0));
        assert_eq!(budgets.today(Some(&EndpointId::new("other", None)))[1].1.remaining(), Some(4));
        seconds.store(86_400, Ordering::Relaxed);
        assert_eq!(budgets.today(Some(&endpoint))[1].1.remaining(), Some(4));
        purses[0].1.spend(Cost::NanoDollars(1));
        assert_eq!(budgets.spent_today(), Some(0), "the day before keeps its own");
        budgets.today(None)[0].1.spend(Cost::NanoDollars(3));
        seconds.store(0, Ordering::Relaxed);
        assert_eq!(budgets.spent_today(), Some(3));
    }

    #[test]
    fn other_limits_do_not_give_back_what_was_spent_today() {
        let budgets = Budgets::new(Some(10), Some(4), Clock::default());
        let endpoint = EndpointId::new("host", None);
        for (_, purse) in budgets.today(Some(&endpoint)) {
            purse.spend(Cost::NanoDollars(3));
        }
        let other = budgets.with_limits(Some(5), Some(9));
        assert_eq!(other.spent_today(), Some(3));
        let left = other.today(Some(&endpoint)).into_iter().map(|(_, purse)| purse.remaining());
        assert_eq!(left.collect::<Vec<_>>(), [Some(2), Some(6)]);
    }

    #[test]
    fn keys_that_spent_nothing_are_forgotten() {
        let budgets = Budgets::new(None, Some(4), Clock::default());
        let spender = EndpointId::new("spender", None);
        budgets.today(Some(&spender))[0].1.spend(Cost::NanoDollars(1));
        let asked = EndpointId::new("asked", None);
        let purse = budgets.today(Some(&asked)).remove(0).1;
        for number in 0..10 * KEYS {
            let _ = budgets.today(Some(&EndpointId::new(number.to_string(), None)));
        }
        let guard = budgets.today.lock().unwrap();
        assert!(guard.as_ref().unwrap().keys.len() <= KEYS + 1);
        drop(guard);
        purse.spend(Cost::NanoDollars(4));
        assert_eq!(
            budgets.today(Some(&asked))[0].1.remaining(),
            Some(0),
            "whoever asked before draws from the same"
        );
        assert_eq!(budgets.today(Some(&spender))[0].1.spent(), 1);
    }
}
