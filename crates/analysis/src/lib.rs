//! The analyzers `comparative` and `factual`.
#![doc = include_str!("../README.md")]

mod analyst;
mod comparative;
mod details;
mod factual;
mod json;
mod lexical;
mod summary;

use std::sync::Arc;

use ultraai_core::{AnalyzerRegistration, register_analyzer};

pub use self::{
    comparative::{COMPARATIVE_TEMPLATE, Comparative},
    details::{
        Agreement, AgreementFrom, Claim, Comparison, Difference, Findings, Method, Pairs, Position, Verdict,
    },
    factual::{FACTUAL_TEMPLATE, Factual},
};

register_analyzer!(
    AnalyzerRegistration::new("comparative", || Arc::new(Comparative))
        .summary("where the answers agree and where they differ")
);

register_analyzer!(
    AnalyzerRegistration::new("factual", || Arc::new(Factual))
        .summary("what the answers claim, and how many support or contradict it")
);
