//! Orchestrators among the candidates, whose own candidates have layers of their own.

use ultraai_core::{ModelName, Provider};

/// Whether `provider` asks candidates of its own, each of which has these layers around itself.
pub(crate) fn orchestrates(provider: &dyn Provider) -> bool {
    // What does so does it for every model.
    ModelName::new("any").is_ok_and(|any| provider.capabilities(&any).orchestrates)
}
