//! The strategy `adaptive`.
#![doc = include_str!("../README.md")]

mod adaptive;
mod arms;
mod change;
mod choosing;
mod keeper;
mod kind;
mod memory;
mod policy;
mod reader;
mod rules;
mod settings;
mod state;
mod ticket;

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{
    Orchestrator, Result, Strategy, StrategyRegistration, register_strategy, registry::parse_settings,
};

pub use self::{
    adaptive::{Adaptive, Decision},
    kind::{Format, Kind, Length, Task},
    memory::Estimate,
    policy::{Bandit, Choice, Considered, Policy, Situation, Why},
    settings::{AdaptiveSettings, ArmSettings},
};

/// The registered name.
const NAME: &str = "adaptive";

register_strategy!(
    StrategyRegistration::new(NAME, build)
        .summary("chooses among the linked strategies by the task, the load and what it has seen")
        .fields(AdaptiveSettings::FIELDS)
);

fn build(settings: Value) -> Result<Arc<dyn Strategy>> {
    let settings = parse_settings::<AdaptiveSettings>(settings, AdaptiveSettings::FIELDS)?;
    Ok(Arc::new(Adaptive::new(settings)?))
}

/// An orchestrator with the strategy [`Adaptive`].
pub type AdaptiveOrchestrator = Orchestrator<Adaptive>;
