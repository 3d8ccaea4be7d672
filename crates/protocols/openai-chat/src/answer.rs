//! The JSON of answers, whole and in pieces; they differ in where the message stands.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;
use ultraai_protocol_common::{Number, Source, Text, Unknown, object};

use crate::{
    loose::{Arguments, Content, ContentPart},
    usage::UsageBody,
};

object! {
    /// A whole answer or one chunk of a stream. What is mostly absent is boxed: the rest is moved for every chunk.
    #[derive(Debug, Default)]
    pub(crate) struct Answer<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) object: Text<'a> = "object",
        pub(crate) model: Text<'a> = "model",
        pub(crate) service_tier: Text<'a> = "service_tier",
        pub(crate) system_fingerprint: Text<'a> = "system_fingerprint",
        /// Who answers behind OpenRouter.
        pub(crate) provider: Text<'a> = "provider",
        /// Perplexity's sources, in every chunk.
        pub(crate) citations: Source<'a> = "citations",
        pub(crate) search_results: Source<'a> = "search_results",
        pub(crate) choices: Choices<'a> = "choices",
        pub(crate) usage: Option<Box<UsageBody<'a>>> = "usage",
        pub(crate) x_groq: Option<Box<Groq<'a>>> = "x_groq",
        pub(crate) error: Option<Value> = "error",
    }
    // The last two are there to hide lengths.
    known: "created", "obfuscation", "p";
    others: unknown: Unknown;
}

object! {
    /// Groq puts usage here where nobody asked for it.
    #[derive(Debug, Default)]
    pub(crate) struct Groq<'a> {
        pub(crate) usage: Option<UsageBody<'a>> = "usage",
    }
    known: "id";
    others: pub(crate) unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Choice<'a> {
        pub(crate) index: Number = "index",
        pub(crate) message: Option<Box<Message<'a>>> = "message",
        pub(crate) delta: Option<Box<Message<'a>>> = "delta",
        pub(crate) finish_reason: Text<'a> = "finish_reason",
        pub(crate) logprobs: Source<'a> = "logprobs",
        /// vLLM's stop sequence, or the number of a token.
        pub(crate) stop_reason: Source<'a> = "stop_reason",
        pub(crate) error: Option<Value> = "error",
    }
    known: ;
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Message<'a> {
        pub(crate) content: Content<'a> = "content",
        pub(crate) refusal: Text<'a> = "refusal",
        pub(crate) reasoning_content: Text<'a> = "reasoning_content",
        pub(crate) reasoning: Text<'a> = "reasoning",
        pub(crate) reasoning_details: Vec<Value> = "reasoning_details",
        pub(crate) annotations: Vec<Value> = "annotations",
        pub(crate) images: Vec<Value> = "images",
        pub(crate) audio: Option<Box<Value>> = "audio",
        pub(crate) tool_calls: Vec<Call<'a>> = "tool_calls",
        pub(crate) function_call: Option<Box<Function<'a>>> = "function_call",
    }
    known: "role";
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Call<'a> {
        pub(crate) index: Number = "index",
        pub(crate) id: Text<'a> = "id",
        pub(crate) function: Option<Function<'a>> = "function",
        /// A call of a tool whose input is no JSON.
        pub(crate) custom: Option<Box<Custom<'a>>> = "custom",
        /// What Google's models want back.
        pub(crate) extra_content: Option<Value> = "extra_content",
    }
    known: "type";
    others: unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Function<'a> {
        pub(crate) name: Text<'a> = "name",
        pub(crate) arguments: Arguments<'a> = "arguments",
    }
    known: ;
    others: pub(crate) unknown: Unknown;
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct Custom<'a> {
        pub(crate) name: Text<'a> = "name",
        pub(crate) input: Text<'a> = "input",
    }
    known: ;
    others: pub(crate) unknown: Unknown;
}

/// The choices; mostly there is one.
#[derive(Debug, Default)]
pub(crate) enum Choices<'a> {
    /// The field is missing, null, or no list.
    #[default]
    Missing,
    Empty,
    Some(Choice<'a>, Vec<Choice<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Choices::Missing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let Some(first) = list.next_element::<Choice<'de>>()? else { return Ok(Choices::Empty) };
                let mut others = Vec::new();
                while let Some(choice) = list.next_element()? {
                    others.push(choice);
                }
                Ok(Choices::Some(first, others))
            }
        }

        deserializer.deserialize_any(List)
    }
}

impl Answer<'_> {
    /// Reads the usage from where the vendor put it.
    pub(crate) fn usage(&self) -> Option<ultraai_core::Usage> {
        let groq = self.x_groq.as_ref().and_then(|groq| groq.usage.as_ref());
        self.usage.as_deref().or(groq).and_then(UsageBody::read)
    }

    /// Whether its usage says more than is read.
    pub(crate) fn usage_says_more(&self) -> bool {
        self.usage.as_ref().is_some_and(|usage| usage.says_more())
    }

    /// Whether there is something at the top that only `raw` has words for.
    pub(crate) fn says_more(&self) -> bool {
        self.unknown.0
            || self.citations.0.is_some()
            || self.search_results.0.is_some()
            || [&self.system_fingerprint, &self.service_tier, &self.provider]
                .iter()
                .any(|text| !text.as_str().is_empty())
    }

    /// Whether there is a field that is not known, anywhere.
    pub(crate) fn is_novel(&self) -> bool {
        let choices = match &self.choices {
            Choices::Some(first, others) => first.is_novel() || others.iter().any(Choice::is_novel),
            _ => false,
        };
        self.unknown.0
            || choices
            || self.usage_says_more()
            || self.x_groq.as_ref().is_some_and(|it| it.unknown.0)
    }
}

impl Choice<'_> {
    fn is_novel(&self) -> bool {
        let message = |message: &Option<Box<Message<'_>>>| message.as_ref().is_some_and(|it| it.is_novel());
        self.unknown.0 || message(&self.message) || message(&self.delta)
    }

    /// The stop sequence that it ended at.
    pub(crate) fn stop_sequence(&self) -> Option<String> {
        let text = self.stop_reason.0.filter(|raw| raw.get().starts_with('"'))?;
        serde_json::from_str(text.get()).ok()
    }
}

impl<'a> Message<'a> {
    /// What the message says, piece by piece, in order: reasoning, text, refusal.
    pub(crate) fn said(&mut self, mut say: impl FnMut(Said, String)) {
        let mut filled = |said, text: Text<'_>| {
            if let Some(text) = text.filled() {
                say(said, text);
            }
        };
        filled(
            Said::Reasoning,
            std::mem::take(&mut self.reasoning_content).or(std::mem::take(&mut self.reasoning)),
        );
        match std::mem::take(&mut self.content) {
            Content::Nothing => {}
            Content::Text(text) if text.is_empty() => {}
            Content::Text(text) => say(Said::Text, text.into_owned()),
            Content::Parts(parts) => {
                for part in parts {
                    think(part.thinking, &mut |text| say(Said::Reasoning, text));
                    for (said, text) in [(Said::Text, part.text), (Said::Refusal, part.refusal)] {
                        if let Some(text) = text.filled() {
                            say(said, text);
                        }
                    }
                }
            }
        }
        if let Some(text) = std::mem::take(&mut self.refusal).filled() {
            say(Said::Refusal, text);
        }
    }

    fn is_novel(&self) -> bool {
        let content = match &self.content {
            Content::Parts(parts) => parts.iter().any(ContentPart::is_novel),
            _ => false,
        };
        self.unknown.0 || content || self.tool_calls.iter().any(|call| call.unknown.0)
    }

    /// The calls, those of the older form too.
    pub(crate) fn calls(&mut self) -> impl Iterator<Item = Call<'a>> + use<'a> {
        let older =
            self.function_call.take().map(|function| Call { function: Some(*function), ..Call::default() });
        // Some servers fill what they do not say with empty texts.
        std::mem::take(&mut self.tool_calls).into_iter().chain(older).filter(|call| !call.is_empty())
    }
}

impl Call<'_> {
    fn is_empty(&self) -> bool {
        let said =
            |function: &Function<'_>| !function.name.as_str().is_empty() || !function.arguments.0.is_empty();
        self.id.as_str().is_empty() && !self.function.as_ref().is_some_and(said) && self.custom.is_none()
    }

    /// Whether it calls a tool whose input is no JSON. Some servers fill both forms.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom.is_some() && self.function.as_ref().is_none_or(|it| it.name.as_str().is_empty())
    }
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Reasoning,
    Text,
    Refusal,
}

fn think(content: Content<'_>, say: &mut impl FnMut(String)) {
    match content {
        Content::Nothing => {}
        Content::Text(text) if text.is_empty() => {}
        Content::Text(text) => say(text.into_owned()),
        Content::Parts(parts) => parts.into_iter().filter_map(|part| part.text.filled()).for_each(say),
    }
}
