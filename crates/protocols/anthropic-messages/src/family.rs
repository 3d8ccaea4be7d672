//! What is known of Anthropic's models by their families.
//!
//! The numbers are those of <https://platform.claude.com/docs/en/about-claude/models/overview> and of the pages of the
//! older models there, as of November 2026.

use ultraai_core::ModelName;

/// The least that any of Anthropic's models can write; what an unknown model is asked for.
const LEAST: u64 = 4096;

/// What is asked of models that can write 64,000 tokens and more. Thinking, which newer models do unasked, counts too.
/// Anthropic's SDKs refuse to wait for a whole answer of more than 21,333 tokens (ten minutes at 128,000 an hour).
const USUAL: u64 = 16_384;

/// The longest whole answers that Anthropic's SDKs wait for from Opus 4 and 4.1; the most that the 3.5 models write.
const SLOW: u64 = 8192;

struct Family {
    /// What stands in the names of its models, where a dot or an at sign is a dash too.
    part: &'static str,
    /// Tokens of request and answer together.
    context_window: Option<u64>,
    /// Upper bound of the answer where the request names none.
    max_tokens: u64,
}

const fn family(part: &'static str, context_window: u64, max_tokens: u64) -> Family {
    Family { part, context_window: Some(context_window), max_tokens }
}

/// The families; the first one that fits counts.
const FAMILIES: &[Family] = &[
    family("claude-3-7-", 200_000, USUAL),
    family("claude-3-5-", 200_000, SLOW),
    family("claude-3-", 200_000, LEAST),
    family("claude-opus-4-5", 200_000, USUAL),
    family("claude-opus-4-6", 1_000_000, USUAL),
    family("claude-opus-4-7", 1_000_000, USUAL),
    family("claude-opus-4-8", 1_000_000, USUAL),
    // Opus 4 and 4.1, with their dates.
    family("claude-opus-4", 200_000, SLOW),
    family("claude-sonnet-4-6", 1_000_000, USUAL),
    // A million tokens are a beta of Sonnet 4 and 4.5, which must be asked for.
    family("claude-sonnet-4", 200_000, USUAL),
    family("claude-haiku-4-5", 200_000, USUAL),
    family("claude-opus-5", 1_000_000, USUAL),
    family("claude-sonnet-5", 1_000_000, USUAL),
    family("claude-fable-5", 1_000_000, USUAL),
    Family { part: "claude-instant", context_window: None, max_tokens: LEAST },
    Family { part: "claude-2", context_window: None, max_tokens: LEAST },
    // Newer ones write no less than those before them.
    Family { part: "claude-", context_window: None, max_tokens: USUAL },
];

/// Tokens of request and answer together, where they are known.
pub(crate) fn context_window(model: &ModelName) -> Option<u64> {
    of(model)?.context_window
}

/// Upper bound of an answer, where a request names none.
pub(crate) fn max_tokens(model: &ModelName) -> u64 {
    of(model).map_or(LEAST, |family| family.max_tokens)
}

fn of(model: &ModelName) -> Option<&'static Family> {
    let same = |(one, other): (&u8, &u8)| one == other || (matches!(one, b'.' | b'@') && *other == b'-');
    FAMILIES.iter().find(|family| {
        let part = family.part.as_bytes();
        model.as_str().as_bytes().windows(part.len()).any(|window| window.iter().zip(part).all(same))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_family_wherever_it_is_served() {
        for (name, window, most) in [
            ("claude-3-haiku-20240307", Some(200_000), LEAST),
            ("claude-3-5-haiku-latest", Some(200_000), SLOW),
            ("claude-3-7-sonnet@20250219", Some(200_000), USUAL),
            ("claude-opus-4-20250514", Some(200_000), SLOW),
            ("claude-opus-4-1-20250805", Some(200_000), SLOW),
            ("claude-opus-4@20250514", Some(200_000), SLOW),
            ("claude-sonnet-4-5", Some(200_000), USUAL),
            ("anthropic/claude-haiku-4.5", Some(200_000), USUAL),
            ("anthropic.claude-opus-4-6-v1:0", Some(1_000_000), USUAL),
            ("claude-sonnet-5-5", Some(1_000_000), USUAL),
            ("claude-instant-1.2", None, LEAST),
            ("claude-novel-9", None, USUAL),
            ("qwen3-0.6b", None, LEAST),
        ] {
            let model = ModelName::new(name).unwrap();
            assert_eq!((context_window(&model), max_tokens(&model)), (window, most), "{name}");
        }
    }
}
