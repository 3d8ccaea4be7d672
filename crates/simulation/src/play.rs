//! Plays one step, and watches whether its reader stayed to the end.

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::time::Sleep;
use ultraai_core::{ChatEvent, ChatReply, Result};

use crate::step::{Act, Beat, BeatKind, Step};

/// Calls under way, and calls that were dropped before their end.
#[derive(Debug, Default)]
pub struct Visits {
    in_flight: AtomicUsize,
    dropped: AtomicUsize,
}

impl Visits {
    /// Calls under way: neither their future nor their reply was dropped yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Calls whose future or reply was dropped before the end.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Acquire)
    }

    /// Begins a call.
    pub fn begin(self: &Arc<Self>) -> Visit {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Visit { visits: Arc::clone(self), done: false }
    }
}

/// One call under way, until it is dropped.
#[derive(Debug)]
pub struct Visit {
    visits: Arc<Visits>,
    done: bool,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.visits.in_flight.fetch_sub(1, Ordering::AcqRel);
        if !self.done {
            self.visits.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Does what `step` says.
///
/// # Errors
/// The one that stands there.
pub async fn play(step: Step, mut visit: Visit) -> Result<ChatReply> {
    // A sleep of zero still waits for the timer's next tick.
    if !step.delay.is_zero() {
        tokio::time::sleep(step.delay).await;
    }
    match step.act {
        Act::Whole(response) => {
            visit.done = true;
            Ok(ChatReply::whole(*response))
        }
        Act::Fail(error) => {
            visit.done = true;
            Err(error)
        }
        Act::Live(beats) => Ok(ChatReply::live(Replay { beats: beats.into(), sleep: None, visit })),
        Act::Hang => std::future::pending().await,
    }
}

struct Replay {
    beats: VecDeque<Beat>,
    sleep: Option<Pin<Box<Sleep>>>,
    visit: Visit,
}

impl Stream for Replay {
    type Item = Result<ChatEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(sleep) = &mut this.sleep {
                ready!(sleep.as_mut().poll(cx));
                this.sleep = None;
            }
            match this.beats.pop_front().map(|beat| beat.0) {
                Some(BeatKind::Event(event)) => {
                    this.visit.done |= matches!(*event, ChatEvent::Finished { .. });
                    return Poll::Ready(Some(Ok(*event)));
                }
                Some(BeatKind::Fail(error)) => {
                    this.visit.done = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(BeatKind::Pause(length)) => this.sleep = Some(Box::pin(tokio::time::sleep(length))),
                Some(BeatKind::Hang) => {
                    this.beats.push_front(Beat::hang());
                    return Poll::Pending;
                }
                None => {
                    this.visit.done = true;
                    return Poll::Ready(None);
                }
            }
        }
    }
}
