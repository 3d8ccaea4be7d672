//! Spans of time in which providers are down, alone or together.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::distribution::exponential;

/// What a provider that is down does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outage {
    /// It refuses at once, as a server does that is not there.
    Refuses,
    /// It takes the call and never answers.
    Hangs,
}

/// When it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Span {
    /// Once.
    Once {
        /// After this time.
        from: Duration,
        /// For so long.
        lasting: Duration,
    },
    /// Again and again, with exponential times between and durations.
    Drawn {
        /// The mean time from the end of one to the beginning of the next.
        every: Duration,
        /// The mean duration.
        lasting: Duration,
        /// What they are drawn under.
        seed: u64,
    },
}

/// The outages that all providers share who hold a clone. Calls under way when one begins go on.
#[derive(Clone, Debug)]
pub struct Outages {
    how: Outage,
    schedule: Arc<Mutex<Schedule>>,
}

/// The span that is under way, or else the next one.
#[derive(Debug)]
struct Schedule {
    from: Duration,
    until: Duration,
    /// What the later ones are drawn from: the rest of the schedule depends on nobody's calls.
    drawn: Option<(fastrand::Rng, Duration, Duration)>,
}

/// Two are equal when they are the same outages.
impl PartialEq for Outages {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.schedule, &other.schedule)
    }
}

impl Outages {
    /// Outages at the times that `span` says, after the beginning of those who share them.
    pub fn new(how: Outage, span: Span) -> Self {
        let mut schedule = match span {
            Span::Once { from, lasting } => {
                Schedule { from, until: from.saturating_add(lasting), drawn: None }
            }
            Span::Drawn { every, lasting, seed } => {
                let drawn = Some((fastrand::Rng::with_seed(seed), every, lasting));
                Schedule { from: Duration::ZERO, until: Duration::ZERO, drawn }
            }
        };
        schedule.go_on();
        Self { how, schedule: Arc::new(Mutex::new(schedule)) }
    }

    /// What happens at this age; ages never go back.
    pub fn at(&self, age: Duration) -> Option<Outage> {
        let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        while age >= schedule.until {
            schedule.drawn.as_ref()?;
            schedule.go_on();
        }
        (age >= schedule.from).then_some(self.how)
    }
}

impl Schedule {
    /// Draws the next span, where there are later ones.
    fn go_on(&mut self) {
        if let Some((rng, every, lasting)) = &mut self.drawn {
            self.from = self.until.saturating_add(exponential(*every, rng));
            // A span of nothing would be looked for again and again.
            let lasting = exponential(*lasting, rng).max(Duration::from_millis(1));
            self.until = self.from.saturating_add(lasting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_outage_has_a_beginning_and_an_end() {
        let outages = Outages::new(Outage::Hangs, Span::Once { from: 2 * SECOND, lasting: SECOND });
        let at = |millis| outages.at(Duration::from_millis(millis));
        assert_eq!([1999, 2000, 2999, 3000].map(at), [None, Some(Outage::Hangs), Some(Outage::Hangs), None]);
    }

    #[test]
    fn drawn_outages_are_the_same_under_one_seed_however_often_they_are_looked_at() {
        let drawn = |seed| {
            Outages::new(Outage::Refuses, Span::Drawn { every: 90 * SECOND, lasting: 10 * SECOND, seed })
        };
        let (often, seldom, other) = (drawn(1), drawn(1), drawn(2));
        let down = |outages: &Outages, step: usize| -> Vec<bool> {
            (0..100_000).step_by(step).map(|second| outages.at(SECOND * second).is_some()).collect()
        };
        let seen = down(&often, 1);
        let share = seen.iter().filter(|down| **down).count();
        assert!((8_500..11_500).contains(&share), "a tenth of the time: {share}");
        assert_eq!(seen.iter().step_by(7).copied().collect::<Vec<_>>(), down(&seldom, 7));
        assert_ne!(seen, down(&other, 1));
    }
}
