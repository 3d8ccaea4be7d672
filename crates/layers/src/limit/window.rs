//! So much in any minute.
//!
//! A bucket that refills would let twice as much through in the minute after a pause, which providers that count by the minute
//! refuse. What is sent by this window fits under either way of counting.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The span that limits are given for.
const SPAN: Duration = Duration::from_mins(1);

/// What is sent within this time leaves the window together, so that the window stays small whatever its limit.
const GRAIN: Duration = Duration::from_millis(100);

/// What was sent in the last minute.
#[derive(Debug)]
pub(super) struct Window {
    limit: u64,
    sum: u64,
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
}

#[derive(Debug)]
struct Entry {
    begun: Instant,
    /// When the last of it was sent.
    ended: Instant,
    amount: u64,
}

impl Window {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, sum: 0, entries: VecDeque::new(), first: 0 }
    }

    /// When `amount` fits, which may be more than fits at once: it is sent as early as it can be.
    pub(super) fn ready(&mut self, amount: u64, now: Instant) -> Instant {
        self.expire(now);
        if self.sum.saturating_add(amount) <= self.limit {
            return now;
        }
        let minutes = amount.saturating_sub(1) / self.limit;
        let rest = amount - minutes * self.limit;
        let mut excess = self.sum.saturating_add(rest).saturating_sub(self.limit);
        let mut ready = now;
        for entry in &self.entries {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(entry.amount);
            ready = entry.ended + SPAN;
        }
        ready + SPAN.saturating_mul(u32::try_from(minutes).unwrap_or(u32::MAX))
    }

    /// Counts `amount` as sent now, and returns the number to correct it by.
    pub(super) fn add(&mut self, amount: u64, now: Instant) -> u64 {
        self.sum = self.sum.saturating_add(amount);
        match self.entries.back_mut() {
            Some(last) if now.duration_since(last.begun) < GRAIN => {
                last.ended = now;
                last.amount = last.amount.saturating_add(amount);
            }
            _ => self.entries.push_back(Entry { begun: now, ended: now, amount }),
        }
        self.first + self.entries.len() as u64 - 1
    }

    /// Counts `actual` in place of what was counted under `number`, while that is in the window.
    pub(super) fn correct(&mut self, number: u64, counted: u64, actual: u64) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.amount = entry.amount.saturating_sub(counted).saturating_add(actual);
            self.sum = self.sum.saturating_sub(counted).saturating_add(actual);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.ended + SPAN <= now) {
            self.sum = self.sum.saturating_sub(entry.amount);
            self.first += 1;
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_when_more_fits_even_after_several_minutes() {
        let start = Instant::now();
        let mut window = Window::new(10);
        window.add(6, start);
        window.add(4, start + seconds(20));
        let ready = |window: &mut Window, amount| window.ready(amount, start + seconds(30)) - start;
        assert_eq!(ready(&mut window, 6), seconds(60));
        assert_eq!(ready(&mut window, 7), seconds(80));
        assert_eq!(ready(&mut window, 16), seconds(120));
        assert_eq!(ready(&mut window, 20), seconds(140));
        assert_eq!(window.ready(10, start + seconds(80)), start + seconds(80));
    }

    #[tokio::test(start_paused = true)]
    async fn a_correction_counts_while_the_minute_lasts() {
        let start = Instant::now();
        let mut window = Window::new(10);
        let number = window.add(8, start);
        window.correct(number, 8, 3);
        assert_eq!(window.ready(7, start), start);
        window.correct(number, 3, 30);
        assert_eq!(window.ready(1, start), start + seconds(60), "what was used beyond the limit is a debt");
        assert_eq!(window.ready(10, start + seconds(60)), start + seconds(60));
        window.correct(number, 30, 10);
        assert_eq!(window.ready(10, start + seconds(60)), start + seconds(60), "it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_small_whatever_its_limit() {
        let mut now = Instant::now();
        let mut window = Window::new(u64::MAX);
        for _ in 0..1_000_000 {
            now += Duration::from_micros(200);
            window.ready(1, now);
            window.add(1, now);
        }
        assert!(window.entries.len() <= 601, "{}", window.entries.len());
    }
}
