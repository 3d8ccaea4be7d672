//! What Cohere's models can do.

use ultraai_core::{Capabilities, ModelName, Support};

/// Tokens of request and answer together, and of an answer, by the beginning of a model's name, as
/// <https://docs.cohere.com/docs/models> lists them.
const WINDOWS: &[(&str, u64, u64)] = &[
    ("command-a-reasoning-", 256_000, 32_000),
    ("command-a-vision-", 128_000, 8_000),
    ("command-a-03-2025", 256_000, 8_000),
    ("command-r7b-", 128_000, 4_000),
    ("command-r-", 128_000, 4_000),
];

/// What `model` can do. Documents are sent in results of tools and in `documents` of `extra` alone.
pub fn capabilities(model: &ModelName) -> Capabilities {
    let mut capabilities = Capabilities::text_only();
    (capabilities.tools, capabilities.structured_output) = (Support::Unknown, Support::Unknown);
    capabilities.images = match model.as_str().contains("vision") {
        true => Support::Yes,
        false => Support::Unknown,
    };
    if let Some((_, window, output)) = WINDOWS.iter().find(|(name, ..)| model.as_str().starts_with(name)) {
        (capabilities.context_window, capabilities.max_output_tokens) = (Some(*window), Some(*output));
    }
    capabilities
}
