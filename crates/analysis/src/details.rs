//! What [`Analysis::details`](ultraai_core::Analysis::details) holds.

use serde::{Deserialize, Serialize};
use ultraai_core::ProviderId;

/// How the answers were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// The analyst, a model, compared them.
    Model,
    /// By their words alone.
    Lexical,
}

/// What the analyzer `comparative` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// How the answers were compared.
    pub method: Method,
    /// Who gave the answers that the summary calls answer 1, answer 2 and so on, in this order.
    #[serde(default)]
    pub answers: Vec<ProviderId>,
    /// Why the analyst's comparison was not used, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell_back: Option<String>,
    /// What several answers say alike.
    pub agreements: Vec<Agreement>,
    /// Where answers contradict each other.
    pub differences: Vec<Difference>,
    /// Where `agreement` comes from.
    pub agreement_from: AgreementFrom,
    /// What the answers come down to, two by two. None where a model compared them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairs>,
    /// Points that were left out, so that the list stays readable.
    #[serde(default)]
    pub left_out: usize,
}

/// What several answers say alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Agreement {
    /// What they say.
    pub point: String,
    /// Who says it.
    pub said_by: Vec<ProviderId>,
}

/// Where answers contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Difference {
    /// What they differ in.
    pub point: String,
    /// Who says what.
    pub positions: Vec<Position>,
}

/// One side of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Position {
    /// What is said.
    pub says: String,
    /// Who says it.
    pub said_by: Vec<ProviderId>,
}

/// Where a score of agreement comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgreementFrom {
    /// The analyst's own estimate.
    Model,
    /// The share of the pairs of answers that agree.
    Pairs,
    /// The share of what was said of the claims that supports them.
    Claims,
    /// It cannot be told: there is no score.
    Nothing,
}

/// Pairs of answers, by whether they come down to the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pairs {
    /// They do.
    pub agree: usize,
    /// They do not.
    pub differ: usize,
    /// It cannot be told.
    pub unknown: usize,
}

impl Pairs {
    /// The share that agrees; `None` as soon as one pair cannot be told.
    pub fn agreement(self) -> Option<f64> {
        let told = self.agree + self.differ;
        #[expect(clippy::cast_precision_loss, reason = "so many answers do not come")]
        (self.unknown == 0 && told > 0).then(|| self.agree as f64 / told as f64)
    }
}

/// What the analyzer `factual` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Findings {
    /// How the answers were compared.
    pub method: Method,
    /// Who gave the answers that the summary calls answer 1, answer 2 and so on, in this order.
    #[serde(default)]
    pub answers: Vec<ProviderId>,
    /// Why the analyst's findings were not used, where one was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell_back: Option<String>,
    /// What the answers claim: first what is contradicted, then what is supported, then the rest.
    pub claims: Vec<Claim>,
    /// Where `agreement` comes from.
    pub agreement_from: AgreementFrom,
    /// Claims that were left out, so that the list stays readable.
    #[serde(default)]
    pub left_out: usize,
}

/// A claim, and what the answers say of it. Each answer stands in one of the three lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// The claim.
    pub claim: String,
    /// Who says so.
    pub supported_by: Vec<ProviderId>,
    /// Who says otherwise.
    pub contradicted_by: Vec<ProviderId>,
    /// Of whom it cannot be told.
    pub unknown: Vec<ProviderId>,
    /// What follows.
    pub verdict: Verdict,
}

/// What the answers together say of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Several say so, and others say otherwise.
    Mixed,
    /// One says so or nobody, and others say otherwise.
    Contradicted,
    /// Several say so, and nobody says otherwise.
    Supported,
    /// One says so, and of the others it cannot be told.
    Unknown,
}

impl Verdict {
    /// The verdict on a claim that so many support and contradict.
    pub fn of(supporters: usize, contradictors: usize) -> Self {
        match (supporters, contradictors) {
            (2.., 1..) => Self::Mixed,
            (_, 1..) => Self::Contradicted,
            (2.., 0) => Self::Supported,
            _ => Self::Unknown,
        }
    }
}
