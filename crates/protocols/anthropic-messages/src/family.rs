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

/// How far Anthropic's models had come. What one generation can, the next ones can too, unless a method here says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Generation {
    /// Claude 2 and before: text alone.
    Two,
    /// Claude 3 and 3.5: tools and images.
    Three,
    /// Claude 3.7, Sonnet 4 and Opus 4: thinking within a budget.
    Thinking,
    /// Opus 4.1: one of `temperature` and `top_p`.
    OneSampler,
    /// 4.5: structured output.
    Structured,
    /// 4.6: thinking as the model sees fit, and effort.
    Adaptive,
    /// 4.7: no budget of thinking, no sampling parameters.
    NoBudget,
    /// 4.8: system messages between the turns.
    SystemTurns,
    /// 5: thinking unasked.
    Five,
    /// Fable 5.1, Opus 5.5 and Sonnet 5.5: no tool that must be called.
    Unforced,
}

struct Family {
    /// What stands in the names of its models, where a dot or an at sign is a dash too.
    part: &'static str,
    generation: Generation,
    /// Tokens of request and answer together.
    context_window: Option<u64>,
    /// Upper bound of the answer where the request names none.
    max_tokens: u64,
}

const fn family(part: &'static str, generation: Generation, context_window: u64, max_tokens: u64) -> Family {
    Family { part, generation, context_window: Some(context_window), max_tokens }
}

const fn unmeasured(part: &'static str, generation: Generation, max_tokens: u64) -> Family {
    Family { part, generation, context_window: None, max_tokens }
}

const OPUS_4_5: &str = "claude-opus-4-5";
const SONNET_5_5: &str = "claude-sonnet-5-5";
/// Those that cannot stop thinking.
const RESTLESS: &[&str] = &["claude-opus-5-5", "claude-fable-5", "claude-mythos-5"];

/// The families; the first one that fits counts.
const FAMILIES: &[Family] = &[
    family("claude-3-7-", Generation::Thinking, 200_000, USUAL),
    family("claude-3-5-", Generation::Three, 200_000, SLOW),
    family("claude-3-", Generation::Three, 200_000, LEAST),
    family("claude-opus-4-1", Generation::OneSampler, 200_000, SLOW),
    family(OPUS_4_5, Generation::Structured, 200_000, USUAL),
    family("claude-opus-4-6", Generation::Adaptive, 1_000_000, USUAL),
    family("claude-opus-4-7", Generation::NoBudget, 1_000_000, USUAL),
    family("claude-opus-4-8", Generation::SystemTurns, 1_000_000, USUAL),
    // Opus 4, with its date.
    family("claude-opus-4", Generation::Thinking, 200_000, SLOW),
    // A million tokens are a beta of Sonnet 4 and 4.5, which must be asked for.
    family("claude-sonnet-4-5", Generation::Structured, 200_000, USUAL),
    family("claude-sonnet-4-6", Generation::Adaptive, 1_000_000, USUAL),
    family("claude-sonnet-4", Generation::Thinking, 200_000, USUAL),
    family("claude-haiku-4-5", Generation::Structured, 200_000, USUAL),
    family("claude-opus-5-5", Generation::Unforced, 1_000_000, USUAL),
    family("claude-opus-5", Generation::Five, 1_000_000, USUAL),
    family(SONNET_5_5, Generation::Unforced, 1_000_000, USUAL),
    family("claude-sonnet-5", Generation::Five, 1_000_000, USUAL),
    family("claude-haiku-5", Generation::Five, 1_000_000, USUAL),
    family("claude-fable-5-1", Generation::Unforced, 1_000_000, USUAL),
    family("claude-fable-5-2", Generation::Unforced, 1_000_000, USUAL),
    family("claude-fable-5", Generation::Five, 1_000_000, USUAL),
    unmeasured("claude-mythos-5-1", Generation::Unforced, USUAL),
    unmeasured("claude-mythos-5-2", Generation::Unforced, USUAL),
    unmeasured("claude-mythos-5", Generation::Five, USUAL),
    unmeasured("claude-instant", Generation::Two, LEAST),
    unmeasured("claude-2", Generation::Two, LEAST),
    // Newer ones write no less than those before them.
    unmeasured("claude-", Generation::Five, USUAL),
];

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    Never,
    /// With a budget of tokens.
    Budget,
    /// With a budget, or as it sees fit.
    Both,
    /// As it sees fit alone.
    Adaptive,
}

/// What is known of a model by its name. A model that is not Anthropic's may have anything.
#[derive(Clone, Copy)]
pub(crate) struct Traits(Option<&'static Family>);

impl Traits {
    pub(crate) fn of(model: &ModelName) -> Self {
        Self(of(model))
    }

    fn since(self, generation: Generation) -> Option<bool> {
        self.0.map(|family| family.generation >= generation)
    }

    pub(crate) fn is_known(self) -> bool {
        self.0.is_some()
    }

    /// Tokens of request and answer together, where they are known.
    pub(crate) fn context_window(self) -> Option<u64> {
        self.0?.context_window
    }

    /// Upper bound of an answer, where a request names none.
    pub(crate) fn max_tokens(self) -> u64 {
        self.0.map_or(LEAST, |family| family.max_tokens)
    }

    /// Tools, images and documents; `None` where nobody knows.
    pub(crate) fn tools(self) -> Option<bool> {
        self.since(Generation::Three)
    }

    /// Answers that follow a schema, and tools whose arguments do:
    /// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>.
    pub(crate) fn structured(self) -> bool {
        self.since(Generation::Structured).unwrap_or(true)
    }

    /// <https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting>, for what is not Anthropic's the
    /// newest form.
    pub(crate) fn thinking(self) -> Thinking {
        match self.0.map(|family| family.generation) {
            Some(Generation::Two | Generation::Three) => Thinking::Never,
            Some(Generation::Thinking | Generation::OneSampler | Generation::Structured) => Thinking::Budget,
            Some(Generation::Adaptive) | None => Thinking::Both,
            Some(_) => Thinking::Adaptive,
        }
    }

    /// Whether it must be told to think: effort alone does not make it.
    pub(crate) fn thinks_when_told(self) -> bool {
        self.0.is_some_and(|family| family.generation < Generation::Five)
    }

    /// How it is told not to think: <https://platform.claude.com/docs/en/models/sonnet-5-5/migration-guide>,
    /// <https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5> and
    /// <https://platform.claude.com/docs/en/models/fable-5/migration-guide>; `None` where it cannot be.
    pub(crate) fn word_for_off(self) -> Option<&'static str> {
        match self.0.map(|family| family.part) {
            Some(SONNET_5_5) => Some("between_tools"),
            Some(part) if RESTLESS.iter().any(|restless| part.starts_with(restless)) => None,
            _ => Some("disabled"),
        }
    }

    /// Whether a tool may be demanded (same pages).
    pub(crate) fn forces_tools(self) -> bool {
        !self.since(Generation::Unforced).unwrap_or(false)
    }

    /// `output_config.effort`: <https://platform.claude.com/docs/en/build-with-claude/effort>.
    pub(crate) fn effort(self) -> bool {
        self.0.is_none_or(|family| family.generation >= Generation::Adaptive || family.part == OPUS_4_5)
    }

    /// Whether it refuses `temperature`, `top_p` and `top_k` but for their defaults:
    /// <https://platform.claude.com/docs/en/about-claude/models/migration-guide>.
    pub(crate) fn samples_by_itself(self) -> bool {
        self.since(Generation::NoBudget).unwrap_or(false)
    }

    /// Whether it takes one of `temperature` and `top_p` (same page).
    pub(crate) fn takes_one_sampler(self) -> bool {
        self.since(Generation::OneSampler).unwrap_or(false)
    }

    /// Whether system messages may stand between the turns; `None` where nobody knows:
    /// <https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>.
    pub(crate) fn system_turns(self) -> Option<bool> {
        self.since(Generation::SystemTurns)
    }
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
            let traits = Traits::of(&model);
            assert_eq!((traits.context_window(), traits.max_tokens()), (window, most), "{name}");
        }
    }

    #[test]
    fn what_a_model_takes_goes_by_its_generation() {
        let traits = |name: &str| Traits::of(&ModelName::new(name).unwrap());
        for (name, thinking, effort, structured, sampling) in [
            ("claude-2.1", Thinking::Never, false, false, true),
            ("claude-3-5-haiku-latest", Thinking::Never, false, false, true),
            ("claude-3-7-sonnet@20250219", Thinking::Budget, false, false, true),
            ("claude-opus-4-1-20250805", Thinking::Budget, false, false, true),
            ("claude-sonnet-4-5", Thinking::Budget, false, true, true),
            ("claude-opus-4-5", Thinking::Budget, true, true, true),
            ("claude-sonnet-4-6", Thinking::Both, true, true, true),
            ("claude-opus-4-7", Thinking::Adaptive, true, true, false),
            ("claude-sonnet-5-5", Thinking::Adaptive, true, true, false),
            ("claude-mythos-5", Thinking::Adaptive, true, true, false),
            ("qwen3-0.6b", Thinking::Both, true, true, true),
        ] {
            let traits = traits(name);
            let found =
                (traits.thinking(), traits.effort(), traits.structured(), !traits.samples_by_itself());
            assert_eq!(found, (thinking, effort, structured, sampling), "{name}");
        }
        assert_eq!(traits("claude-opus-4-7").system_turns(), Some(false));
        assert_eq!(traits("claude-opus-4-8").system_turns(), Some(true));
        assert_eq!(traits("qwen3").system_turns(), None);
        for (name, off, forces) in [
            ("claude-sonnet-4-5", Some("disabled"), true),
            ("claude-opus-5", Some("disabled"), true),
            ("claude-fable-5", None, true),
            ("claude-fable-5-1", None, false),
            ("claude-opus-5-5", None, false),
            ("claude-sonnet-5-5", Some("between_tools"), false),
            ("qwen3", Some("disabled"), true),
        ] {
            assert_eq!((traits(name).word_for_off(), traits(name).forces_tools()), (off, forces), "{name}");
        }
    }
}
