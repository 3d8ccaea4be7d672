//! Purses: what may be spent, what is reserved for attempts under way, what is spent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Cost;

/// Money with a limit: of one request, of one key, of one day. A clone is the same purse.
///
/// Attempts under way reserve an upper bound, so that what is spent and what is reserved never pass the limit together,
/// however many draw from it at once. What a provider bills beyond the bound that was reserved can pass it; then nothing
/// more is let out.
#[derive(Clone, Debug)]
pub struct Purse(Arc<Account>);

#[derive(Debug)]
struct Account {
    /// One lock and no atomics: a reservation must see all numbers of one moment.
    balance: Mutex<Balance>,
}

#[derive(Clone, Copy, Debug)]
struct Balance {
    limit: Option<u64>,
    reserved: u64,
    spent: u64,
}

impl Purse {
    /// A purse without a limit.
    pub fn unlimited() -> Self {
        Self::resumed(None, 0)
    }

    /// A purse of so many nano-dollars.
    pub fn of(nano_dollars: u64) -> Self {
        Self::resumed(Some(nano_dollars), 0)
    }

    /// A purse of which so many nano-dollars were spent before, such as one that was written down and is read again.
    pub fn resumed(limit: Option<u64>, spent: u64) -> Self {
        Self(Arc::new(Account { balance: Mutex::new(Balance { limit, reserved: 0, spent }) }))
    }

    /// What may be spent in all, in nano-dollars.
    pub fn limit(&self) -> Option<u64> {
        self.balance().limit
    }

    /// Changes what may be spent in all, in nano-dollars: where others draw from the same money elsewhere, and what they leave
    /// becomes less or more. What is reserved stays so.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.balance().limit = limit;
    }

    /// What was spent, in nano-dollars: what is known, and of attempts that were reserved for and whose cost nobody knows
    /// the whole reservation.
    pub fn spent(&self) -> u64 {
        self.balance().spent
    }

    /// What is reserved for attempts under way, in nano-dollars.
    pub fn reserved(&self) -> u64 {
        self.balance().reserved
    }

    /// What is neither spent nor reserved, or `None` when there is no limit.
    pub fn remaining(&self) -> Option<u64> {
        let Balance { limit, reserved, spent } = *self.balance();
        limit.map(|limit| limit.saturating_sub(spent).saturating_sub(reserved))
    }

    /// Reserves an upper bound for one attempt, or `None` when the purse does not hold it. A reservation that is dropped
    /// was not needed.
    pub fn reserve(&self, nano_dollars: u64) -> Option<Reservation> {
        let mut balance = self.balance();
        let limit = balance.limit.unwrap_or(u64::MAX);
        let reserved = balance.reserved.checked_add(nano_dollars)?;
        if reserved.checked_add(balance.spent)? > limit {
            return None;
        }
        balance.reserved = reserved;
        drop(balance);
        Some(Reservation { purse: self.clone(), nano_dollars })
    }

    /// Writes down what an attempt cost that nothing was reserved for.
    pub fn spend(&self, cost: Cost) {
        if let Cost::NanoDollars(nano) = cost {
            let mut balance = self.balance();
            balance.spent = balance.spent.saturating_add(nano);
        }
    }

    /// Whether anybody else holds it, such as a request under way that may still spend of it.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn balance(&self) -> MutexGuard<'_, Balance> {
        self.0.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Money set aside for one attempt. Dropped, it goes back; [`settle`](Self::settle) says what was spent of it.
#[derive(Debug)]
#[must_use = "a reservation ends when it is dropped"]
pub struct Reservation {
    purse: Purse,
    nano_dollars: u64,
}

impl Reservation {
    /// The purse that it was taken from.
    pub fn purse(&self) -> &Purse {
        &self.purse
    }

    /// Spends what the attempt cost and gives the rest back. Of a cost that nobody knows all of it is spent, for so much may
    /// be billed.
    pub fn settle(mut self, cost: Cost) {
        let nano = match cost {
            Cost::NanoDollars(nano) => nano,
            Cost::Unknown => self.nano_dollars,
        };
        // Both numbers change at once, so that no money is missing in between, and none is there twice.
        let mut balance = self.purse.balance();
        balance.spent = balance.spent.saturating_add(nano);
        balance.reserved = balance.reserved.saturating_sub(self.nano_dollars);
        drop(balance);
        self.nano_dollars = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.nano_dollars == 0 {
            return;
        }
        let mut balance = self.purse.balance();
        balance.reserved = balance.reserved.saturating_sub(self.nano_dollars);
    }
}

/// What was set aside for one attempt in every purse that it draws from. It rides in the attempt's
/// [`CallContext`](crate::CallContext), and the attempt settles it as its row is closed. Dropped before an attempt began,
/// all of it goes back.
#[derive(Debug, Default)]
pub struct Deposit(Mutex<Reservations>);

/// Hardly any attempt draws from more than three purses, and so many need no list.
#[derive(Debug, Default)]
struct Reservations {
    few: [Option<Reservation>; 3],
    more: Vec<Reservation>,
}

impl Reservations {
    fn push(&mut self, reservation: Reservation) {
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(reservation),
            None => self.more.push(reservation),
        }
    }
}

impl Deposit {
    /// A deposit of these reservations.
    pub fn new(reservations: impl IntoIterator<Item = Reservation>) -> Self {
        let mut all = Reservations::default();
        reservations.into_iter().for_each(|reservation| all.push(reservation));
        Self(Mutex::new(all))
    }

    /// A deposit of these reservations, unless one of them could not be made: then what was set aside goes back.
    ///
    /// # Errors
    /// That of the first one that could not be made.
    pub fn of_all<E>(reservations: impl IntoIterator<Item = Result<Reservation, E>>) -> Result<Self, E> {
        let mut all = Reservations::default();
        for reservation in reservations {
            all.push(reservation?);
        }
        Ok(Self(Mutex::new(all)))
    }

    /// Gives all reservations back: there was no attempt. Whoever keeps the context keeps no money with it.
    pub(crate) fn give_back(&self) {
        drop(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    /// Settles all reservations, and spends in those of `others` that nothing was reserved in.
    pub(crate) fn settle(&self, cost: Cost, mut others: [Option<&Purse>; 2]) {
        let Reservations { few, more } =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for reservation in few.into_iter().flatten().chain(more) {
            for other in &mut others {
                *other = other.filter(|other| !Arc::ptr_eq(&reservation.purse.0, &other.0));
            }
            reservation.settle(cost);
        }
        others.into_iter().flatten().for_each(|other| other.spend(cost));
    }
}

/// Purses that a nested call draws from besides those of the whole request, each with what limits it, as errors name it.
#[derive(Clone, Debug)]
pub(crate) struct NestedPurses {
    limit: &'static str,
    purse: Purse,
    above: Option<Arc<NestedPurses>>,
}

impl NestedPurses {
    pub(crate) fn new(limit: &'static str, purse: Purse, above: Option<Arc<Self>>) -> Self {
        Self { limit, purse, above }
    }

    /// The innermost one first.
    pub(crate) fn iter(first: Option<&Arc<Self>>) -> impl Iterator<Item = (&'static str, &Purse)> {
        let each = std::iter::successors(first, |purses| purses.above.as_ref());
        each.map(|purses| (purses.limit, &purses.purse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_is_not_overdrawn_and_is_whole_in_the_end() {
        let purse = Purse::of(10);
        let first = purse.reserve(6).unwrap();
        assert!(purse.reserve(5).is_none());
        drop(first);
        purse.spend(Cost::NanoDollars(6));
        assert_eq!((purse.reserved(), purse.remaining()), (0, Some(4)));
        purse.spend(Cost::NanoDollars(u64::MAX));
        purse.spend(Cost::NanoDollars(2));
        assert_eq!(purse.remaining(), Some(0));
    }

    #[test]
    fn a_purse_that_is_resumed_and_limited_anew_keeps_what_was_spent_and_reserved() {
        let purse = Purse::resumed(Some(10), 4);
        let held = purse.reserve(5).unwrap();
        assert_eq!((purse.spent(), purse.remaining()), (4, Some(1)));
        purse.set_limit(Some(8));
        assert_eq!((purse.limit(), purse.remaining()), (Some(8), Some(0)));
        held.settle(Cost::NanoDollars(2));
        assert!(purse.reserve(3).is_none() && purse.reserve(2).is_some());
        purse.set_limit(Some(20));
        assert_eq!(purse.remaining(), Some(14));
    }

    #[test]
    fn of_an_unknown_cost_all_that_was_reserved_is_spent() {
        let purse = Purse::of(10);
        purse.reserve(6).unwrap().settle(Cost::NanoDollars(2));
        assert_eq!((purse.reserved(), purse.spent()), (0, 2));
        purse.reserve(6).unwrap().settle(Cost::Unknown);
        assert_eq!((purse.reserved(), purse.spent()), (0, 8));
    }

    #[test]
    fn a_deposit_settles_every_purse_once() {
        let (own, day) = (Purse::of(10), Purse::of(10));
        let deposit = Deposit::new(vec![own.reserve(5).unwrap(), day.reserve(5).unwrap()]);
        let free = Purse::unlimited();
        deposit.settle(Cost::NanoDollars(3), [Some(&own), Some(&free)]);
        deposit.settle(Cost::NanoDollars(1), [Some(&day), None]);
        assert_eq!((own.spent(), own.reserved(), day.spent(), day.reserved()), (3, 0, 4, 0));
        assert_eq!(free.spent(), 3, "what nobody reserves is counted all the same");
    }

    #[test]
    fn however_many_draw_at_once_the_limit_holds() {
        let purse = Purse::of(1000);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let purse = &purse;
                scope.spawn(move || {
                    let mut rng = fastrand::Rng::with_seed(thread);
                    for _ in 0..2000 {
                        if let Some(reservation) = purse.reserve(rng.u64(1..50)) {
                            // Most of it goes back, and at times what was reserved is spent to the last.
                            let most = reservation.nano_dollars;
                            let cost = if rng.u8(..) == 0 { most } else { rng.u64(0..=most) / 20 };
                            reservation.settle(Cost::NanoDollars(cost));
                        }
                        assert!(purse.spent() + purse.reserved() <= 1000);
                    }
                });
            }
        });
        assert_eq!(purse.reserved(), 0);
    }
}
