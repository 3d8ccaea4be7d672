//! An upstream that fails in every way we know, by name.
//!
//! A [`Fault`] is data: what the server does, and what a caller may get for it. [`FaultyServer`] plays one of them in any
//! [`Dialogue`]. What a caller does get, observed over all protocols and strategies, is this:
//!
#![doc = include_str!("../../FAULTS.md")]

mod lies;
mod scene;
mod server;
mod status;
mod streams;
mod transport;

use std::fmt;

use ultraai_core::{ChatResponse, ErrorKind, Result};

pub use self::{
    scene::{Deed, Scene},
    server::{FaultyServer, every_fault},
};
use crate::Dialogue;

/// What a fault breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Group {
    /// Connections, framing and HTTP itself.
    Transport,
    /// The server says by its status that it gives no answer.
    Status,
    /// The status says success, and the body is no answer, or another than was asked for.
    Lies,
    /// Live answers. Who asks for a whole one gets a good one.
    Streams,
}

impl Group {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Transport, Self::Status, Self::Lies, Self::Streams];
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Status => "status",
            Self::Lies => "lies",
            Self::Streams => "streams",
        })
    }
}

/// A way to fail.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// What it breaks.
    pub group: Group,
    /// What the server does, in one line.
    pub summary: &'static str,
    /// What a caller may get who asks for a whole answer.
    pub whole: Expected,
    /// What a caller may get who asks for a live one.
    pub live: Expected,
    /// What the server does for one request.
    pub does: fn(&Scene<'_>) -> Deed,
}

/// What may come of one call of a provider that retries twice (`max_retries = 2`).
///
/// Protocols differ, so it is a set: the right answer, where it is allowed, or an error of one of the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// What answer is allowed.
    pub answer: Allowed,
    /// The kinds of error that are allowed.
    pub kinds: &'static [ErrorKind],
    /// The most attempts that may reach the server.
    pub attempts: u32,
    /// Whether only a limit of time ends it, so that a test wants short limits.
    pub waits: bool,
}

/// What answer a fault allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowed {
    /// None: there is no whole answer to be had.
    Nothing,
    /// The right one.
    Right,
    /// A part of it that is marked as incomplete, and that no quorum counts.
    Incomplete,
}

impl Expected {
    /// The right answer, at the first attempt.
    pub const RIGHT: Self = Self { answer: Allowed::Right, kinds: &[], attempts: 1, waits: false };
    /// A part of the answer, marked as incomplete.
    pub const INCOMPLETE: Self = Self { answer: Allowed::Incomplete, ..Self::RIGHT };

    /// An error that the same provider is not asked about again.
    pub const fn once(kinds: &'static [ErrorKind]) -> Self {
        Self { answer: Allowed::Nothing, kinds, attempts: 1, waits: false }
    }

    /// An error that is worth another try, up to the two that `max_retries = 2` allows.
    pub const fn retried(kinds: &'static [ErrorKind]) -> Self {
        Self { attempts: 3, ..Self::once(kinds) }
    }

    /// The same, or the right answer: protocols and servers differ.
    #[must_use]
    pub const fn or_right(self) -> Self {
        Self { answer: Allowed::Right, ..self }
    }

    /// The same, ended by a limit of time.
    #[must_use]
    pub const fn waiting(self) -> Self {
        Self { waits: true, ..self }
    }

    /// Judges what came of a call of a [`FaultyServer`].
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn judge(&self, answered: &Result<ChatResponse>) -> Result<(), String> {
        let right = FaultyServer::TEXTS.concat();
        match answered {
            Ok(answer) if self.answer == Allowed::Right && answer.text() == right && answer.is_good() => {
                Ok(())
            }
            Ok(answer)
                if self.answer == Allowed::Incomplete
                    && right.starts_with(&answer.text())
                    && !answer.is_complete() =>
            {
                Ok(())
            }
            Ok(answer) => Err(format!(
                "{:?} ({}) is taken for an answer, and {:?} is allowed",
                answer.text(),
                answer.finish_reason.as_str(),
                self.answer
            )),
            Err(error) if self.kinds.contains(&error.kind()) => Ok(()),
            Err(error) => {
                Err(format!("it says `{}`, which is none of {:?}: {error}", error.kind(), self.kinds))
            }
        }
    }

    /// Whether nothing is broken for the caller.
    pub fn is_harmless(&self) -> bool {
        self.answer == Allowed::Right && self.kinds.is_empty()
    }
}

/// Every fault, group by group.
pub const FAULTS: &[Fault] = &ALL;

const PARTS: [&[Fault]; 4] = [transport::FAULTS, status::FAULTS, lies::FAULTS, streams::FAULTS];

const ALL: [Fault; PARTS[0].len() + PARTS[1].len() + PARTS[2].len() + PARTS[3].len()] = {
    let mut all = [PARTS[0][0]; PARTS[0].len() + PARTS[1].len() + PARTS[2].len() + PARTS[3].len()];
    let (mut part, mut at, mut place) = (0, 0, 0);
    while place < all.len() {
        if at == PARTS[part].len() {
            part += 1;
            at = 0;
        }
        all[place] = PARTS[part][at];
        at += 1;
        place += 1;
    }
    all
};

impl Fault {
    /// The fault of this name.
    ///
    /// # Panics
    /// When there is none; the message lists those there are.
    pub fn named(name: &str) -> &'static Self {
        FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| {
            let known: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            panic!("there is no fault `{name}` (there are: {})", known.join(", "))
        })
    }

    /// What may come of it for a whole answer, or for a live one.
    pub fn expected(&self, live: bool) -> &Expected {
        if live { &self.live } else { &self.whole }
    }

    /// Why this protocol has no such fault, where it has none.
    pub fn lacking_in(&self, dialogue: &dyn Dialogue) -> Option<&'static str> {
        [false, true].into_iter().find_map(|live| match (self.does)(&Scene::sample(dialogue, live)) {
            Deed::Lacking(reason) => Some(reason),
            _ => None,
        })
    }
}

/// The faults that this protocol has.
pub fn faults_of(dialogue: &dyn Dialogue) -> impl Iterator<Item = &'static Fault> {
    FAULTS.iter().filter(|fault| fault.lacking_in(dialogue).is_none())
}

#[cfg(test)]
mod tests;
