//! Who calls, and whether a request is let in.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ultraai::{Error, ErrorKind, Purse, Result};

use super::{
    account::Account,
    calendar::timestamp,
    keeper::Shared,
    window::{Full, Left, Share, reset},
};

/// Who calls: somebody with a key, or anybody where there are no keys.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Option<Known>);

/// Somebody with a key.
#[derive(Clone, Debug)]
struct Known {
    account: Arc<Account>,
    shared: Arc<Shared>,
}

/// A request that was let in. Dropped, it counts as it was estimated.
#[derive(Debug)]
pub(crate) struct Admission(Option<Admitted>);

#[derive(Debug)]
struct Admitted {
    caller: Known,
    share: Share,
    quotas: Quotas,
}

/// What is left of a key's minute.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quotas {
    left: [Option<Left>; 2],
    /// How long the minute still lasts.
    lasts: Duration,
    /// When it ends, in seconds since 1970.
    ends: u64,
}

impl Caller {
    pub(super) fn anybody() -> Self {
        Self(None)
    }

    pub(super) fn known(account: Arc<Account>, shared: Arc<Shared>) -> Self {
        Self(Some(Known { account, shared }))
    }

    /// The key's id, where there is one.
    pub(crate) fn key(&self) -> Option<&str> {
        self.0.as_ref().map(|known| known.account.key.id.as_str())
    }

    /// Whether a request of this caller may give `model` as its model: what a list of models leaves out for it.
    pub(crate) fn may_ask(&self, model: &str) -> bool {
        self.0.as_ref().is_none_or(|known| known.account.key.terms.allow(model))
    }

    /// Lets a request for `model` in that takes about so many tokens.
    ///
    /// # Errors
    /// `ModelNotFound` for a model that the key may not ask: it looks as one that is not there, so that nobody learns by
    /// asking what else is configured. `BudgetExceeded`, and `RateLimited` with the delay.
    pub(crate) fn admit(&self, model: &str, tokens: u64) -> Result<Admission> {
        let Some(known) = &self.0 else { return Ok(Admission(None)) };
        let terms = &known.account.key.terms;
        if !self.may_ask(model) {
            let message = format!("no model `{model}` here: name one of {}", terms.models.join(", "));
            return Err(Error::new(ErrorKind::ModelNotFound, message));
        }
        let (minute, lasts) = known.shared.minute();
        let mut books = known.account.books(known.shared.day());
        if books.purse().remaining() == Some(0) {
            let message = "the budget of this access key is spent: ask for a larger one, or wait for the next day or month (UTC)";
            return Err(Error::new(ErrorKind::BudgetExceeded, message));
        }
        let share =
            books.window.take(minute, terms, tokens).map_err(|full| refused(full, lasts, tokens, known))?;
        let left = books.window.left(minute, terms);
        drop(books);
        let quotas = Quotas { left, lasts, ends: (minute + 1) * 60 };
        Ok(Admission(Some(Admitted { caller: known.clone(), share, quotas })))
    }

    /// What is left of the key's minute, for the answer to a request that was not let in.
    pub(crate) fn quotas(&self) -> Quotas {
        let Some(known) = &self.0 else { return Quotas::default() };
        let (minute, lasts) = known.shared.minute();
        let left = known.account.books(known.shared.day()).window.left(minute, &known.account.key.terms);
        Quotas { left, lasts, ends: (minute + 1) * 60 }
    }

    /// What the key may spend now. Whoever spends without an orchestrator spends in it too.
    pub(crate) fn purse(&self) -> Option<Purse> {
        let known = self.0.as_ref()?;
        known.shared.list(&known.account);
        Some(known.account.books(known.shared.day()).purse().clone())
    }
}

fn refused(full: Full, lasts: Duration, tokens: u64, known: &Known) -> Error {
    let terms = &known.account.key.terms;
    let (requests, most) =
        (terms.requests_per_minute.unwrap_or_default(), terms.tokens_per_minute.unwrap_or_default());
    let again = format!("try again in {}", reset(lasts));
    let message = match full {
        Full::Requests => format!("this access key has {requests} requests in a minute: {again}"),
        Full::Tokens => format!(
            "this access key has {most} tokens in a minute, and the request may take {tokens}: {again}, or lower `max_tokens`"
        ),
        Full::Never => {
            let message = format!(
                "the request may take {tokens} tokens, and this access key has {most} in a minute: lower `max_tokens` or shorten it"
            );
            // No waiting helps, so that it is no limit of rate to whoever asks again by itself.
            return Error::new(ErrorKind::InvalidRequest, message);
        }
    };
    Error::new(ErrorKind::RateLimited, message).with_retry_after(lasts)
}

impl Admission {
    /// Writes `x-ratelimit-*`.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(Admitted { quotas, .. }) = &self.0 {
            quotas.write(headers);
        }
    }

    /// Writes `anthropic-ratelimit-*`.
    pub(crate) fn write_as_anthropic(&self, headers: &mut HeaderMap) {
        if let Some(Admitted { quotas, .. }) = &self.0 {
            quotas.write_as_anthropic(headers);
        }
    }

    /// Tells what the request took in the end.
    pub(crate) fn settle(self, tokens: u64) {
        let Some(Admitted { caller: Known { account, shared }, share, .. }) = self.0 else { return };
        account.books(shared.day()).window.settle(shared.minute().0, share, tokens);
        shared.list(&account);
    }
}

/// Names of OpenAI's and of Anthropic's heads for each of the two limits: limit, remaining, reset.
static NAMES: [[[HeaderName; 3]; 2]; 2] = [
    [
        [
            HeaderName::from_static("x-ratelimit-limit-requests"),
            HeaderName::from_static("x-ratelimit-remaining-requests"),
            HeaderName::from_static("x-ratelimit-reset-requests"),
        ],
        [
            HeaderName::from_static("anthropic-ratelimit-requests-limit"),
            HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
            HeaderName::from_static("anthropic-ratelimit-requests-reset"),
        ],
    ],
    [
        [
            HeaderName::from_static("x-ratelimit-limit-tokens"),
            HeaderName::from_static("x-ratelimit-remaining-tokens"),
            HeaderName::from_static("x-ratelimit-reset-tokens"),
        ],
        [
            HeaderName::from_static("anthropic-ratelimit-tokens-limit"),
            HeaderName::from_static("anthropic-ratelimit-tokens-remaining"),
            HeaderName::from_static("anthropic-ratelimit-tokens-reset"),
        ],
    ],
];

impl Quotas {
    /// Writes `x-ratelimit-*`, as OpenAI does.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        self.write_named(headers, 0, || reset(self.lasts));
    }

    /// Writes `anthropic-ratelimit-*`, as Anthropic does.
    pub(crate) fn write_as_anthropic(&self, headers: &mut HeaderMap) {
        self.write_named(headers, 1, || timestamp(self.ends));
    }

    fn write_named(&self, headers: &mut HeaderMap, form: usize, reset: impl Fn() -> String) {
        for (left, names) in self.left.iter().zip(&NAMES) {
            let Some(Left { limit, remaining }) = left else { continue };
            let [limit_name, remaining_name, reset_name] = &names[form];
            headers.insert(limit_name, HeaderValue::from(*limit));
            headers.insert(remaining_name, HeaderValue::from(*remaining));
            if let Ok(reset) = HeaderValue::from_str(&reset()) {
                headers.insert(reset_name, reset);
            }
        }
    }
}
