//! One attempt, watched: limits of time, the commit point, the ledger row, the counters.
//!
//! It stands directly around every provider and cannot be removed. A live reply is held back until its first
//! content, so that whoever stands around it may still ask again; after that point a break is an error that
//! says what was received.

mod capture;
mod entry;
mod live;

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::Instrument as _;

pub(crate) use self::entry::is_unbilled;
use self::{entry::Entry, live::LiveAttempt};
use crate::{
    Accounting, CallContext, Capabilities, ChatEvent, ChatReply, ChatRequest, ChatResponse, Delivery,
    EndpointId, Error, ErrorKind, FinishReason, ModelName, Provider, ProviderId, Result,
    stats::CandidateStats,
};

/// Core's own wrapper around every provider.
#[derive(Debug)]
pub struct Attempt {
    inner: Arc<dyn Provider>,
    watched: Arc<Watched>,
}

/// Whose attempts they are, and the books that they go into.
#[derive(Debug)]
struct Watched {
    provider_id: ProviderId,
    /// `gen_ai.provider.name`.
    provider_name: Arc<str>,
    /// The candidate's own model, where it has one.
    model: Option<ModelName>,
    accounting: Arc<Accounting>,
    stats: Arc<CandidateStats>,
}

impl Attempt {
    /// Watches the attempts of `inner` for the candidate `provider_id`. What they cost is known to `accounting`, which
    /// may be made from a price.
    pub fn new(
        inner: Arc<dyn Provider>,
        provider_id: ProviderId,
        accounting: impl Into<Accounting>,
        stats: Arc<CandidateStats>,
    ) -> Self {
        Self::of_model(inner, provider_id, None, Arc::new(accounting.into()), stats)
    }

    pub(crate) fn of_model(
        inner: Arc<dyn Provider>,
        provider_id: ProviderId,
        model: Option<ModelName>,
        accounting: Arc<Accounting>,
        stats: Arc<CandidateStats>,
    ) -> Self {
        let provider_name = inner.name().into();
        let watched = Arc::new(Watched { provider_id, provider_name, model, accounting, stats });
        Self { inner, watched }
    }

    async fn run(&self, request: Arc<ChatRequest>, entry: &mut Entry) -> Result<Answered> {
        let live = request.delivery == Delivery::Live;
        let limit = Limit::until_content(entry.cx(), entry.started(), live);
        let reply = within(limit, self.inner.chat(entry.cx(), request)).await?;
        let reply = match reply.into_whole() {
            Ok(response) => return whole(response, entry),
            Err(live) => live,
        };
        let mut events = reply.into_events();
        let mut held = Vec::new();
        loop {
            let Some(event) = within(limit, async { events.next().await.transpose() }).await? else {
                return Err(crate::event::interrupted());
            };
            let commits = event.is_commit();
            entry.observe(&event);
            if let ChatEvent::Finished { finish_reason } = &event
                && !entry.has_answer()
            {
                empty(finish_reason, entry.is_at_sequence(), entry.cx().has_spare())?;
            }
            let ends = matches!(event, ChatEvent::Finished { .. });
            held.push(event);
            if commits || ends {
                return Ok(Answered::Live(held, events));
            }
        }
    }
}

/// What an attempt got to before it handed over.
enum Answered {
    Whole(Arc<ChatResponse>),
    /// The events up to the first content, and the rest.
    Live(Vec<ChatEvent>, crate::ChatEvents),
}

/// A whole answer, unless it holds nothing and should not.
fn whole(response: Arc<ChatResponse>, entry: &Entry) -> Result<Answered> {
    let checked = match response.is_empty() {
        true => {
            let is_at_sequence = response.stop_sequence.is_some() || entry.is_at_sequence();
            empty(&response.finish_reason, is_at_sequence, entry.cx().has_spare())
        }
        false => Ok(()),
    };
    match checked {
        Ok(()) => Ok(Answered::Whole(response)),
        // What was made is billed, whatever it holds.
        Err(error) => Err(error.with_partial(Arc::unwrap_or_clone(response))),
    }
}

#[async_trait]
impl Provider for Attempt {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        self.inner.capabilities(model)
    }

    fn endpoint(&self) -> Option<EndpointId> {
        self.inner.endpoint()
    }

    async fn chat(&self, cx: &CallContext, request: Arc<ChatRequest>) -> Result<ChatReply> {
        let now = Instant::now();
        if cx.content_deadline().is_some_and(|at| at <= now) {
            // Nothing reached a socket, so nothing stands in the ledger.
            return Err(timed_out("the deadline had passed before the attempt began").unsent());
        }
        let wants_whole = request.delivery == Delivery::Whole;
        let mut entry = Entry::open(self, cx, &request, now);
        let span = entry.span().clone();
        let answered = self.run(request, &mut entry).instrument(span).await;
        match answered {
            Ok(Answered::Whole(mut response)) => {
                entry.succeed_whole(&mut response);
                Ok(ChatReply::whole(response))
            }
            Ok(Answered::Live(held, events)) => {
                let reply = ChatReply::live(LiveAttempt::new(held, events, entry));
                match wants_whole {
                    // Boxed, since hardly any provider gives a live answer to who wants a whole one.
                    true => Box::pin(reply.collect()).await.map(ChatReply::whole),
                    false => Ok(reply),
                }
            }
            Err(error) => {
                let error = error.with_provider(entry.provider_id().clone());
                match error.is_unsent() {
                    true => entry.withdraw(&error),
                    false => drop(entry.fail(&error)),
                }
                Err(error)
            }
        }
    }
}

/// What an answer is that holds nothing. Where its end says why, it is no error, and as little a good answer as one that was cut
/// off within its text: there was no room for more than its reasoning, it is to be continued, or the first that it would have
/// said was a stop sequence. One that was withheld is an error while another candidate is asked in its place, and else what the
/// provider has to say.
fn empty(finish_reason: &FinishReason, is_at_sequence: bool, has_spare: bool) -> Result<()> {
    match finish_reason {
        FinishReason::ContentFilter if has_spare => Err(withheld()),
        FinishReason::Stop if is_at_sequence => Ok(()),
        reason if !reason.is_complete() => Ok(()),
        _ => Err(Error::new(ErrorKind::EmptyAnswer, "the provider answered with nothing")),
    }
}

/// The error for an answer of which a filter left nothing.
pub(crate) fn withheld() -> Error {
    let message = "the provider withheld the answer: its content filter stopped it";
    Error::new(ErrorKind::ContentFiltered, message)
}

/// When to stop waiting, and what to say then.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at: Option<Instant>,
    what: &'static str,
}

const DEADLINE: &str =
    "its time was up: the `timeout_seconds` of the request, or its share while others are left";
const ATTEMPT: &str = "the attempt took longer than its own limit (the provider's `timeout_seconds`)";
const FIRST_EVENT: &str = "no content came within `first_event_timeout_seconds`";
const GAP: &str = "nothing more came within `gap_timeout_seconds`";

impl Limit {
    fn new(deadline: Option<Instant>) -> Self {
        Self { at: deadline, what: DEADLINE }
    }

    fn until_content(cx: &CallContext, now: Instant, live: bool) -> Self {
        let limits = cx.limits();
        let first_event = limits.first_event.filter(|_| live);
        let share = limits.content_by.filter(|_| live);
        Self::new(cx.deadline().into_iter().chain(share).min())
            .or_after(now, limits.attempt, ATTEMPT)
            .or_after(now, first_event, FIRST_EVENT)
    }

    /// The earlier of this limit and `after` from `now`.
    fn or_after(self, now: Instant, after: Option<Duration>, what: &'static str) -> Self {
        match after.and_then(|after| now.checked_add(after)) {
            Some(at) if self.at.is_none_or(|own| at < own) => Self { at: Some(at), what },
            _ => self,
        }
    }
}

async fn within<T>(limit: Limit, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(at) = limit.at else { return work.await };
    tokio::select! {
        biased;
        done = work => done,
        () = tokio::time::sleep_until(at) => Err(timed_out(limit.what)),
    }
}

fn timed_out(what: &str) -> Error {
    Error::new(ErrorKind::Timeout, what)
}
