//! Money in integer nano-dollars, prices, and the purse of a request.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::Usage;

/// What something cost: known, or unknown, which is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Known, in billionths of a US dollar.
    NanoDollars(u64),
    /// Nobody knows.
    Unknown,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NanoDollars(nano) => {
                let micro = nano.div_ceil(1000);
                write!(f, "${}.{:06}", micro / 1_000_000, micro % 1_000_000)
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A model's price, in nano-dollars per million tokens: $0.15 per million tokens is 150,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Tokens read from the provider's cache; `None`: as `input`.
    pub cache_read: Option<u64>,
    /// Tokens written to the provider's cache; `None`: as `input`.
    pub cache_write: Option<u64>,
}

impl Price {
    /// A price in nano-dollars per million tokens.
    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, cache_read: None, cache_write: None }
    }

    /// A price in dollars per million tokens, as vendors print it. `None` for what is no amount of money.
    pub fn per_million_dollars(input: f64, output: f64) -> Option<Self> {
        Some(Self::new(nano_dollars(input)?, nano_dollars(output)?))
    }

    /// What `usage` costs, rounded up to a whole nano-dollar.
    pub fn cost(&self, usage: &Usage) -> Cost {
        let read = usage.cache_read.unwrap_or(0).min(usage.input_tokens);
        let write = usage.cache_write.unwrap_or(0).min(usage.input_tokens - read);
        let plain = usage.input_tokens - read - write;
        let product = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = product(plain, self.input)
            + product(read, self.cache_read.unwrap_or(self.input))
            + product(write, self.cache_write.unwrap_or(self.input))
            + product(usage.output_tokens, self.output);
        Cost::NanoDollars(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn nano_dollars(dollars: f64) -> Option<u64> {
    // A million dollars per million tokens is beyond any price; below it every amount fits exactly enough.
    (0.0..1e6).contains(&dollars).then(|| (dollars * 1e9).round() as u64)
}

/// The money of a request: what may be spent, what is reserved for attempts under way, what is spent.
///
/// A clone is the same purse.
#[derive(Clone, Debug)]
pub struct Purse(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: Option<u64>,
    reserved: AtomicU64,
    spent: AtomicU64,
}

impl Purse {
    /// A purse without a limit.
    pub fn unlimited() -> Self {
        Self::new(None)
    }

    /// A purse of so many nano-dollars.
    pub fn of(nano_dollars: u64) -> Self {
        Self::new(Some(nano_dollars))
    }

    fn new(limit: Option<u64>) -> Self {
        Self(Arc::new(Account { limit, reserved: AtomicU64::new(0), spent: AtomicU64::new(0) }))
    }

    /// What may be spent in all, in nano-dollars.
    pub fn limit(&self) -> Option<u64> {
        self.0.limit
    }

    /// What was spent and known, in nano-dollars.
    pub fn spent(&self) -> u64 {
        self.0.spent.load(Ordering::Acquire)
    }

    /// What is reserved for attempts under way, in nano-dollars.
    pub fn reserved(&self) -> u64 {
        self.0.reserved.load(Ordering::Acquire)
    }

    /// What is neither spent nor reserved, or `None` when there is no limit.
    pub fn remaining(&self) -> Option<u64> {
        self.0.limit.map(|limit| limit.saturating_sub(self.spent()).saturating_sub(self.reserved()))
    }

    /// Reserves an upper bound for one attempt, or `None` when the purse does not hold it. Concurrent
    /// reservations never pass the limit together. The reservation ends when it is dropped.
    pub fn reserve(&self, nano_dollars: u64) -> Option<Reservation> {
        let limit = self.0.limit.unwrap_or(u64::MAX);
        self.0
            .reserved
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |reserved| {
                let next = reserved.checked_add(nano_dollars)?;
                (next.saturating_add(self.spent()) <= limit).then_some(next)
            })
            .ok()
            .map(|_| Reservation { purse: self.clone(), nano_dollars })
    }

    /// Writes down what an attempt cost.
    pub fn spend(&self, cost: Cost) {
        if let Cost::NanoDollars(nano) = cost {
            let add = |spent: u64| Some(spent.saturating_add(nano));
            let _ = self.0.spent.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        }
    }
}

/// Money set aside for one attempt.
#[derive(Debug)]
#[must_use = "a reservation ends when it is dropped"]
pub struct Reservation {
    purse: Purse,
    nano_dollars: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.purse.0.reserved.fetch_sub(self.nano_dollars, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_whole_nano_dollars_rounded_up() {
        let price = Price::per_million_dollars(0.15, 0.6).unwrap();
        assert_eq!(price.cost(&Usage::reported(1000, 10)), Cost::NanoDollars(156_000));
        let cached = Usage { cache_read: Some(400), ..Usage::reported(1000, 0) };
        let price = Price { cache_read: Some(75_000_000), ..price };
        assert_eq!(price.cost(&cached), Cost::NanoDollars(120_000));
        assert_eq!(Price::new(1, 0).cost(&Usage::reported(1, 0)), Cost::NanoDollars(1));
    }

    #[test]
    fn what_is_no_amount_of_money_is_no_price() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Price::per_million_dollars(wrong, 1.0), None);
        }
    }

    #[test]
    fn a_purse_is_not_overdrawn_and_is_whole_in_the_end() {
        let purse = Purse::of(10);
        let first = purse.reserve(6).unwrap();
        assert!(purse.reserve(5).is_none());
        drop(first);
        purse.spend(Cost::NanoDollars(6));
        assert_eq!((purse.reserved(), purse.remaining()), (0, Some(4)));
        purse.spend(Cost::NanoDollars(u64::MAX));
        purse.spend(Cost::NanoDollars(2));
        assert_eq!(purse.remaining(), Some(0));
    }

    #[test]
    fn unknown_is_printed_as_unknown() {
        assert_eq!(Cost::Unknown.to_string(), "unknown");
        assert_eq!(Cost::NanoDollars(1_234_567_890).to_string(), "$1.234568");
    }
}
