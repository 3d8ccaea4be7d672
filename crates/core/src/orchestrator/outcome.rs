//! What comes of a request: the answer, who said what, what it cost, and why.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{AbandonReason, Analysis, ChatResponse, ErrorReport, LedgerReport, ProviderId, RequestId};

/// What came of a request. It serializes: `ultraai ask --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The request's id, as its spans have it.
    #[serde(default)]
    pub request_id: RequestId,
    /// The answer.
    pub synthesis: Synthesis,
    /// What each candidate said, in the order they were asked.
    pub responses: Vec<ProviderResponse>,
    /// What the answers say about each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// Every attempt, and the sums.
    pub ledger: LedgerReport,
    /// Why each candidate was asked, skipped, aborted or trusted, in plain sentences.
    pub trace: Vec<String>,
    /// The strategy that was used.
    pub strategy: Cow<'static, str>,
    /// Since the request began, in seconds.
    pub duration_seconds: f64,
}

/// The answer, and how it came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Synthesis {
    /// The text.
    pub response: String,
    /// How it came to be.
    pub method: Method,
    /// Who wrote it.
    pub provider_id: ProviderId,
    /// The answer with all its parts.
    pub answer: Arc<ChatResponse>,
}

/// How an answer came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// One candidate's answer, as it came.
    Chosen,
    /// Written from several answers.
    Synthesized,
    /// One candidate's answer, because the synthesis failed.
    Degraded,
}

impl Method {
    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Synthesized => "synthesized",
            Self::Degraded => "degraded",
        }
    }
}

/// What one candidate said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderResponse {
    /// The candidate.
    pub provider_id: ProviderId,
    /// `gen_ai.provider.name`.
    pub provider_name: Arc<str>,
    /// The model it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// What came of it.
    pub status: ResponseStatus,
    /// Whether it went into the answer.
    pub used: bool,
    /// The answer, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Arc<ChatResponse>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbandonReason>,
    /// From the ask to its end, in seconds.
    pub duration_seconds: f64,
    /// Which ask of the ledger it is.
    pub ask: u32,
}

/// What came of asking a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseStatus {
    /// Still under way.
    Running,
    /// It gave a good answer.
    Answered,
    /// It gave an answer that is incomplete or a refusal.
    NotGood,
    /// It failed, its retries included.
    Failed,
    /// It was given up before its end.
    Abandoned,
}

/// What a request that failed leaves behind: what it cost all the same, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// What each candidate said.
    pub responses: Vec<ProviderResponse>,
    /// Every attempt, and the sums.
    pub ledger: LedgerReport,
    /// Why each candidate was asked, skipped or aborted.
    pub trace: Vec<String>,
}
