//! What happens during a request, told while it happens.

use std::sync::Arc;

use serde::Serialize;

use super::Outcome;
use crate::{AbandonReason, Delta, ErrorKind, ErrorReport, Native, ProviderId};

/// Something that happened during a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The request began.
    Started {
        /// The strategy.
        strategy: String,
        /// The candidates that may be asked, in order.
        candidates: Vec<ProviderId>,
    },
    /// A candidate was asked.
    Asked {
        /// The candidate.
        provider_id: ProviderId,
        /// The model it was asked for.
        model: Option<Arc<str>>,
    },
    /// A candidate answered.
    Answered {
        /// The candidate.
        provider_id: ProviderId,
        /// Since it was asked, in seconds.
        duration_seconds: f64,
        /// Whether the answer is complete, not empty and no refusal.
        good: bool,
    },
    /// A candidate failed, its retries included.
    Failed {
        /// The candidate.
        provider_id: ProviderId,
        /// Why.
        error: ErrorReport,
    },
    /// A candidate was given up before its end.
    Abandoned {
        /// The candidate.
        provider_id: ProviderId,
        /// Why.
        reason: AbandonReason,
    },
    /// The synthesis began.
    Synthesizing {
        /// Who writes it.
        provider_id: ProviderId,
    },
    /// A candidate began to write the final answer.
    Answering {
        /// Who writes it.
        provider_id: ProviderId,
        /// The model that answers, in the provider's words.
        model: Option<String>,
        /// The provider's own id of the exchange.
        request_id: Option<String>,
    },
    /// A frame of the final answer as it came, where the request was sent as it came too; the pieces that were read from it
    /// follow.
    Frame {
        /// The frame.
        frame: Native,
    },
    /// More of the final answer.
    Delta {
        /// The piece.
        delta: Delta,
    },
    /// The pieces so far are void: they broke off, and another answer takes their place.
    Discarded {
        /// Why.
        reason: String,
        /// The kind of the error that they broke off with; none where somebody judged them.
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<ErrorKind>,
    },
    /// The end.
    Finished {
        /// What came of it.
        outcome: Box<Outcome>,
    },
}

impl Event {
    /// Its name, as `type` says it in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Asked { .. } => "asked",
            Self::Answered { .. } => "answered",
            Self::Failed { .. } => "failed",
            Self::Abandoned { .. } => "abandoned",
            Self::Synthesizing { .. } => "synthesizing",
            Self::Answering { .. } => "answering",
            Self::Frame { .. } => "frame",
            Self::Delta { .. } => "delta",
            Self::Discarded { .. } => "discarded",
            Self::Finished { .. } => "finished",
        }
    }
}
