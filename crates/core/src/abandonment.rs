//! Why attempts are given up.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use serde::{Deserialize, Serialize};

/// Why an attempt was given up before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AbandonReason {
    /// Nobody waits for the answer any more. The reason where none was given.
    CallerLeft,
    /// The other leg of a hedge was quicker.
    LostHedge,
    /// Enough good answers were there, or none that was missing could change the choice.
    EnoughAnswers,
    /// The deadline of the whole request passed.
    TimedOut,
}

impl AbandonReason {
    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerLeft => "caller_left",
            Self::LostHedge => "lost_hedge",
            Self::EnoughAnswers => "enough_answers",
            Self::TimedOut => "timed_out",
        }
    }
}

/// The reason cell of one ask; a cell without a reason looks at the cell above it.
#[derive(Debug, Default)]
pub(crate) struct Abandonment {
    reason: AtomicU8,
    above: Option<Arc<Abandonment>>,
}

impl Abandonment {
    /// A cell that looks at `above` while it has no reason of its own.
    pub(crate) fn below(above: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { reason: AtomicU8::new(0), above })
    }

    /// Gives the reason; the first one stays.
    pub(crate) fn give(&self, reason: AbandonReason) {
        let code = match reason {
            AbandonReason::CallerLeft => 1,
            AbandonReason::LostHedge => 2,
            AbandonReason::EnoughAnswers => 3,
            AbandonReason::TimedOut => 4,
        };
        let _ = self.reason.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn reason(&self) -> Option<AbandonReason> {
        match self.reason.load(Ordering::Acquire) {
            1 => Some(AbandonReason::CallerLeft),
            2 => Some(AbandonReason::LostHedge),
            3 => Some(AbandonReason::EnoughAnswers),
            4 => Some(AbandonReason::TimedOut),
            _ => self.above.as_ref().and_then(|above| above.reason()),
        }
    }
}
