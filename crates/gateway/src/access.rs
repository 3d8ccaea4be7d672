//! The access log: a line for each request, without content.

use std::time::Instant;

use ultraai::Ledger;

use crate::App;

/// What is told of one request when it ends, however it ends.
#[derive(Debug)]
pub(crate) struct Record {
    /// The request's id, as the caller sees it.
    pub(crate) request_id: String,
    /// When it came.
    pub(crate) started: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The status that was answered; none where the caller left before.
    pub(crate) status: Option<u16>,
    /// The name that the request gave as its model.
    pub(crate) model: Option<String>,
    /// Which access key it came with, by its id.
    pub(crate) key: Option<String>,
    pub(crate) strategy: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) is_stream: bool,
    /// What went wrong, by its kind.
    pub(crate) error: Option<&'static str>,
    /// Every attempt so far.
    pub(crate) ledger: Ledger,
}

impl Record {
    /// Tells it to the log and to the measurements.
    pub(crate) fn close(&self, _app: &App) {}
}
