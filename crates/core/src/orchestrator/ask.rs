//! Asking one candidate, and those it names in its place.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Event, Run, record::Record};
use crate::{
    CallContext, Candidate, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery, Error, ErrorKind,
    FinishReason, Fold, ProviderId, Recovery, Result, attempt::withheld,
};

/// A candidate's reply that has not been read yet.
#[derive(Debug)]
#[must_use = "a reply that is dropped aborts the exchange"]
pub struct Reply<'run> {
    reply: ChatReply,
    record: Record<'run>,
}

impl Reply<'_> {
    /// The candidate that answers: the one that was asked, or a fallback of it.
    pub fn candidate(&self) -> &Arc<Candidate> {
        &self.record.candidate
    }

    /// Waits for the whole answer without forwarding it.
    ///
    /// # Errors
    /// What broke the answer off.
    pub fn collect(self) -> impl Future<Output = Result<Answer>> + Send {
        // No `async fn`, here and below: one would hold what it is given beside what it makes of it.
        let Self { reply, mut record } = self;
        async move {
            let result = shared(reply).await;
            record.finish(result).await
        }
    }
}

/// The whole answer, which is not copied where it came so.
async fn shared(reply: ChatReply) -> Result<Arc<ChatResponse>> {
    match reply.into_whole() {
        Ok(response) => Ok(response),
        Err(live) => Box::pin(live.collect()).await.map(Arc::new),
    }
}

/// A candidate's whole answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Who gave it.
    pub candidate: Arc<Candidate>,
    /// What was answered.
    pub response: Arc<ChatResponse>,
    /// Which ask of the request it answers.
    pub(super) ask: u32,
}

impl Answer {
    /// Whether it is complete, not empty and no refusal.
    pub fn is_good(&self) -> bool {
        self.response.is_good()
    }

    /// The candidate's name.
    pub fn provider_id(&self) -> &ProviderId {
        self.candidate.id()
    }

    /// Why it is no good one, as the error of its candidate.
    pub fn no_good(&self) -> Error {
        let response = &self.response;
        let (reason, is_empty) = (&response.finish_reason, response.is_empty());
        let why = match is_empty {
            _ if response.is_refusal() => "it declined to answer".to_owned(),
            true => format!("its answer holds nothing (finish reason {})", reason.as_str()),
            false => format!("its answer is incomplete (finish reason {})", reason.as_str()),
        };
        let error = match *reason == FinishReason::ContentFilter && is_empty {
            true => withheld(),
            false => Error::new(ErrorKind::NoGoodAnswer, why),
        };
        error.with_provider(self.provider_id().clone())
    }

    /// Whether it is to be kept in the place of `kept`, for the case that nobody gives a good answer: the first that says
    /// something, else the first.
    pub fn replaces(&self, kept: Option<&Self>) -> bool {
        kept.is_none_or(|kept| kept.response.is_empty() && !self.response.is_empty())
    }
}

/// What a candidate is asked for besides an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aside {
    /// One answer from several.
    Synthesis,
    /// A comparison of answers.
    Analysis,
}

impl Aside {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Synthesis => "a synthesis",
            Self::Analysis => "an analysis",
        }
    }
}

impl Run {
    /// Asks `candidate`, and when it fails those it names as fallbacks, as far as they were not asked yet.
    ///
    /// A live reply comes back when its first content is there; what breaks before that fails over.
    ///
    /// # Errors
    /// The candidate's own error when nobody in its place answered.
    pub async fn ask(&self, candidate: &Arc<Candidate>, request: Arc<ChatRequest>) -> Result<Reply<'_>> {
        self.ask_as(candidate, request, self.cx.child()).await
    }

    /// As [`ask`](Self::ask), where another candidate is asked next: with an upper bound for the candidate and all in its place
    /// together, of the time to the answer or to the first content of a live one.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn ask_within(
        &self,
        candidate: &Arc<Candidate>,
        request: Arc<ChatRequest>,
        limit: Duration,
    ) -> Result<Reply<'_>> {
        let cx = within(&self.cx.child().with_spare(), &request, limit);
        self.ask_as(candidate, request, cx).await
    }

    pub(super) fn ask_as(
        &self,
        candidate: &Arc<Candidate>,
        request: Arc<ChatRequest>,
        cx: CallContext,
    ) -> impl Future<Output = Result<Reply<'_>>> + Send {
        let mut current = Arc::clone(candidate);
        async move {
            let mut errors: Vec<Error> = Vec::new();
            let mut waiting: Vec<ProviderId> = Vec::new();
            loop {
                let has_spare = !waiting.is_empty() || !current.terms.fallbacks.is_empty();
                let bounded = has_spare.then(|| bounded(&cx, &request));
                let error =
                    match self.ask_one(&current, &request, bounded.as_ref().unwrap_or(&cx), None).await {
                        Ok(reply) => return Ok(reply),
                        Err(error) => error,
                    };
                let over = error.kind().recovery() == Recovery::GiveUp
                    || cx.remaining().is_some_and(|left| left.is_zero());
                errors.push(error);
                waiting.extend(current.terms.fallbacks.iter().rev().cloned());
                let next = if over { None } else { self.next_fallback(&mut waiting, &current, &request) };
                match next {
                    Some(next) => current = next,
                    None => {
                        let first = errors.remove(0);
                        return Err(first.with_fallbacks(errors));
                    }
                }
            }
        }
    }

    /// How many candidates may be asked besides those that have a seat on a panel.
    pub(super) fn unseated_allowance(&self) -> usize {
        let state = self.state();
        let waiting = state.seated.iter().filter(|id| !state.was_asked(id)).count();
        self.most_providers().saturating_sub(state.asked()).saturating_sub(waiting)
    }

    fn next_fallback(
        &self,
        waiting: &mut Vec<ProviderId>,
        failed: &Candidate,
        request: &ChatRequest,
    ) -> Option<Arc<Candidate>> {
        while let Some(id) = waiting.pop() {
            let found = self.all.iter().find(|candidate| candidate.id == id);
            let sentence = match found {
                None => {
                    format!("{id}, a fallback of {}, was skipped: it is not registered", failed.id)
                }
                Some(_) if self.was_asked(&id) => {
                    format!("{id}, a fallback of {}, was skipped: it was asked already", failed.id)
                }
                Some(_) if self.state().seated.contains(&id) => {
                    format!("{id}, a fallback of {}, was skipped: it is asked anyway", failed.id)
                }
                Some(_) if self.unseated_allowance() == 0 => {
                    format!("{id}, a fallback of {}, was skipped: no more candidates may be asked", failed.id)
                }
                Some(next) => match next.capabilities(request).missing_for(request) {
                    Some(what) => {
                        format!("{id}, a fallback of {}, was skipped: it cannot take {what}", failed.id)
                    }
                    None => {
                        self.note(format!("{id} is asked in place of {}", failed.id));
                        return Some(Arc::clone(next));
                    }
                },
            };
            self.note(sentence);
        }
        None
    }

    /// Asks `candidate` for something besides an answer to the request, such as a comparison of the answers: it stands in
    /// the ledger and not among the responses, and takes nobody's place. A comparison gets
    /// [`time_for_analysis`](Self::time_for_analysis).
    ///
    /// # Errors
    /// The candidate's own.
    pub async fn ask_aside(
        &self,
        aside: Aside,
        candidate: &Arc<Candidate>,
        request: Arc<ChatRequest>,
    ) -> Result<Reply<'_>> {
        if let Some(what) = candidate.capabilities(&request).missing_for(&request) {
            self.note(format!(
                "{} was not asked for {}: it cannot take {what}",
                candidate.id(),
                aside.as_str()
            ));
            let message = format!("it cannot take {what}, which the request asks for");
            return Err(Error::new(ErrorKind::Unsupported, message).with_provider(candidate.id().clone()));
        }
        let mut cx = self.cx.child();
        if let (Aside::Analysis, Some(limit)) = (aside, self.time_for_analysis()) {
            cx = cx.with_timeout(limit);
        }
        self.ask_one(candidate, &request, &cx, Some(aside)).await
    }

    /// Asks one candidate through its layers.
    async fn ask_one(
        &self,
        candidate: &Arc<Candidate>,
        request: &Arc<ChatRequest>,
        cx: &CallContext,
        aside: Option<Aside>,
    ) -> Result<Reply<'_>> {
        let request = prepared(candidate, request);
        let terms = &candidate.terms;
        let mut limits = self.resolved.limits;
        limits.attempt = terms.timeout;
        limits.content_by = cx.limits().content_by;
        let retries = self.max_retries.or(terms.max_retries).unwrap_or(self.resolved.max_retries);
        let cx = cx
            .clone()
            .with_candidate(candidate.id.clone())
            .with_ask(self.cx.ledger().next_ask())
            .with_attempt(0)
            .with_limits(limits)
            .with_max_retries(retries);
        let mut record = Record::open(self, candidate, &request, cx, aside)?;
        if self.has_listener() && aside.is_none() {
            let (provider_id, model) = (candidate.id.clone(), request.model.clone().map(Into::into));
            self.emit(Event::Asked { provider_id, model }).await;
        }
        match candidate.stack.chat(&record.cx, request).await {
            Ok(reply) => Ok(Reply { reply, record }),
            // Boxed here and below, so that an ask that succeeds needs no room for it.
            Err(error) => Err(Box::pin(record.fail(error)).await),
        }
    }

    /// Reads a reply to its end and hands every piece to those who listen, as part of the final answer.
    ///
    /// # Errors
    /// What broke the answer off; those who listen are told that the pieces are void.
    pub fn forward<'run>(
        &'run self,
        reply: Reply<'run>,
    ) -> impl Future<Output = Result<Answer>> + Send + 'run {
        let Reply { reply, mut record } = reply;
        async move {
            let result = match self.has_listener() {
                // Boxed, so that a request that nobody listens to needs no room for it.
                true => Box::pin(self.tell(reply, &record)).await,
                false => shared(reply).await,
            };
            record.finish(result).await
        }
    }

    /// Reads a reply to its end and tells every piece.
    async fn tell(&self, reply: ChatReply, record: &Record<'_>) -> Result<Arc<ChatResponse>> {
        let mut events = reply.into_events();
        let mut fold = Fold::default();
        let mut forwarded = false;
        let mut broken = None;
        while let Some(event) = events.next().await {
            let folded = match event {
                // A frame of a request that was written anew stands alone; nobody could make a stream of it.
                Ok(ChatEvent::Native(_)) if !record.is_native => continue,
                Ok(event) => {
                    forwarded |= event.is_commit();
                    self.hand_on(&record.candidate.id, event.clone()).await;
                    fold.push(event)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = folded {
                broken = Some(error);
                break;
            }
        }
        let result = match broken {
            None => fold.finish().map(Arc::new),
            Some(error) => Err(fold.broken_by(error)),
        };
        if let (Err(error), true) = (&result, forwarded) {
            self.emit(Event::Discarded { reason: error.to_string(), kind: Some(error.kind()) }).await;
        }
        result
    }

    /// Hands a whole answer to those who listen, as the final answer.
    pub async fn announce(&self, answer: &Answer) {
        if self.has_listener() {
            // Boxed, so that a request that nobody listens to needs no room for it.
            Box::pin(async {
                for event in crate::events_of((*answer.response).clone()) {
                    self.hand_on(answer.provider_id(), event).await;
                }
            })
            .await;
        }
    }

    /// Tells those who listen a piece of the final answer, which `by` writes.
    async fn hand_on(&self, by: &ProviderId, event: ChatEvent) {
        match event {
            ChatEvent::Started { model, request_id } => {
                self.emit(Event::Answering { provider_id: by.clone(), model, request_id }).await;
            }
            ChatEvent::Delta(delta) => self.emit(Event::Delta { delta }).await,
            ChatEvent::Native(frame) => {
                self.emit(Event::Frame { frame }).await;
            }
            _ => {}
        }
    }
}

/// The context of one that others are left after. One that hangs would take all the time, and its retries with it: it gets
/// two thirds.
fn bounded(cx: &CallContext, request: &ChatRequest) -> CallContext {
    let cx = cx.clone().with_spare();
    cx.share().map_or_else(|| cx.clone(), |share| within(&cx, request, share))
}

/// The same call with an upper bound of the time to the answer. A live one is bounded to its first content alone: what is
/// being read is not cut off.
fn within(cx: &CallContext, request: &ChatRequest, limit: Duration) -> CallContext {
    if request.delivery == Delivery::Whole {
        return cx.clone().with_timeout(limit);
    }
    let mut limits = cx.limits();
    let own = Instant::now().checked_add(limit);
    limits.content_by = own.into_iter().chain(limits.content_by).min();
    cx.clone().with_limits(limits)
}

/// The request as the candidate gets it: with its own model, where it has one.
fn prepared(candidate: &Candidate, request: &Arc<ChatRequest>) -> Arc<ChatRequest> {
    match candidate.model() {
        Some(model) if request.model.as_ref() != Some(model) => {
            Arc::new((**request).clone().with_model(model.clone()))
        }
        _ => Arc::clone(request),
    }
}

/// The same request for a whole answer.
pub(super) fn whole(request: &Arc<ChatRequest>) -> Arc<ChatRequest> {
    match request.delivery {
        Delivery::Whole => Arc::clone(request),
        Delivery::Live => Arc::new((**request).clone().with_delivery(Delivery::Whole)),
    }
}
