//! One key while the gateway runs: its minute, its purses, and what of them the store does not know yet.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ultraai::{Cost, Purse};

use super::{
    calendar::Day,
    key::{KeyStatus, KeyView, StoredKey},
    store::{Spend, Spent},
    window::Window,
};

/// How old the stored moment of the last use may be before it is written without anything else.
const USE_WRITTEN_EACH: u64 = 60;

/// One key while the gateway runs.
pub(super) struct Account {
    pub(super) key: StoredKey,
    /// From when on it is refused, in seconds since 1970; 0 where it is not revoked.
    revoked: AtomicU64,
    /// Whether the keeper is going to look at it.
    pub(super) is_listed: AtomicBool,
    books: Mutex<Books>,
}

/// What changes with each request.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) window: Window,
    today: Book,
    /// Days that are over, of which requests are still under way, or the store does not know all yet.
    before: Vec<Book>,
    /// What was spent in the month of `today` on days that have no book here.
    elsewhere: u64,
    last_used: Option<u64>,
    last_used_written: Option<u64>,
}

/// What was spent on one day. Requests that came on it draw from its purse until they end.
#[derive(Debug)]
struct Book {
    day: Day,
    purse: Purse,
    /// How much of it the store knows.
    written: u64,
}

impl Book {
    fn resumed(day: Day, spent: u64) -> Self {
        Self { day, purse: Purse::resumed(None, spent), written: spent }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.key.id).finish_non_exhaustive()
    }
}

impl Account {
    /// An account of a key with which so much was spent until `day`.
    pub(super) fn new(key: StoredKey, day: Day, spent: Spent, last_used: Option<u64>) -> Self {
        let mut books = Books {
            window: Window::default(),
            today: Book::resumed(day, spent.on_day),
            before: Vec::new(),
            elsewhere: spent.in_month.saturating_sub(spent.on_day),
            last_used,
            last_used_written: last_used,
        };
        books.limit(&key);
        let revoked = AtomicU64::new(key.revoked.unwrap_or(0));
        Self { key, revoked, is_listed: AtomicBool::new(false), books: Mutex::new(books) }
    }

    pub(super) fn revoke(&self, at: u64) {
        self.revoked.store(at.max(1), Ordering::Release);
    }

    pub(super) fn status(&self, now: u64) -> KeyStatus {
        match (self.revoked.load(Ordering::Acquire), self.key.terms.expires) {
            (1.., _) => KeyStatus::Revoked,
            (0, Some(expires)) if expires <= now => KeyStatus::Expired,
            (0, _) => KeyStatus::Live,
        }
    }

    /// Its books on `day`.
    pub(super) fn books(&self, day: Day) -> MutexGuard<'_, Books> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.turn(day, &self.key);
        books
    }

    pub(super) fn view(&self, day: Day, now: u64) -> KeyView {
        let books = self.books(day);
        KeyView {
            id: self.key.id.clone(),
            status: self.status(now),
            created: self.key.created,
            revoked: Some(self.revoked.load(Ordering::Acquire)).filter(|at| *at > 0),
            last_used: books.last_used,
            spent_today_nano_dollars: books.today.purse.spent(),
            spent_this_month_nano_dollars: books.today.purse.spent().saturating_add(books.other_days(false)),
            terms: self.key.terms.clone(),
        }
    }
}

impl Books {
    /// What may be spent on this day.
    pub(super) fn purse(&self) -> &Purse {
        &self.today.purse
    }

    pub(super) fn touch(&mut self, now: u64) {
        self.last_used = self.last_used.max(Some(now));
    }

    /// Begins a day. A clock that was set back does not give a day's money twice.
    fn turn(&mut self, day: Day, key: &StoredKey) {
        if self.today.day >= day {
            return;
        }
        if self.today.day.month() != day.month() {
            self.elsewhere = 0;
        }
        let over = std::mem::replace(&mut self.today, Book::resumed(day, 0));
        self.before.push(over);
        self.limit(key);
    }

    /// Sets what may be spent today: the smaller of what the day and what the month leave.
    fn limit(&mut self, key: &StoredKey) {
        if !key.terms.has_budget() {
            return;
        }
        let of_month =
            key.terms.budget_per_month_nano_dollars.map(|month| month.saturating_sub(self.other_days(true)));
        let limit = [key.terms.budget_per_day_nano_dollars, of_month].into_iter().flatten().min();
        if self.today.purse.limit() != limit {
            self.today.purse.set_limit(limit);
        }
    }

    /// What was spent on the other days of this month, and what may still be of what is under way since then.
    fn other_days(&self, with_reserved: bool) -> u64 {
        let month = self.today.day.month();
        let before = self.before.iter().filter(|book| book.day.month() == month).map(|book| {
            let reserved = if with_reserved { book.purse.reserved() } else { 0 };
            book.purse.spent().saturating_add(reserved)
        });
        before.fold(self.elsewhere, u64::saturating_add)
    }

    /// What the store does not know yet.
    pub(super) fn unwritten(&self, key: &StoredKey) -> Vec<Spend> {
        let books = self.before.iter().chain([&self.today]);
        let spend =
            |day, nano_dollars| Spend { id: key.id.clone(), day, nano_dollars, last_used: self.last_used };
        let mut all: Vec<_> = books
            .map(|book| spend(book.day, book.purse.spent().saturating_sub(book.written)))
            .filter(|spend| spend.nano_dollars > 0)
            .collect();
        let is_old = match (self.last_used, self.last_used_written) {
            (Some(now), Some(written)) => now >= written + USE_WRITTEN_EACH,
            (now, None) => now.is_some(),
            (None, Some(_)) => false,
        };
        if all.is_empty() && is_old {
            all.push(spend(self.today.day, 0));
        }
        all
    }

    /// Notes that the store knows of it.
    pub(super) fn written(&mut self, spend: &Spend) {
        self.last_used_written = self.last_used_written.max(spend.last_used);
        if let Some(book) = self.before.iter_mut().chain([&mut self.today]).find(|book| book.day == spend.day)
        {
            book.written += spend.nano_dollars;
        }
    }

    /// Takes in what all spent until `day`, as the store knows it once it was told of everything from here.
    pub(super) fn share(&mut self, key: &StoredKey, day: Day, spent: Spent) {
        if self.today.day == day {
            let others = spent.on_day.saturating_sub(self.today.written);
            self.today.purse.spend(Cost::NanoDollars(others));
            self.today.written += others;
            let month = day.month();
            let here = self.before.iter().filter(|book| book.day.month() == month).map(|book| book.written);
            let here = here.fold(spent.on_day, u64::saturating_add);
            self.elsewhere = spent.in_month.saturating_sub(here);
        }
        self.limit(key);
    }

    /// Closes the books of days that are over, and says whether anything may still be spent or has to be written.
    pub(super) fn close(&mut self, key: &StoredKey) -> bool {
        let month = self.today.day.month();
        let mut closed = 0;
        self.before.retain(|book| {
            // In this order: who holds it no more has spent what it will.
            let is_open = book.purse.is_shared() || book.purse.spent() > book.written;
            if !is_open && book.day.month() == month {
                closed += book.written;
            }
            is_open
        });
        self.elsewhere = self.elsewhere.saturating_add(closed);
        self.limit(key);
        let is_spending = self.today.purse.is_shared() || self.today.purse.spent() > self.today.written;
        let is_taking = key.terms.has_limits() && self.window.unshared().is_some();
        is_spending || is_taking || !self.before.is_empty()
    }
}
