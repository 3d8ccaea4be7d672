//! Who waits, and what is free.

use std::{
    collections::{BTreeMap, HashMap},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use super::{LimitLayer, learned::Learned, window::Window};

/// A wait that only the provider's word asks for is no longer than this: it may not mean it.
const LONGEST_HOLD: Duration = Duration::from_mins(2);

/// What a request takes of the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) requests: u64,
    /// Tokens of the request.
    pub(super) input: u64,
    /// Tokens of the answer.
    pub(super) output: u64,
    /// Tokens that count in the window.
    pub(super) counted: u64,
}

impl Amount {
    /// One request, whatever its tokens.
    pub(super) const ONE: Self = Self { requests: 1, input: 0, output: 0, counted: 0 };

    pub(super) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.counted = self.counted.saturating_add(other.counted);
    }

    fn remove(&mut self, other: &Self) {
        self.requests = self.requests.saturating_sub(other.requests);
        self.input = self.input.saturating_sub(other.input);
        self.output = self.output.saturating_sub(other.output);
        self.counted = self.counted.saturating_sub(other.counted);
    }
}

/// How long one may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// When the answer must be there: a place at that time is of no use.
    pub(super) deadline: Option<Instant>,
    /// When it must have its place.
    pub(super) latest: Option<Instant>,
}

impl Patience {
    /// When it ends.
    pub(super) fn end(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.latest).min()
    }

    /// Whether a place at `ready` comes too late, where the provider's own word asks for a wait until `said`.
    fn is_less_than(&self, ready: Instant, said: Instant, now: Instant) -> bool {
        match self.latest {
            Some(latest) if latest < ready => return true,
            None if said.duration_since(now) > LONGEST_HOLD => return true,
            _ => {}
        }
        self.deadline.is_some_and(|deadline| deadline <= ready)
    }
}

/// A place, and what it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) amount: Amount,
    /// Which of all places it is.
    pub(super) number: u64,
    /// All that was let through up to it.
    pub(super) mark: Amount,
    /// Its entry in the window of requests and in that of tokens.
    entries: (u64, u64),
}

/// Who waits, and what is free.
#[derive(Debug)]
pub(super) struct Line {
    most_in_flight: usize,
    in_flight: usize,
    requests: Option<Window>,
    tokens: Option<Window>,
    pub(super) learned: Learned,
    places: u64,
    tickets: u64,
    /// Those who wait, in order.
    queue: BTreeMap<u64, Waiter>,
    /// What all of them take together.
    queued: Amount,
    /// Places of those who were woken and have not looked yet.
    granted: HashMap<u64, Place>,
    /// Who was first when it looked last, and when a place is free for it, as far as that is known.
    told: Option<(u64, Option<Instant>)>,
    /// Who is to be woken as soon as nothing is locked.
    pub(super) woken: Vec<Waker>,
}

#[derive(Debug)]
struct Waiter {
    amount: Amount,
    patience: Patience,
    waker: Option<Waker>,
}

/// What a waiting one finds when it looks.
#[derive(Debug)]
pub(super) enum Look {
    Granted(Place),
    /// No place is free in time; the next one may be after this time, where that is known.
    Refused(Option<Duration>),
    /// It looks again at this time at the latest.
    Waiting(Option<Instant>),
}

impl Line {
    pub(super) fn new(settings: &LimitLayer) -> Self {
        Self {
            most_in_flight: settings.max_concurrency.map_or(usize::MAX, |most| most as usize),
            in_flight: 0,
            requests: settings.requests_per_minute.map(Window::new),
            tokens: settings.tokens_per_minute.map(Window::new),
            learned: Learned::default(),
            places: 0,
            tickets: 0,
            queue: BTreeMap::new(),
            queued: Amount::default(),
            granted: HashMap::new(),
            told: None,
            woken: Vec::new(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes a place when one is free and nobody waits.
    pub(super) fn enter(&mut self, amount: &Amount, now: Instant) -> Option<Place> {
        (self.queue.is_empty() && self.is_free(amount, now)).then(|| self.take(amount, now))
    }

    /// How long one who came now with `amount` would wait, as far as that is known.
    pub(super) fn wait(&mut self, amount: &Amount, now: Instant) -> Option<Duration> {
        let mut all = self.queued;
        all.add(amount);
        self.time_to(&all, now)
    }

    /// Joins the queue as the last, unless those before it leave nothing in time.
    pub(super) fn join(
        &mut self,
        amount: &Amount,
        patience: Patience,
        now: Instant,
    ) -> Result<u64, Option<Duration>> {
        let mut all = self.queued;
        all.add(amount);
        if self.is_late(&all, &patience, now) {
            return Err(self.time_to(&all, now));
        }
        let id = self.tickets;
        self.tickets += 1;
        self.queue.insert(id, Waiter { amount: *amount, patience, waker: None });
        self.queued = all;
        Ok(id)
    }

    /// Looks whether the one who joined as `id` has a place by now; `waker` is woken when it must look again.
    pub(super) fn look(&mut self, id: u64, waker: &Waker, now: Instant) -> Look {
        if let Some(waiter) = self.queue.get_mut(&id) {
            // It is awake.
            waiter.waker = None;
        }
        self.grant(now);
        if let Some(place) = self.granted.remove(&id) {
            return Look::Granted(place);
        }
        let Some(waiter) = self.queue.get(&id) else { return Look::Refused(None) };
        let (amount, patience) = (waiter.amount, waiter.patience);
        let is_over = patience.end().is_some_and(|end| end <= now);
        if is_over || self.is_late(&amount, &patience, now) {
            let wait = self.time_to(&amount, now);
            self.leave(id);
            return Look::Refused(wait);
        }
        let free_at = if self.first() == Some(id) { self.tell(id, &amount, now) } else { None };
        if let Some(waiter) = self.queue.get_mut(&id) {
            waiter.waker = Some(waker.clone());
        }
        Look::Waiting(free_at.into_iter().chain(patience.end()).min())
    }

    /// Leaves the queue, or gives back the place that it did not look at.
    pub(super) fn leave(&mut self, id: u64) {
        if let Some(waiter) = self.queue.remove(&id) {
            self.queued.remove(&waiter.amount);
        } else if let Some(place) = self.granted.remove(&id) {
            self.give_back(&place);
        }
    }

    /// Frees a place; `tokens` is what was used in the end, where it is known.
    pub(super) fn free(&mut self, place: &Place, tokens: Option<u64>) {
        self.in_flight -= 1;
        if let (Some(window), Some(tokens)) = (&mut self.tokens, tokens) {
            window.correct(place.entries.1, place.amount.counted, tokens);
        }
    }

    /// Frees a place that nothing was sent from.
    pub(super) fn give_back(&mut self, place: &Place) {
        self.in_flight -= 1;
        if let Some(window) = &mut self.requests {
            window.correct(place.entries.0, place.amount.requests, 0);
        }
        if let Some(window) = &mut self.tokens {
            window.correct(place.entries.1, place.amount.counted, 0);
        }
        self.learned.give_back(&place.amount);
    }

    /// Gives what is free to those who are first, and wakes them.
    pub(super) fn grant(&mut self, now: Instant) {
        while let Some((&id, first)) = self.queue.first_key_value() {
            let amount = first.amount;
            if !self.is_free(&amount, now) {
                // A new first one, or one that may go at another time than it thinks, must set its timer.
                let told = self.told;
                self.tell(id, &amount, now);
                if self.told != told {
                    self.wake(id);
                }
                return;
            }
            self.wake(id);
            self.queue.remove(&id);
            self.queued.remove(&amount);
            let place = self.take(&amount, now);
            self.granted.insert(id, place);
        }
    }

    /// Wakes those who wait in vain after what the provider said: they are told so at once, and not when their time is up.
    pub(super) fn wake_vain(&mut self, now: Instant) {
        for waiter in self.queue.values_mut() {
            let said = self.learned.ready(&waiter.amount, now);
            if waiter.patience.is_less_than(said, said, now) {
                self.woken.extend(waiter.waker.take());
            }
        }
    }

    fn first(&self) -> Option<u64> {
        self.queue.keys().next().copied()
    }

    fn wake(&mut self, id: u64) {
        let waker = self.queue.get_mut(&id).and_then(|waiter| waiter.waker.take());
        self.woken.extend(waker);
    }

    /// Notes that `id` is the first, and when a place is free for it; unknown where others must end before.
    fn tell(&mut self, id: u64, amount: &Amount, now: Instant) -> Option<Instant> {
        let free_at = (self.in_flight < self.most_in_flight).then(|| self.ready(amount, now).0);
        self.told = Some((id, free_at));
        free_at
    }

    fn is_free(&mut self, amount: &Amount, now: Instant) -> bool {
        self.in_flight < self.most_in_flight && self.ready(amount, now).0 <= now
    }

    fn is_late(&mut self, amount: &Amount, patience: &Patience, now: Instant) -> bool {
        let (ready, said) = self.ready(amount, now);
        patience.is_less_than(ready, said, now)
    }

    fn time_to(&mut self, amount: &Amount, now: Instant) -> Option<Duration> {
        Some(self.ready(amount, now).0.duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// When `amount` may be sent, concurrency apart; and when as far as the provider's own word goes.
    fn ready(&mut self, amount: &Amount, now: Instant) -> (Instant, Instant) {
        let said = self.learned.ready(amount, now);
        let mut ready = said;
        if let Some(window) = &mut self.requests {
            ready = ready.max(window.ready(amount.requests, now));
        }
        if let Some(window) = &mut self.tokens {
            ready = ready.max(window.ready(amount.counted, now));
        }
        (ready, said)
    }

    fn take(&mut self, amount: &Amount, now: Instant) -> Place {
        self.in_flight += 1;
        self.places += 1;
        let requests = self.requests.as_mut().map_or(0, |window| window.add(amount.requests, now));
        let tokens = self.tokens.as_mut().map_or(0, |window| window.add(amount.counted, now));
        let mark = self.learned.add(amount, now);
        Place { amount: *amount, number: self.places, mark, entries: (requests, tokens) }
    }
}
