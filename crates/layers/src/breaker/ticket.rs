//! One attempt that was let through, until it is known what it says of the candidate.

use std::{error::Error as _, sync::Arc};

use tokio::time::Instant;
use ultraai_core::{CallContext, ChatReply, Error, ErrorKind, ProviderId, Result, StreamGuard};

use super::cell::{Cell, Change, Failure, Outcome, Pass};
use crate::shared::calls::LateStart;

/// Purpose number of the jitter's random numbers.
const PURPOSE: u64 = 0x4252_4b52;

/// One attempt that was let through. Dropped before its end, it says nothing.
#[derive(Debug)]
pub(super) struct Ticket {
    cell: Arc<Cell>,
    pass: Option<Pass>,
    started: Instant,
}

impl Ticket {
    /// Begins an attempt, unless the breaker refuses it.
    pub(super) fn new(cell: Arc<Cell>, started: Instant, has_spare: bool) -> Result<Self> {
        let pass = Some(cell.admit(started, has_spare)?);
        Ok(Self { cell, pass, started })
    }

    /// Counts an answer. A live one is watched to its end: its first content is a sign of life, a break after it a failure.
    pub(super) fn answered(mut self, cx: &CallContext, reply: ChatReply) -> ChatReply {
        let Some(pass) = self.count(cx, Outcome::Alive) else { return reply };
        if !reply.is_live() {
            return reply;
        }
        let (cell, cx) = (Arc::clone(&self.cell), cx.clone());
        reply.guarded(Watch { cell, pass, cx, committed: Instant::now() })
    }

    /// Counts an attempt that failed.
    pub(super) fn failed(mut self, cx: &CallContext, error: &Error) {
        if let Some(outcome) = outcome_of(cx, self.started, false, error) {
            self.count(cx, outcome);
        }
    }

    fn count(&mut self, cx: &CallContext, outcome: Outcome) -> Option<Pass> {
        let (pass, change) = self.cell.count(self.pass.take()?, outcome);
        tell(cx, change);
        Some(pass)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.cell.leave(pass);
        }
    }
}

/// Sees whether a live answer breaks after its first content.
struct Watch {
    cell: Arc<Cell>,
    pass: Pass,
    cx: CallContext,
    committed: Instant,
}

impl StreamGuard for Watch {
    fn on_end(&mut self, end: &Result<()>) {
        let Err(error) = end else { return };
        // Patience from the first content on: what came before may have been a wait for its place.
        if let Some(Outcome::Failed(failure)) = outcome_of(&self.cx, self.committed, true, error) {
            tell(&self.cx, self.cell.take_back(self.pass, failure));
        }
    }
}

/// Whether it was the caller's hurry that ended it, and nothing of the candidate's.
fn is_hurried(cx: &CallContext, since: Instant, has_content: bool, error: &Error) -> bool {
    let is_late = || error.source().is_some_and(<dyn std::error::Error>::is::<LateStart>);
    error.kind() == ErrorKind::Timeout && (is_late() || cx.is_hurried(since, has_content))
}

/// What an error says of the candidate, where it says something. It ends what began at `since`.
fn outcome_of(cx: &CallContext, since: Instant, has_content: bool, error: &Error) -> Option<Outcome> {
    use ErrorKind as K;
    if error.is_unsent() || is_hurried(cx, since, has_content, error) {
        return None;
    }
    match error.kind() {
        why if why.is_candidates_fault() => {
            let (asked, draw) = (error.retry_after(), cx.rng(PURPOSE).f64());
            Some(Outcome::Failed(Failure { why, asked, draw }))
        }
        // It read the request, and gave its opinion of it.
        K::Rejected
        | K::InvalidRequest
        | K::Unsupported
        | K::ContextTooLong
        | K::ContentFiltered
        | K::EmptyAnswer
        | K::NoGoodAnswer => Some(Outcome::Alive),
        // Nothing that the candidate said.
        _ => None,
    }
}

/// Writes a change into the log, without anything that was asked or answered.
fn tell(cx: &CallContext, change: Option<Change>) {
    let provider_id = cx.candidate().map(ProviderId::as_str);
    match change {
        Some(Change::Opened { why, open_time }) => tracing::warn!(
            ultraai.provider_id = provider_id,
            error.r#type = why.as_str(),
            open_seconds = open_time.as_secs_f64(),
            "the breaker opened"
        ),
        Some(Change::Closed) => tracing::info!(ultraai.provider_id = provider_id, "the breaker closed"),
        None => {}
    }
}
