//! Which feature brings which plugin, so that the error for a name that is not linked can name it.

use ultraai_core::{FeatureHint, register_features};

const fn hint(kind: &'static str, name: &'static str, feature: &'static str) -> FeatureHint {
    FeatureHint { kind, name, feature }
}

const HINTS: &[FeatureHint] = &[
    hint("analyzer", "comparative", "analysis"),
    hint("analyzer", "factual", "analysis"),
    hint("layer", "breaker", "layer-breaker"),
    hint("layer", "budget", "layer-budget"),
    hint("layer", "hedge", "layer-hedge"),
    hint("layer", "limit", "layer-limit"),
    hint("layer", "retry", "layer-retry"),
    hint("layer", "schema", "layer-schema"),
    hint("price source", "genai-prices", "prices"),
    hint("provider", "anthropic", "provider-anthropic"),
    hint("provider", "azure.ai.openai", "provider-compatible"),
    hint("provider", "bedrock", "provider-bedrock"),
    hint("provider", "cerebras", "provider-compatible"),
    hint("provider", "cohere", "provider-cohere"),
    hint("provider", "compatible", "provider-compatible"),
    hint("provider", "deepseek", "provider-compatible"),
    hint("provider", "fireworks", "provider-compatible"),
    hint("provider", "gemini", "provider-gemini"),
    hint("provider", "groq", "provider-compatible"),
    hint("provider", "huggingface", "provider-compatible"),
    hint("provider", "llama-cpp", "provider-compatible"),
    hint("provider", "minimax", "provider-compatible"),
    hint("provider", "mistral", "provider-compatible"),
    hint("provider", "mock", "provider-mock"),
    hint("provider", "moonshot", "provider-compatible"),
    hint("provider", "nvidia", "provider-compatible"),
    hint("provider", "ollama", "provider-ollama"),
    hint("provider", "openai", "provider-openai"),
    hint("provider", "openrouter", "provider-compatible"),
    hint("provider", "perplexity", "provider-compatible"),
    hint("provider", "qwen", "provider-compatible"),
    hint("provider", "sambanova", "provider-compatible"),
    hint("provider", "together", "provider-compatible"),
    hint("provider", "vertex", "provider-vertex"),
    hint("provider", "vllm", "provider-compatible"),
    hint("provider", "xai", "provider-compatible"),
    hint("provider", "zai", "provider-compatible"),
    hint("selector", "cost", "selectors"),
    hint("selector", "dynamic", "selectors"),
    hint("selector", "latency", "selectors"),
    hint("strategy", "adaptive", "strategy-adaptive"),
    hint("strategy", "fallback", "strategy-fallback"),
    hint("strategy", "parallel", "strategy-parallel"),
    hint("strategy", "race", "strategy-race"),
    hint("strategy", "simple", "strategy-simple"),
    hint("tokenizer", "tiktoken", "tokens"),
];

register_features!(HINTS);
