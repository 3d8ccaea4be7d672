//! The access log: a line for each request, without content.
//!
//! It is no `tracing` event besides: who wants spans has those of the orchestrators, and who reads the log gets each request once.

mod log;
mod time;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use axum::http::{Method, request::Parts};
use serde::{Serialize, Serializer};
use tokio::time::Instant;
use ultraai::{Cost, Error, ErrorKind, Ledger, ProviderId};

pub(crate) use self::{log::Log, time::seconds as rfc3339};
use crate::{App, answer::cost, metrics::Counted, routes::route};

/// Bytes of a name or an address that a line repeats at most: callers choose them.
const LONGEST: usize = 256;

/// What the log says of requests that the server's own end cut off.
const SHUTDOWN: &str = "shutdown";

/// What is told of one request when it ends, however it ends.
#[derive(Debug)]
pub(crate) struct Record {
    /// The request's id, as the caller sees it.
    pub(crate) request_id: String,
    /// When it came.
    pub(crate) started: Instant,
    pub(crate) method: Method,
    /// Copied only where it is none of ours: what the head was read into is large, and must not live as long as this.
    pub(crate) path: Cow<'static, str>,
    /// The status that was answered; none where the caller left before.
    pub(crate) status: Option<u16>,
    /// The name that the request gave as its model.
    pub(crate) model: Option<String>,
    /// Which access key it came with, by its id.
    pub(crate) key: Option<String>,
    pub(crate) strategy: Option<Cow<'static, str>>,
    pub(crate) provider: Option<ProviderId>,
    pub(crate) is_stream: bool,
    /// What went wrong, by its kind.
    pub(crate) error: Option<&'static str>,
    /// Every attempt so far.
    pub(crate) ledger: Ledger,
    /// The answer came to its end, as far as it is ours: a live one was read to its last byte.
    pub(crate) is_complete: bool,
    /// Counts it as a request under way.
    under_way: Option<Counted>,
}

/// A line of the log.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(serialize_with = "time::rfc3339")]
    time: SystemTime,
    request_id: String,
    #[serde(serialize_with = "cut")]
    method: Method,
    #[serde(serialize_with = "cut")]
    path: Cow<'static, str>,
    status: Option<u16>,
    duration_seconds: f64,
    key: Option<String>,
    model: Option<String>,
    strategy: Option<Cow<'static, str>>,
    provider: Option<ProviderId>,
    stream: bool,
    attempts: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// How many of the tokens are estimates.
    estimated_tokens: u64,
    /// In US dollars; none where it is not known.
    #[serde(serialize_with = "dollars")]
    cost: Cost,
    error: Option<&'static str>,
    client_gone: bool,
}

impl Record {
    /// A request whose head has come.
    pub(crate) fn begin(app: &App, request_id: String, head: &Parts) -> Self {
        let path = head.uri.path();
        let route = route(path);
        Self {
            request_id,
            started: Instant::now(),
            method: head.method.clone(),
            path: if route == path { route.into() } else { path.to_owned().into() },
            status: None,
            model: None,
            key: None,
            strategy: None,
            provider: None,
            is_stream: false,
            error: None,
            ledger: Ledger::new(),
            is_complete: false,
            under_way: Some(app.metrics.request()),
        }
    }

    /// Tells it to the log and to the measurements.
    pub(crate) fn close(&mut self, app: &App, logs: bool) {
        let is_cut = !self.is_complete && app.lifecycle.cut().is_some();
        if is_cut {
            self.error = Some(SHUTDOWN);
        }
        let duration = self.started.elapsed().as_secs_f64();
        app.metrics.http_request(self.method.as_str(), route(&self.path), self.status, self.error, duration);
        self.under_way = None;
        if !logs {
            return;
        }
        let totals = self.ledger.totals();
        let sum = |of: fn(&ultraai::ledger::TokenSum) -> u64| of(&totals.reported) + of(&totals.estimated);
        let line = Line {
            time: SystemTime::now(),
            request_id: std::mem::take(&mut self.request_id),
            method: self.method.clone(),
            path: std::mem::take(&mut self.path),
            status: self.status,
            duration_seconds: (duration * 1e6).round() / 1e6,
            key: self.key.take(),
            model: self.model.take(),
            strategy: self.strategy.take(),
            provider: self.provider.take(),
            stream: self.is_stream,
            attempts: totals.attempts,
            input_tokens: sum(|tokens| tokens.input_tokens),
            output_tokens: sum(|tokens| tokens.output_tokens),
            estimated_tokens: totals.estimated.input_tokens + totals.estimated.output_tokens,
            cost: totals.cost(),
            error: self.error,
            client_gone: !self.is_complete && !is_cut,
        };
        app.log.push(line);
    }
}

/// What the log says of an error.
pub(crate) fn word_of(error: &Error) -> &'static str {
    match (error.kind(), error.provider()) {
        (ErrorKind::Interrupted, None) => SHUTDOWN,
        (kind, _) => kind.as_str(),
    }
}

/// Writes at most the start of a text that the caller chose.
fn cut<S: Serializer>(text: &impl AsRef<str>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = text.as_ref();
    match text.len() <= LONGEST {
        true => serializer.serialize_str(text),
        false => serializer.collect_str(&format_args!("{}…", &text[..text.floor_char_boundary(LONGEST)])),
    }
}

fn dollars<S: Serializer>(amount: &Cost, serializer: S) -> Result<S::Ok, S::Error> {
    match amount {
        Cost::Unknown => serializer.serialize_none(),
        Cost::NanoDollars(_) => serializer.collect_str(&cost(*amount)),
    }
}

impl App {
    /// Writes the access log to `place` in place of standard output. Call it before requests come.
    #[must_use]
    pub fn with_access_log(mut self, place: impl std::io::Write + Send + 'static) -> Self {
        self.log = Arc::new(Log::to(Box::new(place)));
        self
    }
}
