//! The provider `mock`.
//!
#![doc = include_str!("../README.md")]

mod config;
mod live;
mod provider;

pub use self::{
    config::{LatencyDistribution, MockConfig, ScriptedAttempt},
    provider::MockProvider,
};
