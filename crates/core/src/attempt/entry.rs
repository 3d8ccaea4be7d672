//! The ledger row and the counters of one attempt, closed exactly once.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Span, field};

use super::Attempt;
use crate::{
    AbandonReason, CallContext, ChatEvent, ChatRequest, Cost, Error, ErrorKind, Price, ProviderId, Usage,
    estimate::{Written, tokens_of_request},
    ledger::{Row, RowId, RowOutcome},
    stats::CandidateStats,
};

/// A deadline that passes within this time says more about the caller than about the candidate.
const PATIENCE: Duration = Duration::from_secs(5);

/// One attempt in the books. Dropped before its end, it was abandoned.
#[derive(Debug)]
pub(super) struct Entry {
    cx: CallContext,
    row: RowId,
    provider_id: ProviderId,
    request: Arc<ChatRequest>,
    stats: Arc<CandidateStats>,
    price: Option<Price>,
    started: Instant,
    written: Written,
    usage: Option<Usage>,
    model: Option<String>,
    has_content: bool,
    /// Whether something was said that is no reasoning and no white space.
    has_answer: bool,
    open: bool,
    span: Span,
}

impl Entry {
    pub(super) fn open(
        attempt: &Attempt,
        cx: &CallContext,
        request: &Arc<ChatRequest>,
        started: Instant,
    ) -> Self {
        let ledger = cx.ledger();
        let model = request.model.as_ref().map(crate::ModelName::as_str);
        let row = ledger.open(Row {
            id: RowId(0),
            parent: cx.parent(),
            is_span: false,
            ask: cx.ask(),
            provider_id: attempt.provider_id.clone(),
            provider_name: Arc::clone(&attempt.provider_name),
            request_model: model.map(str::to_owned),
            response_model: None,
            attempt: cx.attempt(),
            outcome: RowOutcome::Running,
            error: None,
            reason: None,
            usage: None,
            cost: Cost::Unknown,
            started_seconds: started.duration_since(ledger.started()).as_secs_f64(),
            time_to_first_chunk_seconds: None,
            duration_seconds: None,
        });
        attempt.stats.started(cx.attempt() > 0);
        // The names are those of the OpenTelemetry GenAI conventions; content is never recorded.
        let span = tracing::info_span!(
            "chat",
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = attempt.inner.name(),
            gen_ai.request.model = model,
            gen_ai.response.model = field::Empty,
            gen_ai.usage.input_tokens = field::Empty,
            gen_ai.usage.output_tokens = field::Empty,
            error.r#type = field::Empty,
            ultraai.provider_id = attempt.provider_id.as_str(),
            ultraai.request_id = cx.request_id(),
            ultraai.attempt = cx.attempt(),
        );
        Self {
            cx: cx.clone(),
            row,
            provider_id: attempt.provider_id.clone(),
            request: Arc::clone(request),
            stats: Arc::clone(&attempt.stats),
            price: attempt.price.clone(),
            started,
            written: Written::default(),
            usage: None,
            model: None,
            has_content: false,
            has_answer: false,
            open: true,
            span,
        }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn row(&self) -> RowId {
        self.row
    }

    pub(super) fn provider_id(&self) -> &ProviderId {
        &self.provider_id
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Counts an event of a live answer.
    pub(super) fn observe(&mut self, event: &ChatEvent) {
        if !self.has_content && event.is_commit() {
            self.has_content = true;
            let after = self.started.elapsed();
            self.stats.first_event(after);
            self.cx
                .ledger()
                .update(self.row, |row| row.time_to_first_chunk_seconds = Some(after.as_secs_f64()));
        }
        match event {
            ChatEvent::Started { model: Some(model), .. } => self.model = Some(model.clone()),
            ChatEvent::Delta(delta) => {
                self.written.add(delta);
                self.has_answer = self.has_answer || delta.is_answer();
            }
            ChatEvent::Usage(usage) => self.usage = Some(*usage),
            _ => {}
        }
    }

    /// Whether something was said that is no reasoning and no white space.
    pub(super) fn has_answer(&self) -> bool {
        self.has_answer
    }

    /// What was used so far: reported, else estimated from the request and what was written.
    pub(super) fn usage(&self) -> Usage {
        self.usage
            .filter(Usage::is_counted)
            .unwrap_or_else(|| Usage::estimated(tokens_of_request(&self.request), self.written.tokens()))
    }

    /// Closes a live answer that came to its end.
    pub(super) fn succeed_live(&mut self) {
        let (usage, model) = (self.usage(), self.model.take());
        self.succeed(Some(usage), model.as_deref());
    }

    /// Closes a whole answer.
    pub(super) fn succeed(&mut self, usage: Option<Usage>, response_model: Option<&str>) {
        let usage = usage.unwrap_or_else(|| self.usage());
        if let Some(model) = response_model {
            self.span.record("gen_ai.response.model", model);
        }
        let now = Instant::now();
        self.stats.succeeded(self.started, now);
        self.close(RowOutcome::Won, usage, self.cost(&usage), now, |row| {
            row.response_model = response_model.map(str::to_owned);
        });
    }

    /// Closes an attempt that failed.
    pub(super) fn fail(&mut self, error: &Error) {
        let kind = error.kind();
        // Refused before anything was made: vendors bill nothing for it.
        let (usage, cost) = match is_unbilled(kind) {
            true => (Usage::estimated(0, 0), Cost::NanoDollars(0)),
            false => (self.usage(), self.cost_so_far()),
        };
        self.span.record("error.type", kind.as_str());
        let now = Instant::now();
        // A caller in a hurry does not speak against the candidate.
        let hurried = kind == ErrorKind::Timeout
            && self.cx.deadline().is_some_and(|deadline| deadline <= now)
            && now.duration_since(self.started) < PATIENCE;
        self.stats.failed(kind, kind.is_candidates_fault() && !hurried, now);
        self.close(RowOutcome::Failed, usage, cost, now, |row| row.error = Some(kind));
    }

    fn cost(&self, usage: &Usage) -> Cost {
        self.price.as_ref().map_or(Cost::Unknown, |price| price.cost(usage))
    }

    /// What an exchange without its end cost: of one that showed nothing yet nobody knows how far it got.
    fn cost_so_far(&self) -> Cost {
        if self.has_content { self.cost(&self.usage()) } else { Cost::Unknown }
    }

    fn close(
        &mut self,
        outcome: RowOutcome,
        usage: Usage,
        cost: Cost,
        now: Instant,
        change: impl FnOnce(&mut Row),
    ) {
        self.open = false;
        self.cx.purse().spend(cost);
        self.stats.used(&usage, cost);
        self.span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        self.span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        let duration = now.duration_since(self.started).as_secs_f64();
        self.cx.ledger().update(self.row, |row| {
            row.outcome = outcome;
            row.usage = Some(usage);
            row.cost = cost;
            row.duration_seconds = Some(duration);
            change(row);
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            let reason = self.cx.abandonment().unwrap_or(AbandonReason::CallerLeft);
            self.stats.abandoned();
            let usage = self.usage();
            self.close(RowOutcome::Abandoned, usage, self.cost_so_far(), Instant::now(), |row| {
                row.reason = Some(reason);
            });
        }
    }
}

/// Whether the exchange ended before the provider made anything.
fn is_unbilled(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::RateLimited
            | K::Overloaded
            | K::Connect
            | K::Authentication
            | K::PermissionDenied
            | K::ModelNotFound
            | K::ContextTooLong
            | K::QuotaExhausted
            | K::Unsupported
            | K::Rejected
            | K::CircuitOpen
            | K::InvalidRequest
            | K::Config
            | K::BudgetExceeded
    )
}
