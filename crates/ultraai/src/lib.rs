//! Several language models behind one dependable interface.
#![doc = include_str!("../README.md")]

pub use ultraai_core::*;

/// Layers around every provider.
#[cfg(feature = "layer-retry")]
pub use ultraai_layers as layers;

/// The providers that are linked.
pub mod providers {
    #[cfg(feature = "provider-compatible")]
    pub use ultraai_provider_compatible as compatible;
    #[cfg(feature = "provider-mock")]
    pub use ultraai_provider_mock as mock;
    #[cfg(feature = "provider-ollama")]
    pub use ultraai_provider_ollama as ollama;
    #[cfg(feature = "provider-openai")]
    pub use ultraai_provider_openai as openai;
}

/// The strategies that are linked.
pub mod strategies {
    #[cfg(feature = "strategy-fallback")]
    pub use ultraai_strategy_fallback as fallback;
    #[cfg(feature = "strategy-simple")]
    pub use ultraai_strategy_simple as simple;
}

#[cfg(feature = "strategy-fallback")]
pub use ultraai_strategy_fallback::FallbackOrchestrator;
#[cfg(feature = "strategy-simple")]
pub use ultraai_strategy_simple::SimpleOrchestrator;

mod features;
