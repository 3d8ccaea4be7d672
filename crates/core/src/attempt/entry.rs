//! The ledger row and the counters of one attempt, closed exactly once.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Span, field};

use super::{Attempt, capture};
use crate::{
    AbandonReason, Accounting, CallContext, ChatEvent, ChatRequest, ChatResponse, Cost, Delivery, Error,
    ErrorKind, FinishReason, ModelName, ProviderId, Usage, UsageSource,
    estimate::{Counter, Written},
    ledger::{Row, RowId, RowOutcome},
    metrics,
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
    accounting: Arc<Accounting>,
    provider_name: Arc<str>,
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
        let model = request.model.as_ref().map(ModelName::as_str);
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
        attempt.stats.started(cx.attempt() > 0, started);
        // The names are those of the OpenTelemetry GenAI conventions; content is recorded only where it was asked for.
        let span = tracing::info_span!(
            "chat",
            otel.name = model.map_or_else(|| "chat".to_owned(), |model| format!("chat {model}")),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = attempt.inner.name(),
            gen_ai.request.model = model,
            gen_ai.request.max_tokens = request.max_tokens,
            gen_ai.request.temperature = request.temperature,
            gen_ai.request.top_p = request.top_p,
            gen_ai.input.messages = field::Empty,
            gen_ai.output.messages = field::Empty,
            gen_ai.response.model = field::Empty,
            gen_ai.response.id = field::Empty,
            gen_ai.response.finish_reasons = field::Empty,
            gen_ai.usage.input_tokens = field::Empty,
            gen_ai.usage.output_tokens = field::Empty,
            error.r#type = field::Empty,
            ultraai.provider_id = attempt.provider_id.as_str(),
            ultraai.request_id = %cx.request_id(),
            ultraai.attempt = cx.attempt(),
        );
        let captures = cx.captures() && !span.is_disabled();
        if captures {
            span.record("gen_ai.input.messages", capture::input(request));
        }
        Self {
            cx: cx.clone(),
            row,
            provider_id: attempt.provider_id.clone(),
            request: Arc::clone(request),
            stats: Arc::clone(&attempt.stats),
            accounting: Arc::clone(&attempt.accounting),
            provider_name: Arc::clone(&attempt.provider_name),
            started,
            written: Written::new(captures || attempt.accounting.counts_tokens()),
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
            let now = Instant::now();
            let after = now.duration_since(self.started);
            self.stats.first_event(after, now);
            if let Some(meter) = self.accounting.meter() {
                metrics::TIME_TO_FIRST_CHUNK.record(meter, after.as_secs_f64(), &self.attributes());
            }
            self.cx
                .ledger()
                .update(self.row, |row| row.time_to_first_chunk_seconds = Some(after.as_secs_f64()));
        }
        match event {
            ChatEvent::Started { model, request_id } => {
                if let Some(model) = model {
                    self.model = Some(model.clone());
                }
                if let Some(id) = request_id {
                    self.span.record("gen_ai.response.id", id.as_str());
                }
            }
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

    /// Whether the span holds what is asked and answered.
    fn captures(&self) -> bool {
        self.cx.captures() && !self.span.is_disabled()
    }

    /// Who counts what nobody reported.
    pub(super) fn counter(&self) -> Counter<'_> {
        Counter::new(&self.accounting, self.model.as_deref().or(self.request_model()))
    }

    fn request_model(&self) -> Option<&str> {
        self.request.model.as_ref().map(ModelName::as_str)
    }

    /// What was used so far: reported, else estimated from the request and what was written.
    pub(super) fn usage(&self) -> Usage {
        self.usage.filter(Usage::is_counted).unwrap_or_else(|| {
            let counter = self.counter();
            Usage::estimated(counter.tokens_of_request(&self.request), self.written.tokens(counter))
        })
    }

    /// Closes a live answer that came to its end, and returns what it used.
    pub(super) fn succeed_live(&mut self, finish_reason: &FinishReason) -> Usage {
        let usage = self.usage();
        if self.captures() {
            let said = [crate::Part::text(self.written.text())];
            self.span.record("gen_ai.output.messages", capture::output(&said, finish_reason));
        }
        self.succeed(usage, finish_reason);
        usage
    }

    /// Closes a whole answer.
    pub(super) fn succeed_whole(&mut self, response: &ChatResponse) {
        self.model.clone_from(&response.model);
        if let Some(id) = &response.request_id {
            self.span.record("gen_ai.response.id", id);
        }
        if self.captures() {
            let said = capture::output(&response.content, &response.finish_reason);
            self.span.record("gen_ai.output.messages", said);
        }
        let usage = response.usage.unwrap_or_else(|| self.usage());
        self.succeed(usage, &response.finish_reason);
    }

    fn succeed(&mut self, usage: Usage, finish_reason: &FinishReason) {
        self.span.record("gen_ai.response.finish_reasons", finish_reason.as_str());
        let now = Instant::now();
        self.stats.succeeded(self.request.delivery, self.started, now);
        self.close(RowOutcome::Won, usage, self.cost(&usage), now, None);
    }

    /// Closes an attempt that failed, and returns what it used.
    pub(super) fn fail(&mut self, error: &Error) -> Usage {
        let kind = error.kind();
        // Refused before anything was made: vendors bill nothing for it.
        let (usage, cost) = match is_unbilled(kind) && !self.has_content {
            true => (Usage::estimated(0, 0), Cost::NanoDollars(0)),
            false => {
                let usage = self.usage();
                (usage, self.cost_so_far(&usage))
            }
        };
        self.span.record("error.type", kind.as_str());
        let now = Instant::now();
        // A caller in a hurry does not speak against the candidate.
        let hurried = kind == ErrorKind::Timeout
            && self.cx.deadline().is_some_and(|deadline| deadline <= now)
            && now.duration_since(self.started) < PATIENCE;
        self.stats.failed(kind, kind.is_candidates_fault() && !hurried, now);
        if kind == ErrorKind::Timeout {
            self.waited(now);
        }
        self.close(RowOutcome::Failed, usage, cost, now, Some(Ended::Failed(kind)));
        usage
    }

    /// Writes down how long it was waited for what did not come.
    fn waited(&self, now: Instant) {
        let delivery = self.request.delivery;
        if delivery == Delivery::Whole || !self.has_content {
            self.stats.waited(delivery, now.duration_since(self.started), now);
        }
    }

    fn cost(&self, usage: &Usage) -> Cost {
        self.accounting.cost(usage, self.request_model(), self.model.as_deref())
    }

    /// What an exchange without its end cost: of one that showed nothing yet nobody knows how far it got.
    fn cost_so_far(&self, usage: &Usage) -> Cost {
        if self.has_content { self.cost(usage) } else { Cost::Unknown }
    }

    fn close(&mut self, outcome: RowOutcome, usage: Usage, cost: Cost, now: Instant, ended: Option<Ended>) {
        self.open = false;
        self.cx.purse().spend(cost);
        self.stats.used(&usage, cost);
        if let Some(model) = &self.model {
            self.span.record("gen_ai.response.model", model.as_str());
        }
        self.span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        self.span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        let duration = now.duration_since(self.started).as_secs_f64();
        self.measure(&usage, cost, duration, ended);
        self.cx.ledger().update(self.row, |row| {
            row.outcome = outcome;
            row.usage = Some(usage);
            row.cost = cost;
            row.duration_seconds = Some(duration);
            match ended {
                None => row.response_model = self.model.take(),
                Some(Ended::Failed(kind)) => row.error = Some(kind),
                Some(Ended::Abandoned(reason)) => row.reason = Some(reason),
            }
        });
    }

    fn measure(&self, usage: &Usage, cost: Cost, duration: f64, ended: Option<Ended>) {
        let Some(meter) = self.accounting.meter() else { return };
        let (outcome, error) = match ended {
            None => ("answered", None),
            Some(Ended::Failed(kind)) => ("failed", Some(kind.as_str())),
            Some(Ended::Abandoned(_)) => ("abandoned", None),
        };
        let mut attributes = self.attributes();
        attributes.push(("ultraai.outcome", outcome));
        attributes.extend(error.map(|error| ("error.type", error)));
        metrics::OPERATION_DURATION.record(meter, duration, &attributes);
        let mut attributes = self.attributes();
        let source = match usage.source {
            UsageSource::Reported => "reported",
            UsageSource::Estimated => "estimated",
        };
        attributes.push(("ultraai.usage.source", source));
        for (kind, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            attributes.push(("gen_ai.token.type", kind));
            metrics::TOKEN_USAGE.record(meter, as_f64(tokens), &attributes);
            attributes.pop();
        }
        let attributes = self.attributes();
        match cost {
            Cost::NanoDollars(nano) => metrics::COST.record(meter, as_f64(nano) / 1e9, &attributes),
            Cost::Unknown => metrics::UNKNOWN_COST.record(meter, 1.0, &attributes),
        }
    }

    /// What every measurement of this attempt belongs to.
    fn attributes(&self) -> Vec<metrics::Attribute<'_>> {
        let mut attributes = vec![
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", &*self.provider_name),
            ("ultraai.provider_id", self.provider_id.as_str()),
        ];
        attributes.extend(self.request_model().map(|model| ("gen_ai.request.model", model)));
        attributes.extend(self.model.as_deref().map(|model| ("gen_ai.response.model", model)));
        attributes
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measurement needs no more than 53 bits")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// How an attempt ended that gave no whole answer.
#[derive(Clone, Copy)]
enum Ended {
    Failed(ErrorKind),
    Abandoned(AbandonReason),
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            let reason = self.cx.abandonment().unwrap_or(AbandonReason::CallerLeft);
            let now = Instant::now();
            self.stats.abandoned();
            self.waited(now);
            let usage = self.usage();
            let cost = self.cost_so_far(&usage);
            self.close(RowOutcome::Abandoned, usage, cost, now, Some(Ended::Abandoned(reason)));
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
