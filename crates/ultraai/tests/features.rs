//! What is linked is what the features say, and the error for what is not linked names its feature.

use ultraai::Registry;

#[test]
fn every_linked_plugin_has_its_feature_named() {
    let registry = Registry::linked().expect("no two packages register one name");
    let linked = registry
        .providers()
        .map(|row| ("provider", row.name, row.package))
        .chain(registry.embedders().map(|row| ("embedder", row.name, row.package)))
        .chain(registry.model_listers().map(|row| ("model lister", row.name, row.package)))
        .chain(registry.token_counters().map(|row| ("token counter", row.name, row.package)))
        .chain(registry.strategies().map(|row| ("strategy", row.name, row.package)))
        .chain(registry.layers().map(|row| ("layer", row.name, row.package)))
        .chain(registry.analyzers().map(|row| ("analyzer", row.name, row.package)))
        .chain(registry.selectors().map(|row| ("selector", row.name, row.package)))
        .chain(registry.prices().map(|row| ("price source", row.name, row.package)))
        .chain(registry.tokenizers().map(|row| ("tokenizer", row.name, row.package)));
    let nameless: Vec<_> = linked
        // What core itself brings is always there.
        .filter(|(_, _, package)| package.starts_with("ultraai-") && *package != "ultraai-core")
        .filter(|(kind, name, _)| registry.feature_of(kind, name).is_none())
        .collect();
    assert!(nameless.is_empty(), "add a row for {nameless:?} to src/features.rs");
}

#[test]
#[cfg(feature = "full")]
fn the_features_link_their_plugins() {
    let registry = Registry::linked().expect("no two packages register one name");
    for name in [
        "anthropic",
        "bedrock",
        "cohere",
        "compatible",
        "gemini",
        "groq",
        "mock",
        "ollama",
        "openai",
        "vertex",
    ] {
        assert!(registry.provider_registration(name).is_ok(), "{name}");
    }
    for name in ["gemini", "mistral", "mock", "ollama", "openai"] {
        assert!(registry.embedder_registration(name).is_ok(), "{name}");
    }
    for name in ["anthropic", "gemini", "groq", "mock", "ollama", "openai"] {
        assert!(registry.model_listers().any(|row| row.name == name), "{name}");
    }
    for name in ["adaptive", "fallback", "parallel", "race", "simple"] {
        assert!(registry.strategies().any(|row| row.name == name), "{name}");
    }
    for name in ["cost", "dynamic", "latency", "priority"] {
        assert!(registry.selector(name).is_ok(), "{name}");
    }
    for name in ["comparative", "factual"] {
        assert!(registry.analyzer(name).is_ok(), "{name}");
    }
    assert!(registry.prices().any(|row| row.name == "genai-prices"));
    assert!(registry.tokenizers().any(|row| row.name == "tiktoken"));
}
