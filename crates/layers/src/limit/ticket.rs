//! One request at the gate: it waits for its place, holds it, and frees it.

use std::{error::Error as _, sync::Arc};

use tokio::time::Instant;
use ultraai_core::{
    CallContext, ChatEvent, ChatReply, ChatRequest, Error, ErrorKind, QuotaObserver, RateLimits, Result,
    StreamGuard, Usage, estimate::tokens_of_request,
};

use super::{
    gate::{Entered, Gate, Refusal},
    line::{Amount, Place},
};
use crate::shared::calls::{LateStart, PATIENCE, of_candidate};

/// Tokens of an answer that has no upper bound, until it is there: about a page of text.
const ANSWER_TOKENS: u64 = 500;

/// A place under the limits. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Ticket {
    seen: Arc<Seen>,
    came: Instant,
    began: Instant,
    is_open: bool,
}

/// Who holds which place; what the provider says of its limits comes here.
#[derive(Debug)]
struct Seen {
    gate: Arc<Gate>,
    place: Place,
}

impl QuotaObserver for Seen {
    fn observe(&self, limits: &RateLimits) {
        self.gate.observe(limits, &self.place);
    }
}

impl Ticket {
    /// Waits for a place.
    pub(super) async fn wait(gate: Arc<Gate>, cx: &CallContext, request: &ChatRequest) -> Result<Self> {
        let amount = amount(&gate, request);
        let now = Instant::now();
        let refused = |refusal| refused(cx, refusal);
        // Who need not have its answer from here does not wait: the first leg is under way, or another candidate is free.
        let waits = !cx.is_hedge() && !cx.has_spare();
        match gate.enter(&amount, cx.deadline(), waits, now).map_err(refused)? {
            Entered::Place(place) => Ok(Self::new(gate, place, now, now)),
            Entered::Queue(wait) => {
                let place = wait.await.map_err(refused)?;
                Ok(Self::new(gate, place, now, Instant::now()))
            }
        }
    }

    fn new(gate: Arc<Gate>, place: Place, came: Instant, began: Instant) -> Self {
        Self { seen: Arc::new(Seen { gate, place }), came, began, is_open: true }
    }

    /// Who is told what the provider says of its limits.
    pub(super) fn observer(&self) -> Arc<dyn QuotaObserver> {
        self.seen.clone()
    }

    /// Whether somebody wants to know what was used.
    pub(super) fn counts_tokens(&self) -> bool {
        self.seen.gate.counts_tokens()
    }

    /// Keeps the place to the end of a live answer; that of a whole one is free at once.
    pub(super) fn answered(mut self, reply: ChatReply) -> ChatReply {
        self.seen.gate.took(self.began.elapsed());
        if reply.is_live() {
            return reply.guarded(Held { ticket: self, usage: None });
        }
        self.free(None);
        reply
    }

    /// The same, for a whole answer whose tokens are counted.
    pub(super) async fn counted(mut self, reply: ChatReply) -> Result<ChatReply> {
        self.seen.gate.took(self.began.elapsed());
        let response = reply.collect().await?;
        self.free(response.usage);
        Ok(ChatReply::whole(response))
    }

    /// Frees the place of an attempt that failed, and learns from its error.
    pub(super) fn failed(mut self, cx: &CallContext, error: Error) -> Error {
        if error.is_unsent() {
            self.is_open = false;
            self.seen.gate.give_back(&self.seen.place);
            return error;
        }
        self.learn(&error);
        let (began, waited) = (self.began, self.began - self.came);
        self.free(error.partial().and_then(|partial| partial.usage));
        let was_late = !waited.is_zero()
            && error.kind() == ErrorKind::Timeout
            && cx.deadline().is_some_and(|deadline| deadline <= Instant::now())
            && began.elapsed() < PATIENCE;
        // The breaker outside sees only how long it took in all.
        if was_late && error.source().is_none() { error.with_source(LateStart { waited }) } else { error }
    }

    /// What a provider that refuses asks for holds for everybody.
    fn learn(&self, error: &Error) {
        if matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Overloaded)
            && let Some(delay) = error.retry_after()
        {
            self.seen.gate.hold(delay);
        }
    }

    fn free(&mut self, usage: Option<Usage>) {
        if std::mem::take(&mut self.is_open) {
            let tokens = usage.map(|usage| usage.input_tokens.saturating_add(usage.output_tokens));
            // Nobody counted what is nothing.
            let tokens = tokens.filter(|tokens| *tokens > 0);
            self.seen.gate.free(&self.seen.place, tokens);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.free(None);
    }
}

/// Holds the place of a live answer.
struct Held {
    ticket: Ticket,
    usage: Option<Usage>,
}

impl StreamGuard for Held {
    fn on_event(&mut self, event: &ChatEvent) {
        if let ChatEvent::Usage(usage) = event {
            self.usage = Some(*usage);
        }
    }

    fn on_end(&mut self, end: &Result<()>) {
        if let Err(error) = end {
            self.ticket.learn(error);
        }
        self.ticket.free(self.usage);
    }
}

/// What a request takes. Tokens are counted only where somebody wants to know.
fn amount(gate: &Gate, request: &ChatRequest) -> Amount {
    if !gate.counts_tokens() {
        return Amount::ONE;
    }
    gate.amount(tokens_of_request(request), request.max_tokens.unwrap_or(ANSWER_TOKENS))
}

/// Says that nothing was sent, and when to come back.
fn refused(cx: &CallContext, refusal: Refusal) -> Error {
    let (what, wait) = match refusal {
        Refusal::Late(wait) => ("no place is free under the provider's limits while it may wait", wait),
        Refusal::Full(wait) => {
            ("too many requests wait already for a place under the provider's limits", wait)
        }
        Refusal::Busy(wait) => {
            ("no place is free under the provider's limits, and another leg or candidate may answer", wait)
        }
    };
    let message = match wait {
        Some(wait) => format!("{what}: one may be free for it in {:.1} s", wait.as_secs_f64()),
        None => format!("{what}: try again later"),
    };
    let mut error = Error::new(ErrorKind::RateLimited, message).unsent();
    if let Some(wait) = wait {
        error = error.with_retry_after(wait);
    }
    of_candidate(cx, error)
}
