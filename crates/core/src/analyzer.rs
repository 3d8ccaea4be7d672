//! What several answers say about each other.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Answer, ChatRequest, Result, Run};

/// Compares the answers to one request.
///
/// [`Run::analyze`] calls it with two answers or more. What it logs and notes in the trace holds no content.
#[async_trait]
pub trait Analyzer: fmt::Debug + Send + Sync + 'static {
    /// The registered name, which `analysis_type` chooses by.
    fn name(&self) -> &'static str;

    /// Compares `answers`; through `run` it may ask a model ([`Run::ask_aside`] with the candidate that the option
    /// `analyst` names, and a [`Prompt`](crate::prompt::Prompt) that keeps the answers apart from the instructions).
    async fn analyze(&self, run: &Run, request: &ChatRequest, answers: &[Answer]) -> Result<Analysis>;
}

/// What an analyzer found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Analysis {
    /// The analyzer's name.
    pub analysis_type: String,
    /// What it found, in words that a synthesis can use.
    pub summary: String,
    /// How far the answers agree, 0 to 1; `None` where it cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
    /// Whether nothing could be told. The reader is told so by the summary, and a synthesis is spared it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_inconclusive: bool,
    /// What it found, as data of its own form.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Analysis {
    /// A finding of the analyzer `analysis_type`.
    pub fn new(analysis_type: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            analysis_type: analysis_type.into(),
            summary: summary.into(),
            agreement: None,
            is_inconclusive: false,
            details: Value::Null,
        }
    }
}
