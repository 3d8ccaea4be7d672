//! What is known of the models by their families: which fields of their own they have.
//!
//! Model ids are those of <https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html>; a prefix such as `us.`
//! or an ARN may stand before them.

use ultraai_core::ModelName;

/// How much a model thinks is said in fields of its family, in `additionalModelRequestFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// `thinking` with a budget in tokens:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>.
    Budget,
    /// `thinking` that adapts itself, and `output_config.effort`:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html>.
    Adaptive,
    /// `reasoningConfig` with `maxReasoningEffort`: <https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html>.
    Nova,
    /// A field that holds the effort's word.
    Word(&'static str),
    /// No field that is known.
    Unknown,
}

/// Where a model's `top_k` stands, in `additionalModelRequestFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopK {
    /// In `top_k`.
    Plain,
    /// In `inferenceConfig.topK`.
    Nova,
    /// In no field that is known.
    Unknown,
}

/// What is known of one model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    /// It is one of Anthropic's, whose state is the same wherever they are served:
    /// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
    pub(crate) claude: bool,
    pub(crate) thinking: Thinking,
    pub(crate) top_k: TopK,
    /// Whether it follows a schema in `outputConfig`. Models that are not known are asked to:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html>.
    pub(crate) schema: bool,
    /// Whether it knows tools.
    pub(crate) tools: bool,
}

const OTHER: Family =
    Family { claude: false, thinking: Thinking::Unknown, top_k: TopK::Unknown, schema: true, tools: true };
const CLAUDE: Family = Family { claude: true, thinking: Thinking::Adaptive, top_k: TopK::Plain, ..OTHER };
const OLD_CLAUDE: Family = Family { thinking: Thinking::Unknown, schema: false, ..CLAUDE };
const NOVA: Family = Family { top_k: TopK::Nova, schema: false, ..OTHER };
const OLD: Family = Family { schema: false, ..OTHER };

/// Families by what stands in the model's id; the first one that fits counts.
const FAMILIES: &[(&str, Family)] = &[
    ("claude-v2", Family { tools: false, ..OLD_CLAUDE }),
    ("claude-instant", Family { tools: false, ..OLD_CLAUDE }),
    ("claude-3-7-", Family { thinking: Thinking::Budget, ..OLD_CLAUDE }),
    ("claude-3-", OLD_CLAUDE),
    ("claude-opus-4-2", Family { thinking: Thinking::Budget, ..OLD_CLAUDE }),
    ("claude-opus-4-1", Family { thinking: Thinking::Budget, ..OLD_CLAUDE }),
    ("claude-sonnet-4-2", Family { thinking: Thinking::Budget, ..OLD_CLAUDE }),
    ("claude-opus-4-5", Family { thinking: Thinking::Budget, ..CLAUDE }),
    ("claude-sonnet-4-5", Family { thinking: Thinking::Budget, ..CLAUDE }),
    ("claude-haiku-4-5", Family { thinking: Thinking::Budget, ..CLAUDE }),
    ("claude-", CLAUDE),
    ("amazon.nova-2-", Family { thinking: Thinking::Nova, ..NOVA }),
    ("amazon.nova-", NOVA),
    ("amazon.titan-", Family { tools: false, ..OLD }),
    ("meta.llama", OLD),
    ("cohere.command", OLD),
    ("ai21.", OLD),
    ("deepseek.r1", Family { tools: false, ..OLD }),
    ("openai.gpt-oss", Family { thinking: Thinking::Word("reasoning_effort"), ..OTHER }),
    ("qwen.", Family { thinking: Thinking::Word("reasoning_config"), ..OTHER }),
    ("mistral.mistral-7b", Family { top_k: TopK::Plain, tools: false, ..OLD }),
    ("mistral.mixtral", Family { top_k: TopK::Plain, tools: false, ..OLD }),
    ("mistral.mistral-large-24", OLD),
    ("mistral.mistral-small-24", OLD),
    ("mistral.pixtral", OLD),
];

/// The family of `model`.
pub(crate) fn of(model: Option<&ModelName>) -> Family {
    let name = model.map_or("", ModelName::as_str);
    FAMILIES.iter().find(|(part, _)| name.contains(part)).map_or(OTHER, |(_, family)| *family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_id_wherever_it_is_served() {
        for (name, thinking, top_k, schema) in [
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Thinking::Budget, TopK::Plain, false),
            ("anthropic.claude-3-haiku-20240307-v1:0", Thinking::Unknown, TopK::Plain, false),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Thinking::Budget, TopK::Plain, false),
            ("us.anthropic.claude-sonnet-4-6", Thinking::Adaptive, TopK::Plain, true),
            ("us.amazon.nova-2-lite-v1:0", Thinking::Nova, TopK::Nova, false),
            ("amazon.nova-lite-v1:0", Thinking::Unknown, TopK::Nova, false),
            ("openai.gpt-oss-120b-1:0", Thinking::Word("reasoning_effort"), TopK::Unknown, true),
            (
                "arn:aws:bedrock:us-east-1:1:application-inference-profile/x",
                Thinking::Unknown,
                TopK::Unknown,
                true,
            ),
        ] {
            let family = of(ModelName::new(name).ok().as_ref());
            assert_eq!((family.thinking, family.top_k, family.schema), (thinking, top_k, schema), "{name}");
        }
    }
}
