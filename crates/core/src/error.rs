//! The one error type, and the one table that says what to do about it.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ChatResponse, ProviderId, orchestrator::Report};

/// What went wrong, in the words that retry, breakers and strategies share.
///
/// [`ErrorKind::recovery`] says for each kind who may still succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The provider asks to slow down (429). Retry, after its own delay when it names one.
    RateLimited,
    /// The provider is overloaded (503, 529). Retry.
    Overloaded,
    /// The provider failed (other 5xx, 408, 409). Retry.
    ServerError,
    /// No connection could be made. Retry.
    Connect,
    /// A limit of time passed. Retry, while the deadline allows it.
    Timeout,
    /// The answer broke off before its end. Retry before the commit point, never after.
    Interrupted,
    /// The key is missing upstream or wrong (401). Fail over.
    Authentication,
    /// The key may not do this (403). Fail over.
    PermissionDenied,
    /// The model or the address is unknown there (404). Fail over.
    ModelNotFound,
    /// The request does not fit the model's context window or the provider's size limit (413). Fail over.
    ContextTooLong,
    /// The provider withheld the answer, as an error of its own or by its filter where another candidate is asked in its place. Fail
    /// over.
    ContentFiltered,
    /// The account's money or quota is used up (402, or 429 with `insufficient_quota`). Fail over.
    QuotaExhausted,
    /// The provider's bytes are no answer of its protocol. Fail over.
    Undecodable,
    /// The answer ended by itself and holds nothing. Fail over. One that ended at its length, at a stop sequence, at a filter or to
    /// be continued is incomplete, and no error.
    EmptyAnswer,
    /// The answer is incomplete, a refusal, or not of the form that was asked for, where a good one was needed. Fail over.
    NoGoodAnswer,
    /// This candidate cannot do what the request asks for. Fail over.
    Unsupported,
    /// The provider refused the request (400, 422): mostly its own rule. Fail over.
    Rejected,
    /// The candidate's breaker is open. Fail over at once.
    CircuitOpen,
    /// Every candidate that could be asked failed, or too few answered. Fail over.
    Exhausted,
    /// As many requests are under way and as many wait as the orchestrator admits. Fail over.
    QueueFull,
    /// The request is malformed: nobody can answer it. Give up.
    InvalidRequest,
    /// The configuration is wrong. Give up.
    Config,
    /// A budget does not hold what an attempt may cost. Fail over: a cheaper candidate may fit.
    BudgetExceeded,
    /// A budget is to be kept, and nobody knows what an attempt costs. Fail over: the price of another model may be known.
    PriceUnknown,
    /// The caller does not want the answer any more. Give up.
    Cancelled,
}

/// Who may still succeed after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The same candidate may succeed.
    Retry,
    /// Another candidate may succeed.
    FailOver,
    /// Nobody can succeed.
    GiveUp,
}

impl ErrorKind {
    /// The kind of error that an HTTP status means, before anything that the body says.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::QuotaExhausted,
            403 => Self::PermissionDenied,
            404 => Self::ModelNotFound,
            413 => Self::ContextTooLong,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            // Timeouts and conflicts of the server's own making pass, as its failures do.
            408 | 409 | 425 | 500.. => Self::ServerError,
            _ => Self::Rejected,
        }
    }

    /// Returns who may still succeed. This is the only place that decides it.
    pub fn recovery(self) -> Recovery {
        use ErrorKind as K;
        match self {
            K::RateLimited | K::Overloaded | K::ServerError | K::Connect | K::Timeout | K::Interrupted => {
                Recovery::Retry
            }
            K::Authentication
            | K::PermissionDenied
            | K::ModelNotFound
            | K::ContextTooLong
            | K::ContentFiltered
            | K::QuotaExhausted
            | K::Undecodable
            | K::EmptyAnswer
            | K::NoGoodAnswer
            | K::Unsupported
            | K::Rejected
            | K::CircuitOpen
            | K::Exhausted
            | K::QueueFull
            | K::BudgetExceeded
            | K::PriceUnknown => Recovery::FailOver,
            K::InvalidRequest | K::Config | K::Cancelled => Recovery::GiveUp,
        }
    }

    /// Returns whether the failure speaks against the candidate's health, and not only against this request. What one caller can
    /// provoke by what he asks, such as an empty answer, speaks against nobody: others would pay for it.
    pub fn is_candidates_fault(self) -> bool {
        use ErrorKind as K;
        matches!(
            self,
            K::RateLimited
                | K::Overloaded
                | K::ServerError
                | K::Connect
                | K::Timeout
                | K::Interrupted
                | K::Authentication
                | K::PermissionDenied
                | K::ModelNotFound
                | K::QuotaExhausted
                | K::Undecodable
        )
    }

    /// Returns the name as it stands in JSON, in `error.type` and in statistics.
    pub fn as_str(self) -> &'static str {
        use ErrorKind as K;
        match self {
            K::RateLimited => "rate_limited",
            K::Overloaded => "overloaded",
            K::ServerError => "server_error",
            K::Connect => "connect",
            K::Timeout => "timeout",
            K::Interrupted => "interrupted",
            K::Authentication => "authentication",
            K::PermissionDenied => "permission_denied",
            K::ModelNotFound => "model_not_found",
            K::ContextTooLong => "context_too_long",
            K::ContentFiltered => "content_filtered",
            K::QuotaExhausted => "quota_exhausted",
            K::Undecodable => "undecodable",
            K::EmptyAnswer => "empty_answer",
            K::NoGoodAnswer => "no_good_answer",
            K::Unsupported => "unsupported",
            K::Rejected => "rejected",
            K::CircuitOpen => "circuit_open",
            K::Exhausted => "exhausted",
            K::QueueFull => "queue_full",
            K::InvalidRequest => "invalid_request",
            K::Config => "config",
            K::BudgetExceeded => "budget_exceeded",
            K::PriceUnknown => "price_unknown",
            K::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error of any part of UltraAI.
///
/// `Display` prints this level only: the provider when there is one, the message, and the HTTP status.
/// Causes are in [`source`](StdError::source) and [`Error::causes`]. No text of an error holds a prompt, an
/// answer or a key; the provider's own body is reachable through [`Error::body`] for those who ask.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    provider: Option<ProviderId>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    unsent: bool,
    request_id: Option<String>,
    body: Option<Bytes>,
    partial: Option<ChatResponse>,
    causes: Vec<Error>,
    /// Errors of the candidates that were asked in this one's place.
    fallbacks: Vec<Error>,
    report: Option<Arc<Report>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`. The message is a lowercase fragment: what is wrong, and what to do next.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            provider: None,
            status: None,
            retry_after: None,
            unsent: false,
            request_id: None,
            body: None,
            partial: None,
            causes: Vec::new(),
            fallbacks: Vec::new(),
            report: None,
            source: None,
        }))
    }

    /// Adds the candidate it concerns.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Says it in other words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the delay that the provider asked for.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Says that nothing was sent: what was refused here, before a socket, is no attempt, stands in no ledger and speaks
    /// against no provider.
    #[must_use]
    pub fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// Adds the provider's own id of the exchange.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the provider's body. It is never printed.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = Some(body);
        self
    }

    /// Adds what was received before the answer broke off.
    #[must_use]
    pub fn with_partial(mut self, partial: ChatResponse) -> Self {
        self.0.partial = Some(partial);
        self
    }

    /// Adds the errors that led to this one, each with its provider.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<Error>) -> Self {
        self.0.causes = causes;
        self
    }

    /// Adds the ledger and the trace of the request that failed.
    #[must_use]
    pub fn with_report(mut self, report: Report) -> Self {
        self.0.report = Some(Arc::new(report));
        self
    }

    /// Adds the cause of another library.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Adds the errors of the candidates that were asked in this one's place.
    #[must_use]
    pub(crate) fn with_fallbacks(mut self, fallbacks: Vec<Error>) -> Self {
        self.0.fallbacks = fallbacks;
        self
    }

    /// The error, and those of the candidates that were asked in its candidate's place.
    pub(crate) fn with_fallbacks_apart(mut self) -> Vec<Error> {
        let fallbacks = std::mem::take(&mut self.0.fallbacks);
        std::iter::once(self).chain(fallbacks).collect()
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message without provider and status.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The candidate it concerns.
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.provider.as_ref()
    }

    /// The HTTP status, when there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The delay that the provider asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether it was refused here, and nothing was sent.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// Whether the candidate had no place under its limits, and nobody waited for one: it may be asked again, and waited for,
    /// where nobody else answers.
    pub fn had_no_place(&self) -> bool {
        self.0.unsent && self.0.kind == ErrorKind::RateLimited
    }

    /// The provider's own id of the exchange.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The provider's body as it came; it may quote the request.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// What was received before the answer broke off; its usage is an estimate unless reported.
    pub fn partial(&self) -> Option<&ChatResponse> {
        self.0.partial.as_ref()
    }

    /// The errors that led to this one, in the order of the candidates.
    pub fn causes(&self) -> &[Error] {
        &self.0.causes
    }

    /// The ledger and the trace of the request that failed: what it cost all the same.
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_deref()
    }

    /// Replaces `needle` in the message, so that a secret or a prompt that a provider echoed is not passed on.
    #[must_use]
    pub fn redacted(mut self, needle: &str, by: &str) -> Self {
        if !needle.is_empty() && self.0.message.contains(needle) {
            self.0.message = self.0.message.replace(needle, by);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.0.provider {
            write!(f, "{provider}: ")?;
        }
        f.write_str(&self.0.message)?;
        match self.0.status {
            Some(status) => write!(f, " (HTTP {status})"),
            None => Ok(()),
        }
    }
}

/// For people, since a program whose `main` returns an error prints it so: the error, and a line for each cause. `{:#?}` shows
/// the fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{self} ({})", self.0.kind)?;
            return match (self.0.causes.as_slice(), &self.0.source) {
                ([], Some(source)) => write!(f, "\n  because: {source}"),
                (causes, _) => {
                    causes.iter().try_for_each(|cause| write!(f, "\n  {cause} ({})", cause.0.kind))
                }
            };
        }
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(provider) = &self.0.provider {
            debug.field("provider", provider);
        }
        if let Some(status) = self.0.status {
            debug.field("status", &status);
        }
        if let Some(delay) = self.0.retry_after {
            debug.field("retry_after", &delay);
        }
        if !self.0.causes.is_empty() {
            debug.field("causes", &self.0.causes);
        }
        debug.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match (&self.0.source, self.0.causes.first()) {
            (Some(source), _) => Some(source.as_ref()),
            (None, Some(first)) => Some(first),
            (None, None) => None,
        }
    }
}

/// The result of nearly everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_prints_this_level_only() {
        let cause = Error::new(ErrorKind::Connect, "the connection was refused");
        let error = Error::new(ErrorKind::Exhausted, "no candidate answered")
            .with_provider(ProviderId::new("fast").unwrap())
            .with_status(503)
            .with_causes(vec![cause]);
        assert_eq!(error.to_string(), "fast: no candidate answered (HTTP 503)");
        assert_eq!(error.source().unwrap().to_string(), "the connection was refused");
        let lines =
            "fast: no candidate answered (HTTP 503) (exhausted)\n  the connection was refused (connect)";
        assert_eq!(format!("{error:?}"), lines);
    }

    #[test]
    fn a_kinds_json_is_its_name() {
        for kind in
            [ErrorKind::RateLimited, ErrorKind::Undecodable, ErrorKind::Cancelled, ErrorKind::Exhausted]
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
