//! A live answer after its commit point.

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use tokio::time::{Instant, Sleep};

use super::{ATTEMPT, DEADLINE, GAP, Limit, empty, entry::Entry, timed_out};
use crate::{AttemptLimits, ChatEvent, ChatEvents, ChatResponse, Error, Result, UsageSource};

/// Who comes to look so long after a limit has passed was away when it did: its timer wakes whoever waits.
const LATE: Duration = Duration::from_millis(100);

/// Who comes to look within this time after it was there all the time. The timer counts milliseconds.
const PROMPT: Duration = Duration::from_millis(2);

/// Hands out the held events and then the rest, under the gap and attempt limits.
///
/// Data is polled before the timer, and both limits run only while we wait for the provider, so that a slow
/// caller is not taken for a slow provider. The deadline is the caller's own and is kept to the letter.
pub(super) struct LiveAttempt {
    held: VecDeque<ChatEvent>,
    events: ChatEvents,
    entry: Entry,
    deadline: Option<Instant>,
    limits: AttemptLimits,
    /// Time spent waiting for the provider, up to the last event.
    waited: Duration,
    waiting: Option<Waiting>,
    timer: Option<Pin<Box<Sleep>>>,
    done: bool,
}

#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    limit: Limit,
    /// It has passed once already.
    is_last_look: bool,
}

impl LiveAttempt {
    pub(super) fn new(held: Vec<ChatEvent>, events: ChatEvents, entry: Entry) -> Self {
        let mut this = Self {
            held: VecDeque::new(),
            events,
            deadline: entry.cx().deadline(),
            limits: entry.cx().limits(),
            entry,
            waited: Duration::ZERO,
            waiting: None,
            timer: None,
            done: false,
        };
        for event in held {
            this.queue(event);
        }
        this
    }

    /// Queues an event that the books have seen; before the end the usage is said, when nobody said it.
    fn queue(&mut self, event: ChatEvent) {
        if let ChatEvent::Finished { finish_reason } = &event {
            let usage = self.entry.succeed_live(finish_reason);
            if usage.source == UsageSource::Estimated {
                self.held.push_back(ChatEvent::Usage(usage));
            }
            self.done = true;
        }
        self.held.push_back(event);
    }

    /// Waits for the provider no longer than the limits allow.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let now = Instant::now();
        let waiting = self.waiting.filter(|waiting| !waiting.was_interrupted(now));
        let waiting = *self.waiting.insert(waiting.unwrap_or_else(|| {
            let left = self.limits.attempt.map(|limit| limit.saturating_sub(self.waited));
            let limit =
                Limit::new(self.deadline).or_after(now, left, ATTEMPT).or_after(now, self.limits.gap, GAP);
            Waiting { since: now, limit, is_last_look: false }
        }));
        ready!(self.poll_timer(waiting.limit, cx));
        if waiting.is_last_look {
            return Poll::Ready(timed_out(waiting.limit.what));
        }
        // What came while nobody looked may not have been handed over yet, so whoever reads the socket gets its turn before
        // the provider is said to be silent: one turn where we were there all the time, and some time where we may have been away.
        let Some(at) = waiting.limit.at else { return Poll::Pending };
        if now <= at + PROMPT {
            self.waiting = Some(Waiting { is_last_look: true, ..waiting });
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let limit = Limit::new(self.deadline).or_after(now, Some(LATE), waiting.limit.what);
        // What passed before may have been the caller's own time.
        self.waiting = Some(Waiting { since: now, limit, is_last_look: true });
        self.poll_timer(limit, cx).map(|()| timed_out(limit.what))
    }

    /// Ready once the limit has passed; of no limit it is never.
    fn poll_timer(&mut self, limit: Limit, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = limit.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }

    /// Ends with an error that carries what is known of the usage; who folds adds what was received.
    fn fail(&mut self, error: Error) -> Error {
        self.done = true;
        let error = error.with_provider(self.entry.provider_id().clone());
        let usage = self.entry.fail(&error);
        let partial = ChatResponse { usage: Some(usage), ..ChatResponse::default() };
        error.with_partial(partial)
    }
}

impl Waiting {
    /// Whether nobody looked when the limit passed. What the provider did meanwhile nobody knows then, and it may have sent a part
    /// of an event, which is nothing yet.
    fn was_interrupted(&self, now: Instant) -> bool {
        self.limit.at.is_some_and(|at| now > at + LATE)
    }
}

impl Stream for LiveAttempt {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(event) = this.held.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        if this.done {
            // The transport may still tidy up its connection.
            return Pin::new(&mut this.events).poll_next(cx).map(|_| None);
        }
        if this.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Poll::Ready(Some(Err(this.fail(timed_out(DEADLINE)))));
        }
        let span = this.entry.span().clone();
        let next = span.in_scope(|| Pin::new(&mut this.events).poll_next(cx));
        let next = match next {
            Poll::Ready(next) => next,
            Poll::Pending => {
                let error = ready!(this.poll_limit(cx));
                return Poll::Ready(Some(Err(this.fail(error))));
            }
        };
        if let Some(waiting) = this.waiting.take() {
            let now = Instant::now();
            this.waited += if waiting.was_interrupted(now) { Duration::ZERO } else { now - waiting.since };
        }
        match next {
            Some(Ok(event)) => {
                this.entry.observe(&event);
                if let ChatEvent::Finished { finish_reason } = &event
                    && !this.entry.has_answer()
                    // What began here goes on nowhere else.
                    && let Err(error) = empty(finish_reason, this.entry.is_at_sequence(), false)
                {
                    return Poll::Ready(Some(Err(this.fail(error))));
                }
                this.queue(event);
                Poll::Ready(this.held.pop_front().map(Ok))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(this.fail(error)))),
            None => Poll::Ready(None),
        }
    }
}
