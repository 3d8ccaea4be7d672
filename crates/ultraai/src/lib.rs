//! Several language models behind one dependable interface.
#![doc = include_str!("../README.md")]

pub use ultraai_core::*;

/// What several answers say about each other.
#[cfg(feature = "analysis")]
pub use ultraai_analysis as analysis;

/// Layers around every provider.
#[cfg(any(
    feature = "layer-breaker",
    feature = "layer-budget",
    feature = "layer-hedge",
    feature = "layer-limit",
    feature = "layer-retry",
    feature = "layer-schema"
))]
pub use ultraai_layers as layers;

/// What models cost.
#[cfg(feature = "prices")]
pub use ultraai_prices as prices;
/// Which candidate first.
#[cfg(feature = "selectors")]
pub use ultraai_routing as routing;
/// Tokens that a provider did not report.
#[cfg(feature = "tokens")]
pub use ultraai_tokens as tokens;

/// The providers that are linked.
pub mod providers {
    #[cfg(feature = "provider-anthropic")]
    pub use ultraai_provider_anthropic as anthropic;
    #[cfg(feature = "provider-bedrock")]
    pub use ultraai_provider_bedrock as bedrock;
    #[cfg(feature = "provider-cohere")]
    pub use ultraai_provider_cohere as cohere;
    #[cfg(feature = "provider-compatible")]
    pub use ultraai_provider_compatible as compatible;
    #[cfg(feature = "provider-gemini")]
    pub use ultraai_provider_gemini as gemini;
    #[cfg(feature = "provider-mock")]
    pub use ultraai_provider_mock as mock;
    #[cfg(feature = "provider-ollama")]
    pub use ultraai_provider_ollama as ollama;
    #[cfg(feature = "provider-openai")]
    pub use ultraai_provider_openai as openai;
    #[cfg(feature = "provider-vertex")]
    pub use ultraai_provider_vertex as vertex;
}

/// The strategies that are linked.
pub mod strategies {
    #[cfg(feature = "strategy-adaptive")]
    pub use ultraai_strategy_adaptive as adaptive;
    #[cfg(feature = "strategy-fallback")]
    pub use ultraai_strategy_fallback as fallback;
    #[cfg(feature = "strategy-parallel")]
    pub use ultraai_strategy_parallel as parallel;
    #[cfg(feature = "strategy-race")]
    pub use ultraai_strategy_race as race;
    #[cfg(feature = "strategy-simple")]
    pub use ultraai_strategy_simple as simple;
}

#[cfg(feature = "strategy-adaptive")]
pub use ultraai_strategy_adaptive::AdaptiveOrchestrator;
#[cfg(feature = "strategy-fallback")]
pub use ultraai_strategy_fallback::FallbackOrchestrator;
#[cfg(feature = "strategy-parallel")]
pub use ultraai_strategy_parallel::ParallelOrchestrator;
#[cfg(feature = "strategy-race")]
pub use ultraai_strategy_race::RaceOrchestrator;
#[cfg(feature = "strategy-simple")]
pub use ultraai_strategy_simple::SimpleOrchestrator;

mod features;
