//! Access keys, their limits and what was spent.

use std::path::Path;

use axum::http::HeaderMap;
use ultraai::{Purse, Result};

/// Keys, their limits and what was spent.
#[derive(Debug, Default)]
pub struct State;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller;

/// A request that was let in. Dropped, it counts as it was estimated.
#[derive(Debug)]
pub(crate) struct Admission;

impl State {
    /// Keys and spend that end with the process.
    pub fn in_memory() -> Self {
        Self
    }

    /// Opens the store in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// `Config`, which says why it cannot be opened: another process has it, or its bytes are not what they were.
    #[expect(clippy::unnecessary_wraps, reason = "a placeholder")]
    pub fn open(_folder: &Path) -> Result<Self> {
        Ok(Self)
    }

    /// Whether callers must have an access key.
    #[expect(clippy::unused_self, reason = "a placeholder")]
    pub fn demands_key(&self) -> bool {
        false
    }

    /// Writes down what is not written yet.
    #[expect(clippy::unused_self, reason = "a placeholder")]
    pub(crate) fn flush(&self) {}

    /// Who calls, by what stands in the head: `Authorization: Bearer`, or `x-api-key`.
    ///
    /// # Errors
    /// `Authentication`.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a placeholder")]
    pub(crate) fn authenticate(&self, _headers: &HeaderMap) -> Result<Caller> {
        Ok(Caller)
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a placeholder")]
impl Caller {
    /// The key's id, where there is one.
    pub(crate) fn key(&self) -> Option<&str> {
        None
    }

    /// Lets a request for `model` in that takes about so many tokens.
    ///
    /// # Errors
    /// `ModelNotFound` for a model that the key may not ask, `RateLimited` with the delay, `BudgetExceeded`.
    pub(crate) fn admit(&self, _model: &str, _tokens: u64) -> Result<Admission> {
        Ok(Admission)
    }

    /// What the key may spend now.
    pub(crate) fn purse(&self) -> Option<Purse> {
        None
    }
}

#[expect(clippy::unused_self, reason = "a placeholder")]
impl Admission {
    /// Writes `x-ratelimit-*`.
    pub(crate) fn write(&self, _headers: &mut HeaderMap) {}

    /// Tells what the request took in the end.
    pub(crate) fn settle(self, _tokens: u64) {}
}
