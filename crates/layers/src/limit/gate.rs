//! The gate before a provider, where requests wait strictly in order.
//!
//! A place is handed over and not announced: whoever frees something gives it to the first in the queue, in its name, and wakes
//! it. So nothing is lost when the one who was woken is dropped before it looks: its place goes on to the next. Only the first
//! in the queue needs a timer for the gate, and a new first one is woken so that it sets its own.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep};
use ultraai_core::RateLimits;

use super::{
    LimitLayer, Reading,
    learned::Learned,
    line::{Amount, Line, Look, Patience, Place},
};

/// Requests that may wait; more are refused at once.
const MOST_WAITING: usize = 10_000;

/// An answer's time moves the usual one by this part of the distance.
const STEP: u64 = 8;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// None is free in time; the next one may be after this time, where that is known.
    Late(Option<Duration>),
    /// Too many wait; the last of them may go after this time, where that is known.
    Full(Option<Duration>),
    /// One that does not wait would have to.
    Busy(Option<Duration>),
}

/// The gate of one (host, credential, model).
#[derive(Debug)]
pub(super) struct Gate {
    settings: LimitLayer,
    counts_tokens: AtomicBool,
    /// Microseconds that an answer usually takes: a place so shortly before the deadline is of no use.
    usual: AtomicU64,
    line: Mutex<Line>,
}

impl Gate {
    pub(super) fn new(settings: &LimitLayer) -> Self {
        let counts_tokens = AtomicBool::new(settings.tokens_per_minute.is_some());
        let usual = AtomicU64::new(0);
        Self { settings: *settings, counts_tokens, usual, line: Mutex::new(Line::new(settings)) }
    }

    /// Whether anybody wants to know how many tokens a request takes.
    pub(super) fn counts_tokens(&self) -> bool {
        self.counts_tokens.load(Ordering::Relaxed)
    }

    /// What a request of so many tokens takes. One that is larger than the limit goes through alone: the provider may take it.
    pub(super) fn amount(&self, input: u64, output: u64) -> Amount {
        let tokens = input.saturating_add(output);
        let counted = self.settings.tokens_per_minute.map_or(0, |most| tokens.min(most));
        Amount { requests: 1, input, output, counted }
    }

    /// Takes a place when one is free and nobody waits, else joins the queue, unless nobody would be served there in time.
    pub(super) fn enter(
        self: &Arc<Self>,
        amount: &Amount,
        deadline: Option<Instant>,
        waits: bool,
        now: Instant,
    ) -> Result<Entered, Refusal> {
        self.change(|line| {
            if let Some(place) = line.enter(amount, now) {
                return Ok(Entered::Place(place));
            }
            if !waits {
                return Err(Refusal::Busy(line.wait(amount, now)));
            }
            if line.waiting() >= MOST_WAITING {
                return Err(Refusal::Full(line.wait(amount, now)));
            }
            let latest = self.settings.max_wait.and_then(|wait| now.checked_add(wait));
            let usual = Duration::from_micros(self.usual.load(Ordering::Relaxed));
            let deadline =
                deadline.map(|deadline| deadline.checked_sub(usual).map_or(now, |last| last.max(now)));
            let id = line.join(amount, Patience { deadline, latest }, now).map_err(Refusal::Late)?;
            Ok(Entered::Queue(Wait { gate: Arc::clone(self), id: Some(id), timer: None }))
        })
    }

    /// An answer came, or its first content, so long after its place.
    pub(super) fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let next = |usual: u64| Some(if usual == 0 { time } else { usual - usual / STEP + time / STEP });
        let _ = self.usual.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// Frees a place; `tokens` is what was used in the end, where it is known.
    pub(super) fn free(&self, place: &Place, tokens: Option<u64>) {
        self.change(|line| line.free(place, tokens));
    }

    /// Frees a place that nothing was sent from.
    pub(super) fn give_back(&self, place: &Place) {
        self.change(|line| line.give_back(place));
    }

    /// Learns what the response to the request at `place` says.
    pub(super) fn observe(&self, limits: &RateLimits, place: &Place) {
        self.learn(|learned, now| learned.observe(limits, place.number, &place.mark, now));
    }

    /// Holds everything back for `delay`.
    pub(super) fn hold(&self, delay: Duration) {
        self.learn(|learned, now| learned.hold(delay, now));
    }

    pub(super) fn reading(&self, host: Option<String>, model: Option<String>) -> Reading {
        // Nothing is given out: who reads may live in another runtime, whose clock is another.
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        Reading { host, model, in_flight: line.in_flight(), waiting: line.waiting() }
    }

    fn learn(&self, learn: impl FnOnce(&mut Learned, Instant)) {
        self.change(|line| {
            let now = Instant::now();
            let before = line.learned.ready(&Amount::ONE, now);
            learn(&mut line.learned, now);
            if line.learned.counts_tokens() {
                self.counts_tokens.store(true, Ordering::Relaxed);
            }
            if line.learned.ready(&Amount::ONE, now) > before {
                line.wake_vain(now);
            }
        });
    }

    /// Changes the line, gives out what is free after that, and wakes those who get it when nothing is locked any more.
    fn change<T>(&self, change: impl FnOnce(&mut Line) -> T) -> T {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut line);
        if line.waiting() > 0 {
            line.grant(Instant::now());
        }
        let woken = std::mem::take(&mut line.woken);
        drop(line);
        woken.into_iter().for_each(Waker::wake);
        result
    }
}

/// Where one stands after it came to the gate.
#[derive(Debug)]
pub(super) enum Entered {
    Place(Place),
    Queue(Wait),
}

/// Waits in the queue. Dropped, it leaves it.
pub(super) struct Wait {
    gate: Arc<Gate>,
    /// Its number in the queue, until it has left it.
    id: Option<u64>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Future for Wait {
    type Output = Result<Place, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let Some(id) = this.id else { return Poll::Ready(Err(Refusal::Late(None))) };
            let now = Instant::now();
            let at = match this.gate.change(|line| line.look(id, cx.waker(), now)) {
                Look::Granted(place) => {
                    this.id = None;
                    return Poll::Ready(Ok(place));
                }
                Look::Refused(wait) => {
                    this.id = None;
                    return Poll::Ready(Err(Refusal::Late(wait)));
                }
                Look::Waiting(None) => {
                    this.timer = None;
                    return Poll::Pending;
                }
                Look::Waiting(Some(at)) => at,
            };
            let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            ready!(timer.as_mut().poll(cx));
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.gate.change(|line| line.leave(id));
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("id", &self.id).finish_non_exhaustive()
    }
}
