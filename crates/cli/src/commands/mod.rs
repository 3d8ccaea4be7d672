//! One file per command.

mod ask;
mod config;
mod providers;
mod strategies;

pub(crate) use self::{ask::ask, config::config, providers::providers, strategies::strategies};
