//! The provider `mock`.
//!
#![doc = include_str!("../README.md")]

mod config;
mod embed;
mod live;
mod provider;

pub use self::{
    config::{LatencyDistribution, MockConfig, ScriptedAttempt},
    embed::{MockEmbedder, MockModels},
    provider::MockProvider,
};
