//! Events on their way from a request to who reads them.
//!
//! A request is polled by its reader, so both are in one task. A channel would wake that task for each event that the task
//! itself has just written, and all of it would be polled once more for nothing: here only who waits for room is woken.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Event;

/// Events that may wait for a slow reader; beyond it the request itself waits.
const EVENTS_IN_ADVANCE: usize = 32;

/// The events of one request that nobody has read yet. A clone is the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Who waits for room.
    waiting: Vec<Waker>,
}

impl Telling {
    /// Puts an event behind the others; waits while there are many.
    pub(super) fn tell(telling: Option<&Self>, event: Event) -> Tell<'_> {
        Tell { telling, event: Some(event) }
    }

    /// Puts an event behind the others unless there are many.
    pub(super) fn try_tell(&self, event: Event) {
        let mut queue = self.queue();
        if queue.events.len() < EVENTS_IN_ADVANCE {
            queue.events.push_back(event);
        }
    }

    /// Takes the first.
    pub(super) fn take(&self) -> Option<Event> {
        let mut queue = self.queue();
        let event = queue.events.pop_front();
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        event
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event on its way to those who listen, where somebody does. Written out, so that it is no larger than the event.
pub(super) struct Tell<'a> {
    telling: Option<&'a Telling>,
    event: Option<Event>,
}

impl Future for Tell<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(telling) = this.telling else { return Poll::Ready(()) };
        let mut queue = telling.queue();
        if queue.events.len() < EVENTS_IN_ADVANCE {
            queue.events.extend(this.event.take());
            return Poll::Ready(());
        }
        queue.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn event(number: usize) -> Event {
        Event::Discarded { reason: number.to_string(), kind: None }
    }

    #[test]
    fn who_tells_more_than_is_read_waits_until_it_is() {
        let told = Telling::default();
        let mut telling = pin!(async {
            for number in 0..EVENTS_IN_ADVANCE + 2 {
                Telling::tell(Some(&told), event(number)).await;
            }
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(telling.as_mut().poll(&mut cx).is_pending());
        told.try_tell(event(usize::MAX));
        for number in 0..2 {
            assert_eq!(told.take(), Some(event(number)));
        }
        assert!(telling.as_mut().poll(&mut cx).is_ready());
        let rest: Vec<_> = std::iter::from_fn(|| told.take()).collect();
        assert_eq!(rest, (2..EVENTS_IN_ADVANCE + 2).map(event).collect::<Vec<_>>());
    }
}
