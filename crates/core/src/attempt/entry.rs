//! The ledger row and the counters of one attempt, closed exactly once.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{Span, field};

use super::{Attempt, Watched, capture};
use crate::{
    AbandonReason, CallContext, ChatEvent, ChatRequest, ChatResponse, Cost, Delivery, Error, ErrorKind,
    FinishReason, Fold, ModelName, ProviderId, Usage, UsageSource,
    estimate::{Counter, Written},
    ledger::{Row, RowId, RowOutcome},
    metrics::{self, Attributes},
};

/// How far an attempt got.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// More may come.
    Open,
    /// The provider said its last word.
    Finished,
    /// It stands in the books.
    Closed,
}

/// One attempt in the books. Dropped before its end, it was abandoned.
#[derive(Debug)]
pub(super) struct Entry {
    /// What the provider is asked under.
    cx: CallContext,
    row: RowId,
    watched: Arc<Watched>,
    request: Arc<ChatRequest>,
    started: Instant,
    written: Written,
    /// What was said so far, for a span that holds it.
    said: Option<Box<Fold>>,
    usage: Option<Usage>,
    model: Option<Arc<str>>,
    has_content: bool,
    /// Whether something was said that is no reasoning and no white space.
    has_answer: bool,
    /// Whether it may have ended at a stop sequence: the request names some, or the provider tells one.
    is_at_sequence: bool,
    stage: Stage,
    span: Span,
}

impl Entry {
    pub(super) fn open(
        attempt: &Attempt,
        cx: &CallContext,
        request: &Arc<ChatRequest>,
        started: Instant,
    ) -> Self {
        let Watched { provider_id, provider_name, accounting, stats, .. } = &*attempt.watched;
        let row = Row::running(cx, provider_id, provider_name, request.model.as_ref(), started);
        let row = cx.ledger().open(row);
        stats.started(cx.attempt() > 0, started);
        let model = request.model.as_ref().map(ModelName::as_str);
        // The names are those of the OpenTelemetry GenAI conventions; content is recorded only where it was asked for.
        let span = tracing::info_span!(
            "chat",
            otel.name = model.map_or_else(|| "chat".to_owned(), |model| format!("chat {model}")),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = &**provider_name,
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
            ultraai.provider_id = provider_id.as_str(),
            ultraai.request_id = %cx.request_id(),
            ultraai.attempt = cx.attempt(),
            ultraai.hedge = cx.is_hedge().then_some(true),
        );
        let said = (cx.captures() && !span.is_disabled()).then(Box::<Fold>::default);
        if said.is_some() {
            span.record("gen_ai.input.messages", capture::input(request));
        }
        Self {
            cx: cx.clone().with_parent(row),
            row,
            watched: Arc::clone(&attempt.watched),
            request: Arc::clone(request),
            started,
            written: Written::new(accounting.counts_tokens()),
            said,
            usage: None,
            model: None,
            has_content: false,
            has_answer: false,
            is_at_sequence: !request.stop_sequences.is_empty(),
            stage: Stage::Open,
            span,
        }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn cx(&self) -> &CallContext {
        &self.cx
    }

    pub(super) fn provider_id(&self) -> &ProviderId {
        &self.watched.provider_id
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
            self.watched.stats.first_event(after, now);
            if let Some(meter) = self.watched.accounting.meter() {
                metrics::TIME_TO_FIRST_CHUNK.record(meter, after.as_secs_f64(), &self.attributes());
            }
            self.cx
                .ledger()
                .update(self.row, |row| row.time_to_first_chunk_seconds = Some(after.as_secs_f64()));
        }
        match event {
            ChatEvent::Started { model, request_id } => {
                if let Some(model) = model {
                    self.model = Some(self.named(model));
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
            ChatEvent::Details(details) => self.is_at_sequence |= details.stop_sequence.is_some(),
            ChatEvent::Finished { .. } => self.stage = Stage::Finished,
            _ => {}
        }
        if let Some(said) = &mut self.said {
            // What cannot be folded is an error to who reads it, and not here.
            let _ = said.push(event.clone());
        }
    }

    /// Whether something was said that is no reasoning and no white space.
    pub(super) fn has_answer(&self) -> bool {
        self.has_answer
    }

    /// Whether it may have ended at a stop sequence.
    pub(super) fn is_at_sequence(&self) -> bool {
        self.is_at_sequence
    }

    /// Who counts what nobody reported. Only a whole answer is worth the time that a tokenizer takes to get ready.
    fn counter(&self) -> Counter<'_> {
        let model = self.model.as_deref().or(self.request_model());
        Counter::new(&self.watched.accounting, model, self.stage == Stage::Finished)
    }

    fn request_model(&self) -> Option<&str> {
        self.request.model.as_ref().map(ModelName::as_str)
    }

    /// The model in the provider's words, which are mostly those that it was asked with.
    fn named(&self, model: &str) -> Arc<str> {
        let asked = self.request.model.as_ref().filter(|asked| asked.as_str() == model);
        asked.map_or_else(|| model.into(), |asked| asked.clone().into())
    }

    /// What was used: reported, else estimated from the request and what was written.
    fn usage(&self) -> Usage {
        let counter = self.counter();
        let Some(mut usage) = self.usage.filter(Usage::is_counted) else {
            return Usage::estimated(counter.tokens_of_request(&self.request), self.written.tokens(counter));
        };
        let is_open = self.stage == Stage::Open || usage.output_tokens == 0;
        if is_open && self.has_content {
            // What was reported before the end has not counted all of the output yet, and what counts none is not believed.
            let written = self.written.tokens(counter);
            if written > usage.output_tokens {
                usage.output_tokens = written;
                usage.source = UsageSource::Estimated;
            }
        }
        usage
    }

    /// Closes a live answer that came to its end, and returns what it used.
    pub(super) fn succeed_live(&mut self, finish_reason: &FinishReason) -> Usage {
        let now = Instant::now();
        let usage = self.usage();
        if let Some(said) = &self.said {
            self.span.record("gen_ai.output.messages", capture::output(said.content(), finish_reason));
        }
        self.succeed(usage, finish_reason, now);
        usage
    }

    /// Closes a whole answer, and says in it what it used when nobody said it.
    pub(super) fn succeed_whole(&mut self, response: &mut Arc<ChatResponse>) {
        let now = Instant::now();
        self.stage = Stage::Finished;
        self.model = response.model.as_deref().map(|model| self.named(model));
        if let Some(id) = &response.request_id {
            self.span.record("gen_ai.response.id", id);
        }
        if self.said.is_some() {
            let said = capture::output(&response.content, &response.finish_reason);
            self.span.record("gen_ai.output.messages", said);
        }
        let reported = response.usage.filter(Usage::is_counted);
        let estimated = || self.counter().usage_of(&self.request, response);
        let usage = match reported {
            // An answer of no tokens is not believed.
            Some(reported) if reported.output_tokens == 0 => {
                Usage { output_tokens: estimated().output_tokens, source: UsageSource::Estimated, ..reported }
            }
            Some(reported) => reported,
            None => estimated(),
        };
        if response.usage != Some(usage) {
            Arc::make_mut(response).usage = Some(usage);
        }
        self.succeed(usage, &response.finish_reason, now);
    }

    fn succeed(&mut self, usage: Usage, finish_reason: &FinishReason, now: Instant) {
        self.span.record("gen_ai.response.finish_reasons", finish_reason.as_str());
        self.watched.stats.succeeded(self.request.delivery, self.started, now);
        self.close(End::Answered, usage, self.cost(&usage), now);
    }

    /// Takes the attempt out of the books: it was refused before anything was sent.
    pub(super) fn withdraw(&mut self, error: &Error) {
        self.stage = Stage::Closed;
        self.span.record("error.type", error.kind().as_str());
        self.watched.stats.withdrawn(self.cx.attempt() > 0);
        self.cx.give_back();
        self.cx.ledger().withdraw(self.row);
    }

    /// Closes an attempt that failed, and returns what it used.
    pub(super) fn fail(&mut self, error: &Error) -> Usage {
        // Before tokens are counted, which may take its time.
        let now = Instant::now();
        let kind = error.kind();
        let said = error.partial().and_then(|partial| partial.model.as_deref());
        self.model = self.model.take().or_else(|| said.map(|model| self.named(model)));
        let (usage, cost) = match self.reported_with(error) {
            Some(usage) => (usage, self.cost(&usage)),
            // Refused before anything was made: vendors bill nothing for it.
            None if is_unbilled(kind) && !self.has_content => (Usage::estimated(0, 0), Cost::NanoDollars(0)),
            None => {
                let usage = self.usage();
                (usage, self.cost_so_far(&usage))
            }
        };
        self.span.record("error.type", kind.as_str());
        // A caller in a hurry does not speak against the candidate.
        let is_hurried = kind == ErrorKind::Timeout && self.cx.is_hurried(self.started, self.has_content);
        let is_fault = kind.is_candidates_fault() && !is_hurried && !self.is_callers_model(kind);
        self.watched.stats.failed(kind, is_fault, now);
        if kind == ErrorKind::Timeout {
            self.waited(now);
        }
        self.close(End::Failed(kind), usage, cost, now);
        usage
    }

    /// Whether it failed with a model that the caller chose: what a model of another name does says nothing of the candidate's own,
    /// and where that has none, anybody may name one that is not there.
    fn is_callers_model(&self, kind: ErrorKind) -> bool {
        match &self.watched.model {
            Some(own) => self.request.model.as_ref().is_some_and(|asked| asked != own),
            None => matches!(kind, ErrorKind::ModelNotFound | ErrorKind::PermissionDenied),
        }
    }

    /// What the provider reported of an answer that came to its end and is an error all the same: what was made is billed.
    fn reported_with(&self, error: &Error) -> Option<Usage> {
        let said = error.partial().and_then(|partial| partial.usage);
        let usage = said.or(self.usage.filter(|_| self.stage == Stage::Finished))?;
        (usage.is_counted() && usage.source == UsageSource::Reported).then_some(usage)
    }

    /// Writes down how long it was waited for what did not come.
    fn waited(&self, now: Instant) {
        let delivery = self.request.delivery;
        if delivery == Delivery::Whole || !self.has_content {
            self.watched.stats.waited(delivery, now.duration_since(self.started), now);
        }
    }

    fn cost(&self, usage: &Usage) -> Cost {
        self.watched.accounting.cost(usage, self.request_model(), self.model.as_deref())
    }

    /// What an exchange without its end cost: of one that showed nothing yet nobody knows how far it got.
    fn cost_so_far(&self, usage: &Usage) -> Cost {
        if self.has_content { self.cost(usage) } else { Cost::Unknown }
    }

    fn close(&mut self, end: End, usage: Usage, cost: Cost, now: Instant) {
        self.stage = Stage::Closed;
        self.watched.stats.used(&usage, cost);
        if let Some(model) = &self.model {
            self.span.record("gen_ai.response.model", &**model);
        }
        self.span.record("gen_ai.usage.input_tokens", usage.input_tokens);
        self.span.record("gen_ai.usage.output_tokens", usage.output_tokens);
        let seconds = now.duration_since(self.started).as_secs_f64();
        let (outcome, error, reason) = match end {
            End::Answered => (RowOutcome::Won, None, None),
            End::Failed(kind) => (RowOutcome::Failed, Some(kind), None),
            End::Abandoned(reason) => (RowOutcome::Abandoned, None, Some(reason)),
        };
        if let Some(meter) = self.watched.accounting.meter() {
            let tokens = [("input", usage.input_tokens), ("output", usage.output_tokens)];
            let ended = metrics::Ended { outcome, error, seconds, usage, cost };
            ended.record(meter, self.attributes(), &tokens);
        }
        let model = self.model.take().filter(|_| outcome == RowOutcome::Won);
        let mut is_span = false;
        self.cx.ledger().update(self.row, |row| {
            is_span = row.is_span;
            row.outcome = outcome;
            row.usage = Some(usage);
            row.cost = cost;
            row.duration_seconds = Some(seconds);
            row.response_model = model;
            row.error = error;
            row.reason = reason;
        });
        if !is_span {
            // What an orchestrator's attempts cost, each of them has spent already.
            self.cx.settle(cost);
        }
    }

    /// What every measurement of this attempt belongs to.
    fn attributes(&self) -> Attributes<'_> {
        let Watched { provider_id, provider_name, .. } = &*self.watched;
        let (asked, answered) = (self.request_model(), self.model.as_deref());
        Attributes::of_attempt("chat", provider_name, provider_id.as_str(), asked, answered)
    }
}

/// How an attempt ended.
#[derive(Clone, Copy)]
enum End {
    Answered,
    Failed(ErrorKind),
    Abandoned(AbandonReason),
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.stage != Stage::Closed {
            let reason = self.cx.abandonment().unwrap_or(AbandonReason::CallerLeft);
            let now = Instant::now();
            self.watched.stats.abandoned();
            self.waited(now);
            let usage = self.usage();
            let cost = self.cost_so_far(&usage);
            self.close(End::Abandoned(reason), usage, cost, now);
        }
    }
}

/// Whether the exchange ended before the provider made anything.
pub(crate) fn is_unbilled(kind: ErrorKind) -> bool {
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
            | K::QueueFull
            | K::InvalidRequest
            | K::Config
            | K::BudgetExceeded
            | K::PriceUnknown
    )
}
