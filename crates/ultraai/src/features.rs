//! Which feature brings which plugin, so that the error for a name that is not linked can name it.

use ultraai_core::{FeatureHint, register_features};

const fn hint(kind: &'static str, name: &'static str, feature: &'static str) -> FeatureHint {
    FeatureHint { kind, name, feature }
}

const HINTS: &[FeatureHint] = &[
    hint("layer", "retry", "layer-retry"),
    hint("provider", "mock", "provider-mock"),
    hint("provider", "openai", "provider-openai"),
    hint("strategy", "fallback", "strategy-fallback"),
    hint("strategy", "simple", "strategy-simple"),
];

register_features!(HINTS);
