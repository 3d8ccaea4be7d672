//! The JSON of answers, whole and in pieces; they differ in where the message stands.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::Value;
use ultraai_protocol_common::{Number, Text};

use crate::{
    loose::{Arguments, Content},
    usage::UsageBody,
};

/// A whole answer or one chunk of a stream. What is mostly absent is boxed: the rest is moved for every chunk.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Answer<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) object: Text<'a>,
    pub(crate) model: Text<'a>,
    pub(crate) choices: Choices<'a>,
    pub(crate) usage: Option<Box<UsageBody>>,
    pub(crate) x_groq: Option<Box<Groq>>,
    pub(crate) error: Option<Value>,
}

/// Groq puts usage here where nobody asked for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Groq {
    pub(crate) usage: Option<UsageBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Choice<'a> {
    pub(crate) index: Number,
    pub(crate) message: Option<Box<Message<'a>>>,
    pub(crate) delta: Option<Box<Message<'a>>>,
    pub(crate) finish_reason: Text<'a>,
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Message<'a> {
    pub(crate) content: Content<'a>,
    pub(crate) refusal: Text<'a>,
    pub(crate) reasoning_content: Text<'a>,
    pub(crate) reasoning: Text<'a>,
    pub(crate) tool_calls: Option<Vec<Call<'a>>>,
    pub(crate) function_call: Option<Box<Function<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Call<'a> {
    pub(crate) index: Number,
    pub(crate) id: Text<'a>,
    pub(crate) function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Function<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) arguments: Arguments<'a>,
}

/// The first of the choices; several are never asked for.
#[derive(Debug, Default)]
pub(crate) enum Choices<'a> {
    /// The field is missing, null, or no list.
    #[default]
    Missing,
    /// The list has no choice of the index 0.
    Empty,
    First(Choice<'a>),
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
                while let Some(choice) = list.next_element::<Choice<'de>>()? {
                    if choice.index.0.unwrap_or(0) == 0 {
                        while list.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Choices::First(choice));
                    }
                }
                Ok(Choices::Empty)
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

    /// The calls, those of the older form too.
    pub(crate) fn calls(&mut self) -> impl Iterator<Item = Call<'a>> + use<'a> {
        let older =
            self.function_call.take().map(|function| Call { function: Some(*function), ..Call::default() });
        // Some servers fill what they do not say with empty texts.
        self.tool_calls.take().into_iter().flatten().chain(older).filter(|call| !call.is_empty())
    }
}

impl Call<'_> {
    fn is_empty(&self) -> bool {
        let said =
            |function: &Function<'_>| !function.name.as_str().is_empty() || !function.arguments.0.is_empty();
        self.id.as_str().is_empty() && !self.function.as_ref().is_some_and(said)
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
