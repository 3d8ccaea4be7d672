//! Several candidates asked together.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;

use tokio::time::{Instant, Sleep};

use super::{Answer, Reply, Run, ask::whole};
use crate::{AbandonReason, CallContext, Candidate, ChatRequest, ProviderId, Result};

/// One candidate to be asked, with what, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ask {
    /// The candidate.
    pub candidate: Arc<Candidate>,
    /// What it is asked. A panel's answers are whole ones.
    pub request: Arc<ChatRequest>,
    /// How long to wait before it is asked. Default: not at all.
    pub start_after: Duration,
    /// Upper bound of its time from now on. Default: the request's deadline.
    pub within: Option<Duration>,
    /// Whether another candidate is asked as soon as this one fails. Default: no.
    pub has_spare: bool,
}

impl Ask {
    /// Asks `candidate` at once.
    pub fn new(candidate: &Arc<Candidate>, request: &Arc<ChatRequest>) -> Self {
        Self {
            candidate: Arc::clone(candidate),
            request: Arc::clone(request),
            start_after: Duration::ZERO,
            within: None,
            has_spare: false,
        }
    }

    /// Says whether another candidate is asked as soon as this one fails: it waits for no place then.
    #[must_use]
    pub fn has_spare(mut self, has_spare: bool) -> Self {
        self.has_spare = has_spare;
        self
    }

    /// Waits before asking, so that candidates start one after the other.
    #[must_use]
    pub fn start_after(mut self, delay: Duration) -> Self {
        self.start_after = delay;
        self
    }

    /// Bounds its time, counted from the moment it is put on the panel.
    #[must_use]
    pub fn within(mut self, limit: Option<Duration>) -> Self {
        self.within = limit;
        self
    }
}

/// What one member of a panel said: its whole answer, or on a panel of replies the reply that is still to be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct PanelAnswer<T = Answer> {
    /// Who was asked; a fallback may have answered in its place.
    pub provider_id: ProviderId,
    /// The answer.
    pub result: Result<T>,
}

/// Answers as they come. Members are polled in the caller's task, in the order they were put on; a member
/// that is aborted or dropped stands in the ledger before the call returns.
#[must_use = "members make progress only while the panel is polled"]
pub struct Panel<'run, T = Answer> {
    run: &'run Run,
    members: Vec<Member<'run, T>>,
}

struct Member<'run, T> {
    id: ProviderId,
    cx: CallContext,
    /// Freed with the member, whether it was asked or not.
    _seat: Seat<'run>,
    /// Until when it waits before it is asked.
    start: Option<Pin<Box<Sleep>>>,
    work: Pin<Box<dyn Future<Output = Result<T>> + Send + 'run>>,
}

/// Keeps a member's place, so that it is not asked in somebody's place as well.
struct Seat<'run> {
    run: &'run Run,
    id: ProviderId,
}

impl<'run> Seat<'run> {
    fn take(run: &'run Run, id: &ProviderId) -> Self {
        run.state().seated.push(id.clone());
        Self { run, id: id.clone() }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let seated = &mut self.run.state().seated;
        if let Some(place) = seated.iter().position(|id| *id == self.id) {
            seated.swap_remove(place);
        }
    }
}

impl<'run> Panel<'run> {
    pub(super) fn new(run: &'run Run, asks: impl IntoIterator<Item = Ask>) -> Self {
        let mut panel = Self { run, members: Vec::new() };
        asks.into_iter().for_each(|ask| panel.push(ask));
        panel
    }

    /// Puts one more member on.
    pub fn push(&mut self, ask: Ask) {
        let run = self.run;
        self.seat(ask, |candidate, request, cx| {
            Box::pin(async move { run.ask_as(&candidate, whole(&request), cx).await?.collect().await })
        });
    }
}

impl<'run> Panel<'run, Reply<'run>> {
    pub(super) fn of_replies(run: &'run Run, asks: impl IntoIterator<Item = Ask>) -> Self {
        let mut panel = Self { run, members: Vec::new() };
        asks.into_iter().for_each(|ask| panel.push(ask));
        panel
    }

    /// Puts one more member on.
    pub fn push(&mut self, ask: Ask) {
        let run = self.run;
        self.seat(ask, |candidate, request, cx| {
            Box::pin(async move { run.ask_as(&candidate, request, cx).await })
        });
    }
}

impl<'run, T> Panel<'run, T> {
    fn seat(
        &mut self,
        ask: Ask,
        work: impl FnOnce(
            Arc<Candidate>,
            Arc<ChatRequest>,
            CallContext,
        ) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'run>>,
    ) {
        let Ask { candidate, request, start_after, within, has_spare } = ask;
        let mut cx = self.run.cx.child();
        if has_spare {
            cx = cx.with_spare();
        }
        if let Some(limit) = within {
            cx = cx.with_timeout(limit);
        }
        let (id, own) = (candidate.id().clone(), cx.clone());
        self.members.push(Member {
            _seat: Seat::take(self.run, &id),
            id,
            cx: own,
            start: (!start_after.is_zero()).then(|| Box::pin(tokio::time::sleep(start_after))),
            work: work(candidate, request, cx),
        });
    }

    /// Asks the next one who waits for its start at once, and moves up those behind it by as much.
    pub fn hasten(&mut self) {
        let now = Instant::now();
        let mut waiting = self.members.iter_mut().filter(|member| member.start.is_some());
        let Some(first) = waiting.next() else { return };
        let early = first.start.take().map(|start| start.deadline().saturating_duration_since(now));
        for start in waiting.filter_map(|member| member.start.as_mut()) {
            let sooner = start.deadline() - early.unwrap_or_default();
            start.as_mut().reset(sooner);
        }
    }

    /// Gives up the members of that name, at once.
    pub fn abort(&mut self, id: &ProviderId, reason: AbandonReason) {
        self.members.retain(|member| {
            let stays = member.id != *id;
            if !stays {
                member.cx.abandon(reason);
            }
            stays
        });
    }

    /// Gives up all who have not answered yet, at once.
    pub fn abort_all(&mut self, reason: AbandonReason) {
        self.members.iter().for_each(|member| member.cx.abandon(reason));
        self.members.clear();
    }

    /// How many have not answered yet.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// How many of them wait for their start.
    pub fn waiting(&self) -> usize {
        self.members.iter().filter(|member| member.start.is_some()).count()
    }

    /// Whether all have answered.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who has not answered yet.
    pub fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.members.iter().map(|member| &member.id)
    }

    /// Waits for the next answer; `None` when nobody is left.
    pub async fn next(&mut self) -> Option<PanelAnswer<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T> Member<'_, T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Some(start) = &mut self.start {
            ready!(start.as_mut().poll(cx));
            self.start = None;
        }
        self.work.as_mut().poll(cx)
    }
}

impl<T> Stream for Panel<'_, T> {
    type Item = PanelAnswer<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let members = &mut self.get_mut().members;
        if members.is_empty() {
            return Poll::Ready(None);
        }
        for place in 0..members.len() {
            if let Poll::Ready(result) = members[place].poll(cx) {
                let member = members.remove(place);
                return Poll::Ready(Some(PanelAnswer { provider_id: member.id, result }));
            }
        }
        Poll::Pending
    }
}

impl<T> fmt::Debug for Panel<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.members.iter().map(|member| &member.id).collect();
        f.debug_struct("Panel").field("waiting_for", &ids).finish_non_exhaustive()
    }
}
