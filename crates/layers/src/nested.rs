//! Orchestrators among the candidates, whose own candidates have layers of their own.

use ultraai_core::{ModelName, Provider};

/// Whether `provider` is an orchestrator. That does not depend on the model.
pub(crate) fn orchestrates(provider: &dyn Provider) -> bool {
    ModelName::new("any").is_ok_and(|model| provider.capabilities(&model).orchestrates)
}
