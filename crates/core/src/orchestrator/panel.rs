//! Several candidates asked together.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;

use super::{Answer, Run, ask::whole};
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
}

impl Ask {
    /// Asks `candidate` at once.
    pub fn new(candidate: &Arc<Candidate>, request: &Arc<ChatRequest>) -> Self {
        Self {
            candidate: Arc::clone(candidate),
            request: Arc::clone(request),
            start_after: Duration::ZERO,
            within: None,
        }
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

/// What one member of a panel said.
#[derive(Debug)]
#[non_exhaustive]
pub struct PanelAnswer {
    /// Who was asked; a fallback may have answered in its place.
    pub provider_id: ProviderId,
    /// The answer.
    pub result: Result<Answer>,
}

/// Answers as they come. Members are polled in the caller's task, in the order they were put on; a member
/// that is aborted or dropped stands in the ledger before the call returns.
#[must_use = "members make progress only while the panel is polled"]
pub struct Panel<'run> {
    run: &'run Run,
    members: Vec<Member<'run>>,
}

struct Member<'run> {
    id: ProviderId,
    cx: CallContext,
    /// Freed with the member, whether it was asked or not.
    _seat: Seat<'run>,
    work: Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'run>>,
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
        let Ask { candidate, request, start_after, within } = ask;
        let run = self.run;
        let mut cx = run.cx.child();
        if let Some(limit) = within {
            cx = cx.with_timeout(limit);
        }
        let (id, own) = (candidate.id().clone(), cx.clone());
        let seat = Seat::take(run, &id);
        let work = Box::pin(async move {
            if !start_after.is_zero() {
                tokio::time::sleep(start_after).await;
            }
            run.ask_as(&candidate, whole(&request), cx).await?.collect().await
        });
        self.members.push(Member { id, cx: own, _seat: seat, work });
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

    /// Whether all have answered.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who has not answered yet.
    pub(super) fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.members.iter().map(|member| &member.id)
    }

    /// Waits for the next answer; `None` when nobody is left.
    pub async fn next(&mut self) -> Option<PanelAnswer> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Panel<'_> {
    type Item = PanelAnswer;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let members = &mut self.get_mut().members;
        if members.is_empty() {
            return Poll::Ready(None);
        }
        for place in 0..members.len() {
            if let Poll::Ready(result) = members[place].work.as_mut().poll(cx) {
                let member = members.remove(place);
                return Poll::Ready(Some(PanelAnswer { provider_id: member.id, result }));
            }
        }
        Poll::Pending
    }
}

impl fmt::Debug for Panel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.members.iter().map(|member| &member.id).collect();
        f.debug_struct("Panel").field("waiting_for", &ids).finish_non_exhaustive()
    }
}
