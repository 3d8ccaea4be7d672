//! Errors as data.

use serde::{Deserialize, Serialize};

use crate::{ChatResponse, Error, ErrorKind, ProviderId};

/// An [`Error`] as data, for outcomes, ledgers and JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The message without provider and status.
    pub message: String,
    /// The candidate it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<ProviderId>,
    /// The HTTP status, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The delay that the provider asked for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<f64>,
    /// The provider's own id of the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What was received of the answer that failed: one that broke off, or that broke its schema. Only the reports among an
    /// outcome's responses hold it. It is content, as answers are: no log and no message repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<ChatResponse>>,
    /// The errors that led to this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<ErrorReport>,
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            provider_id: error.provider().cloned(),
            status: error.status(),
            retry_after_seconds: error.retry_after().map(|delay| delay.as_secs_f64()),
            request_id: error.request_id().map(str::to_owned),
            // Whoever keeps the answers adds it; it stands there once, and not with each error that came of it.
            partial: None,
            causes: error.causes().iter().map(Self::from).collect(),
        }
    }
}
