//! What is known of an access key: its terms, what is stored of it, and what is shown.

use serde::{Deserialize, Serialize};
use ultraai::{Error, ErrorKind, Result};

use super::token::SecretHash;

/// The longest name of a key or of a model that is taken.
const LONGEST_NAME: usize = 256;

/// What a key is for and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyTerms {
    /// What people call it.
    pub name: String,
    /// The seconds since 1970 from which on it is refused. Default: never.
    pub expires: Option<u64>,
    /// The names that requests may give as their model: exact ones, and `PROVIDER/*` for the provider `PROVIDER` and all of
    /// its models. Default: every name.
    pub models: Vec<String>,
    /// Upper bound of requests in a minute. Default: none.
    pub requests_per_minute: Option<u64>,
    /// Upper bound of tokens in a minute, of requests and answers together. Default: none.
    pub tokens_per_minute: Option<u64>,
    /// Upper bound of what is spent on a day, from midnight UTC on. Default: none.
    pub budget_per_day_nano_dollars: Option<u64>,
    /// Upper bound of what is spent in a month of the calendar, by UTC. Default: none.
    pub budget_per_month_nano_dollars: Option<u64>,
}

impl KeyTerms {
    /// Terms without limits of a key of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Whether a request may give `model` as its model.
    pub fn allow(&self, model: &str) -> bool {
        self.models.is_empty()
            || self.models.iter().any(|allowed| match allowed.strip_suffix("/*") {
                Some(provider) => {
                    model.strip_prefix(provider).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                }
                None => allowed == model,
            })
    }

    /// Whether anything limits what is spent.
    pub(crate) fn has_budget(&self) -> bool {
        self.budget_per_day_nano_dollars.is_some() || self.budget_per_month_nano_dollars.is_some()
    }

    /// Whether anything limits a minute.
    pub(crate) fn has_limits(&self) -> bool {
        self.requests_per_minute.is_some() || self.tokens_per_minute.is_some()
    }

    /// # Errors
    /// `Config`, which says what is wrong.
    pub(crate) fn check(&self, now: u64) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        let is_plain = |name: &str| {
            !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
        };
        if !is_plain(&self.name) {
            return wrong(format!(
                "the name of a key must be 1 to {LONGEST_NAME} bytes without line breaks: say who or what it is for"
            ));
        }
        if let Some(model) = self.models.iter().find(|model| {
            let name = model.strip_suffix("/*").unwrap_or(model);
            !is_plain(name) || name.contains('*') || name.contains(char::is_whitespace)
        }) {
            return wrong(format!(
                "`{model}` is no name of a model: write one as requests do, or PROVIDER/* for all of a provider"
            ));
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return wrong("the key would have expired already: name a later moment".to_owned());
        }
        for (name, limit) in
            [("requests_per_minute", self.requests_per_minute), ("tokens_per_minute", self.tokens_per_minute)]
        {
            if limit == Some(0) {
                return wrong(format!("`{name}` is 0: it must be at least 1"));
            }
        }
        Ok(())
    }
}

/// A key as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoredKey {
    /// Its name to programs, which is no secret.
    pub id: String,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// From when on it is refused because somebody revoked it, in seconds since 1970.
    pub revoked: Option<u64>,
    /// What it may do.
    pub terms: KeyTerms,
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyStatus {
    /// It does.
    Live,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl KeyStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyView {
    /// Its name to programs.
    pub id: String,
    /// Whether it opens anything.
    pub status: KeyStatus,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it was revoked, in seconds since 1970.
    pub revoked: Option<u64>,
    /// When a request came with it last, in seconds since 1970.
    pub last_used: Option<u64>,
    /// What was spent today, by UTC.
    pub spent_today_nano_dollars: u64,
    /// What was spent in this month of the calendar, by UTC.
    pub spent_this_month_nano_dollars: u64,
    /// What it may do.
    pub terms: KeyTerms,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_ask_what_its_terms_name_and_without_names_everything() {
        let mut terms = KeyTerms::new("a");
        assert!(terms.allow("anything"));
        terms.models = vec!["default".into(), "openai/*".into(), "near/small".into()];
        for name in ["default", "openai", "openai/gpt-5", "openai/a/b", "near/small"] {
            assert!(terms.allow(name), "{name}");
        }
        for name in ["defaults", "default/x", "openai2/gpt-5", "near", "near/large", "near/small2", "", "*"] {
            assert!(!terms.allow(name), "{name}");
        }
    }

    #[test]
    fn terms_that_mean_nothing_are_refused() {
        let right = KeyTerms { models: vec!["a".into(), "b/*".into()], ..KeyTerms::new("who") };
        right.check(0).unwrap();
        let refusal = |change: fn(&mut KeyTerms)| {
            let mut terms = right.clone();
            change(&mut terms);
            terms.check(100).unwrap_err().to_string()
        };
        assert!(refusal(|terms| terms.name = " ".into()).contains("the name of a key"));
        assert!(refusal(|terms| terms.name = "a\nb".into()).contains("without line breaks"));
        for model in ["", "*", "/*", "a*", "a b", "*/x"] {
            let terms = KeyTerms { models: vec![model.into()], ..right.clone() };
            assert!(terms.check(0).unwrap_err().to_string().contains("no name of a model"), "{model}");
        }
        assert!(refusal(|terms| terms.expires = Some(100)).contains("expired already"));
        assert!(refusal(|terms| terms.requests_per_minute = Some(0)).contains("`requests_per_minute`"));
        assert!(refusal(|terms| terms.tokens_per_minute = Some(0)).contains("`tokens_per_minute`"));
    }
}
