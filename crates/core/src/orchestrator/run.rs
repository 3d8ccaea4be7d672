//! One request's view of the orchestrator.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::Instrument as _;

use super::{
    Answer, Ask, BaseOrchestrator, Event, Method, Outcome, Panel, ProviderResponse, Reply, Report, Synthesis,
    base::WAITED, telling::Telling,
};
use crate::{
    AbandonReason, Analysis, CallContext, Candidate, ChatRequest, Delivery, Error, ErrorKind, LedgerReport,
    Options, ProviderId, Registry, Result, Strategy,
    options::Resolved,
    stats::{Flight, Standing},
};

/// One request, as a strategy sees it.
#[derive(Debug)]
pub struct Run {
    pub(super) cx: CallContext,
    pub(super) request: Arc<ChatRequest>,
    pub(super) options: Arc<Options>,
    /// The request's own bound of retries, which goes over a candidate's.
    pub(super) max_retries: Option<u32>,
    pub(super) resolved: Resolved,
    pub(super) candidates: Arc<Vec<Arc<Candidate>>>,
    /// The snapshot that fallbacks are looked up in.
    pub(super) all: Arc<Vec<Arc<Candidate>>>,
    pub(super) base: BaseOrchestrator,
    pub(super) seed: u64,
    started: Instant,
    events: Option<Telling>,
    /// Shared with the runs of strategies that this one delegates to.
    state: Arc<Mutex<State>>,
    /// None before it began, and in a run that was delegated to.
    pub(super) flight: Option<Flight>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Members of panels that wait for their turn.
    pub(super) seated: Vec<ProviderId>,
    /// One for each ask for an answer.
    pub(super) responses: Vec<ProviderResponse>,
    /// Asks for a synthesis, and whether the outcome holds it.
    pub(super) syntheses: Vec<(u32, bool)>,
    pub(super) trace: Vec<String>,
}

impl State {
    /// Whether the candidate was asked for an answer.
    pub(super) fn was_asked(&self, id: &ProviderId) -> bool {
        self.responses.iter().any(|response| response.provider_id == *id)
    }

    /// How many candidates were asked for an answer.
    pub(super) fn asked(&self) -> usize {
        let ids = || self.responses.iter().map(|response| &response.provider_id);
        ids().enumerate().filter(|(place, id)| !ids().take(*place).any(|before| before == *id)).count()
    }

    /// Every ask that is won or lost with the outcome, and whether that holds its answer.
    fn asks(&mut self) -> impl Iterator<Item = (u32, &mut bool)> {
        let responses = self.responses.iter_mut().map(|response| (response.ask, &mut response.used));
        responses.chain(self.syntheses.iter_mut().map(|(ask, used)| (*ask, used)))
    }
}

impl Run {
    pub(super) fn new(
        base: BaseOrchestrator,
        cx: CallContext,
        request: Arc<ChatRequest>,
        options: Arc<Options>,
        resolved: Resolved,
        all: Arc<Vec<Arc<Candidate>>>,
        events: Option<Telling>,
    ) -> Self {
        Self {
            cx,
            request,
            options,
            max_retries: None,
            resolved,
            candidates: Arc::clone(&all),
            all,
            base,
            seed: 0,
            started: Instant::now(),
            events,
            state: Arc::default(),
            flight: None,
        }
    }

    /// The request.
    pub fn request(&self) -> &Arc<ChatRequest> {
        &self.request
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The context of the whole request.
    pub fn context(&self) -> &CallContext {
        &self.cx
    }

    /// The candidates that can do what the request asks for: healthy ones first, in the selector's order, which is made when
    /// the strategy begins. Never empty.
    pub fn candidates(&self) -> &[Arc<Candidate>] {
        &self.candidates
    }

    /// How many more candidates may be asked. A seat on a panel counts from the moment it is taken.
    pub fn allowance(&self) -> usize {
        self.unseated_allowance().min(self.candidates.len())
    }

    pub(super) fn most_providers(&self) -> usize {
        self.options.max_providers_per_request.unwrap_or(usize::MAX)
    }

    /// Whether `id` was asked already, by the strategy or as somebody's fallback.
    pub fn was_asked(&self, id: &ProviderId) -> bool {
        self.state().was_asked(id)
    }

    /// Whether somebody reads the answer while it is made.
    pub fn is_live(&self) -> bool {
        self.request.delivery == Delivery::Live
    }

    /// Returns the time left, or `None` when there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.cx.remaining()
    }

    /// Returns the money left for this request, in nano-dollars, or `None` when there is no limit.
    pub fn remaining_nano_dollars(&self) -> Option<u64> {
        self.cx.purses().filter_map(|(_, purse)| purse.remaining()).min()
    }

    /// Writes a sentence into the trace: why a candidate was asked, skipped, aborted or trusted. No content.
    pub fn note(&self, sentence: impl Into<String>) {
        self.state().trace.push(sentence.into());
    }

    /// Tells those who listen; waits when they are slow.
    pub fn emit(&self, event: Event) -> impl Future<Output = ()> + Send {
        Telling::tell(self.events.as_ref(), event)
    }

    /// Tells those who listen that the pieces of the answer so far are void.
    pub async fn discard(&self, reason: &str) {
        self.emit(Event::Discarded { reason: reason.to_owned(), kind: None }).await;
    }

    /// The plugins that are linked, such as other strategies to delegate to.
    pub fn registry(&self) -> &Registry {
        self.base.registry()
    }

    /// Requests of this orchestrator under way, this one among them.
    pub fn requests_in_flight(&self) -> u64 {
        self.base.requests_in_flight()
    }

    /// The registered candidate of that name.
    ///
    /// # Errors
    /// `Config`, which names the registered ones.
    pub fn candidate(&self, id: &ProviderId) -> Result<Arc<Candidate>> {
        super::candidates::find(&self.all, id)
    }

    /// Whether anybody listens to events.
    pub(super) fn has_listener(&self) -> bool {
        self.events.is_some()
    }

    /// Tells those who listen, unless they are slow: for places that cannot wait.
    pub(super) fn try_emit(&self, event: Event) {
        if let Some(events) = &self.events {
            events.try_tell(event);
        }
    }

    /// Asks several candidates together. They are polled in the caller's task.
    pub fn panel(&self, asks: impl IntoIterator<Item = Ask>) -> Panel<'_> {
        Panel::new(self, asks)
    }

    /// Asks several candidates together and hands over each reply as it begins: a live one with its first content, a whole one
    /// complete. They are polled in the caller's task.
    pub fn panel_of_replies(&self, asks: impl IntoIterator<Item = Ask>) -> Panel<'_, Reply<'_>> {
        Panel::of_replies(self, asks)
    }

    /// The outcome that answers with `answer`, made from the answers `from` (itself, when it was chosen).
    /// Ledger and trace are filled in when the strategy returns it.
    pub fn outcome(
        &self,
        method: Method,
        answer: &Answer,
        from: &[Answer],
        analysis: Option<Analysis>,
    ) -> Outcome {
        let is_used = |ask| from.iter().chain([answer]).any(|answer| answer.ask == ask);
        self.state().asks().for_each(|(ask, used)| *used = is_used(ask));
        Outcome {
            request_id: self.cx.request_id(),
            synthesis: Synthesis {
                response: answer.response.text(),
                method,
                provider_id: answer.candidate.id().clone(),
                answer: Arc::clone(&answer.response),
            },
            responses: Vec::new(),
            analysis,
            ledger: LedgerReport::default(),
            trace: Vec::new(),
            strategy: Cow::Borrowed(""),
            duration_seconds: 0.0,
        }
    }

    /// The error for the case that too few candidates gave a good answer: `wanted` sums up what was needed.
    /// It carries each candidate's error. Its kind is `Exhausted`, or `BudgetExceeded` or `PriceUnknown` where money alone was
    /// in the way.
    pub fn exhausted(&self, wanted: &str, causes: Vec<Error>) -> Error {
        let mut message = wanted.to_owned();
        if let Some(most) = self.options.max_providers_per_request
            && self.candidates.len() > most
        {
            let _ = write!(message, " (`max_providers_per_request` is {most})");
        }
        // The provider's own refusal of the request is what its author must read.
        let rejected = causes.iter().find(|error| error.kind() == ErrorKind::Rejected);
        let status = rejected.and_then(Error::status);
        let causes: Vec<_> = causes.into_iter().flat_map(Error::with_fallbacks_apart).collect();
        // Where money alone was in the way, the caller must know it.
        let any = |kind: ErrorKind| causes.iter().any(|error| error.kind() == kind);
        let of_money = [ErrorKind::BudgetExceeded, ErrorKind::PriceUnknown];
        let kind = match causes.iter().all(|error| of_money.contains(&error.kind())) {
            true => of_money.into_iter().find(|kind| any(*kind)).unwrap_or(ErrorKind::Exhausted),
            false => ErrorKind::Exhausted,
        };
        let error = Error::new(kind, message).with_causes(causes);
        match status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }

    /// Lets `strategy` answer `request` in this one's place, with the options that `over` sets over those in force. It sees
    /// the same candidates, in its own order, and writes into the same books: who was asked already stays asked.
    ///
    /// # Errors
    /// The strategy's, or `Config` for options that contradict each other or whose plugin is not linked.
    pub async fn delegate(
        &self,
        strategy: &dyn Strategy,
        over: &Options,
        request: Arc<ChatRequest>,
    ) -> Result<Outcome> {
        self.base.check_links(over)?;
        self.check_named(over)?;
        let options = Arc::new(self.options.overridden_by(over));
        let resolved = options.resolve()?;
        let mut run = Self {
            cx: self
                .cx
                .child()
                .with_timeout(resolved.timeout)
                .with_capture(options.capture_message_content())
                .with_drop_unsupported(options.drop_unsupported()),
            request: Arc::clone(&request),
            options,
            max_retries: over.max_retries.or(self.max_retries),
            resolved,
            candidates: Arc::clone(&self.candidates),
            all: Arc::clone(&self.all),
            base: self.base.clone(),
            seed: self.seed,
            started: Instant::now(),
            events: self.events.clone(),
            state: Arc::clone(&self.state),
            flight: None,
        };
        run.order(strategy)?;
        run.in_time(strategy, request).await
    }

    /// Lets `strategy` answer until the deadline.
    async fn in_time(&self, strategy: &dyn Strategy, request: Arc<ChatRequest>) -> Result<Outcome> {
        let mut process = strategy.process(self, request);
        let Some(deadline) = self.cx.deadline() else { return process.await };
        let done = tokio::select! {
            biased;
            done = &mut process => Some(done),
            () = tokio::time::sleep_until(deadline) => None,
        };
        match done {
            None => {
                self.cx.abandon(AbandonReason::TimedOut);
                drop(process);
                Err(self.too_late(Vec::new()))
            }
            // The last attempts ended at the same moment: what the caller must know is the deadline.
            Some(Err(error)) if error.kind() == ErrorKind::Exhausted && deadline <= Instant::now() => {
                Err(self.too_late(error.causes().to_vec()))
            }
            Some(done) => done,
        }
    }

    /// Checks that the candidates that options name are there.
    pub(super) fn check_named(&self, options: &Options) -> Result<()> {
        for (option, named) in [("synthesizer", &options.synthesizer), ("analyst", &options.analyst)] {
            let Some(id) = named else { continue };
            self.candidate(id).map_err(|error| {
                let message = format!("`{option}`: {}", error.message());
                error.with_message(message)
            })?;
        }
        Ok(())
    }

    /// Puts the candidates into the order that `strategy` asks them in: healthy first, in the selector's order.
    fn order(&mut self, strategy: &dyn Strategy) -> Result<()> {
        if self.candidates.len() < 2 {
            return Ok(());
        }
        let selector = self.base.selector_of(strategy, &self.options)?;
        let mut candidates = self.candidates.to_vec();
        selector.order(&self.request, &mut candidates, self.seed);
        // Read once: a health that changes while it sorts would be no order.
        let mut ranked: Vec<_> =
            candidates.into_iter().map(|candidate| (candidate.stats.standing(), candidate)).collect();
        ranked.sort_by_key(|(standing, _)| *standing);
        let best = ranked.first().map_or(Standing::Healthy, |(standing, _)| *standing);
        for (standing, candidate) in ranked.iter().filter(|(standing, _)| *standing > best) {
            let why = match standing {
                Standing::Failing => "its last attempts failed",
                _ => "none of its last attempts has answered for long",
            };
            self.note(format!("{} was put behind the others: {why}", candidate.id()));
        }
        self.candidates = Arc::new(ranked.into_iter().map(|(_, candidate)| candidate).collect());
        let ids: Vec<_> = self.candidates.iter().map(|candidate| candidate.id().as_str()).collect();
        self.note(format!("{} is the order of the selector `{}`", ids.join(", "), selector.name()));
        Ok(())
    }

    /// Runs `strategy` to its end, or to the deadline, and closes the books. [`Orchestrator`](super::Orchestrator)
    /// does it for you.
    ///
    /// # Errors
    /// The strategy's, or `Timeout`; either carries the ledger and the trace.
    pub fn drive(mut self, strategy: &dyn Strategy) -> impl Future<Output = Result<Outcome>> + Send {
        // No `async fn`, which would hold the run twice: as it is given, and as it is changed here.
        let name = strategy.name();
        if let Some(flight) = &mut self.flight {
            flight.strategy = name;
        }
        async move {
            let _permit = match self.base.admit(&self.cx).await {
                Ok(Some(permit)) => permit,
                Ok(None) => {
                    self.note(WAITED);
                    let error = self.too_late(Vec::new());
                    return self.seal(name, Err(error));
                }
                Err(error) => return self.seal(name, Err(error)),
            };
            if let Err(error) = self.order(strategy) {
                return self.seal(name, Err(error));
            }
            let span = tracing::info_span!(
                "invoke_workflow",
                otel.name = format_args!("invoke_workflow {name}"),
                gen_ai.operation.name = "invoke_workflow",
                gen_ai.provider.name = "ultraai",
                gen_ai.workflow.name = name,
                error.r#type = tracing::field::Empty,
                ultraai.request_id = %self.cx.request_id(),
            );
            let own_span = span.clone();
            let run = &self;
            let work = async move {
                if run.has_listener() {
                    let candidates = run.candidates.iter().map(|candidate| candidate.id().clone()).collect();
                    run.emit(Event::Started { strategy: name.to_owned(), candidates }).await;
                }
                run.in_time(strategy, Arc::clone(&run.request)).await
            };
            let result = work.instrument(span).await;
            if let Err(error) = &result {
                own_span.record("error.type", error.kind().as_str());
            }
            self.seal(name, result)
        }
    }

    fn too_late(&self, causes: Vec<Error>) -> Error {
        // A nested request may end at the deadline of the one around it.
        let message = match self.started.elapsed() < self.resolved.timeout {
            true => "no answer within the deadline of the request around this one".to_owned(),
            false => {
                let seconds = self.resolved.timeout.as_secs_f64();
                format!("no answer within the deadline (`timeout_seconds` is {seconds})")
            }
        };
        Error::new(ErrorKind::Timeout, message).with_causes(causes)
    }

    /// Fills in what is known only now, when nothing of the request is under way any more.
    fn seal(mut self, strategy: &'static str, result: Result<Outcome>) -> Result<Outcome> {
        let duration = self.started.elapsed();
        if let Some(flight) = self.flight.take() {
            flight.land(duration, result.as_ref().err());
        }
        let mut state = std::mem::take(&mut *self.state());
        if result.is_err() {
            state.asks().for_each(|(_, used)| *used = false);
        }
        let lost: Vec<u32> = state.asks().filter(|(_, used)| !**used).map(|(ask, _)| ask).collect();
        let ledger = self.cx.ledger();
        if !lost.is_empty() {
            ledger.mark_lost(&lost);
        }
        let report = ledger.report();
        state.trace.extend(state.responses.iter().flat_map(|response| asked_again(response, &report)));
        state.trace.extend(self.cx.left_out());
        match result {
            Ok(outcome) => Ok(Outcome {
                responses: state.responses,
                ledger: report,
                trace: state.trace,
                strategy: Cow::Borrowed(strategy),
                duration_seconds: duration.as_secs_f64(),
                ..outcome
            }),
            Err(error) => {
                let report = Report { responses: state.responses, ledger: report, trace: state.trace };
                Err(error.with_report(report))
            }
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says how often and why a candidate was tried again or asked a second time, which only the ledger saw.
fn asked_again(response: &ProviderResponse, ledger: &LedgerReport) -> Vec<String> {
    let id = &response.provider_id;
    let rows = ledger.rows.iter().filter(|row| row.ask == response.ask);
    if rows.clone().all(|row| row.attempt == 0 && !row.is_hedge) {
        return Vec::new();
    }
    let rows: Vec<_> = rows.collect();
    let mut sentences = Vec::new();
    let retries = rows.iter().map(|row| row.attempt).max().unwrap_or_default();
    if retries > 0 {
        let before = rows.iter().filter(|row| row.attempt < retries);
        let why: Vec<_> = before.filter_map(|row| row.error).map(ErrorKind::as_str).collect();
        let times = if retries == 1 { "once".to_owned() } else { format!("{retries} times") };
        sentences.push(format!("{id} was tried again {times}, after {}", why.join(", ")));
    }
    for hedge in rows.iter().filter(|row| row.is_hedge) {
        let first = rows.iter().find(|row| row.attempt == hedge.attempt && !row.is_hedge);
        let quicker = match (hedge.reason, first.and_then(|first| first.reason)) {
            (Some(AbandonReason::LostHedge), _) => ": the first leg was quicker",
            (_, Some(AbandonReason::LostHedge)) => ": the second leg was quicker",
            _ => "",
        };
        sentences.push(format!("{id} was asked a second time, since it was late{quicker}"));
    }
    sentences
}
