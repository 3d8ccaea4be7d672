//! Values that vendors write in more than one form, beyond those that all protocols share.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;
use ultraai_protocol_common::{Any, Reader, Text, Unknown, object};

/// What a message says: a text, parts, or nothing.
#[derive(Debug, Default)]
pub(crate) enum Content<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Parts(Vec<ContentPart<'a>>),
}

object! {
    /// A part of a message; which of its fields is filled depends on its type.
    #[derive(Debug, Default)]
    pub(crate) struct ContentPart<'a> {
        pub(crate) kind: Text<'a> = "type",
        pub(crate) text: Text<'a> = "text",
        pub(crate) refusal: Text<'a> = "refusal",
        pub(crate) thinking: Content<'a> = "thinking",
    }
    known: ;
    others: unknown: Unknown;
}

impl ContentPart<'_> {
    /// Whether it says more than is read.
    pub(crate) fn is_novel(&self) -> bool {
        self.unknown.0 || !matches!(self.kind.as_str(), "" | "text" | "refusal" | "thinking")
    }
}

/// The arguments of a call: JSON text, or the JSON itself.
#[derive(Debug, Default)]
pub(crate) struct Arguments<'a>(pub(crate) Cow<'a, str>);

struct ReadContent;

impl<'de> Reader<'de> for ReadContent {
    type Value = Content<'de>;

    fn borrowed(text: &'de str) -> Content<'de> {
        Content::Text(Cow::Borrowed(text))
    }
    fn owned(text: &str) -> Content<'de> {
        Content::Text(Cow::Owned(text.to_owned()))
    }
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Content<'de>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Content::Parts)
    }
    fn object<A: MapAccess<'de>>(object: A) -> Result<Content<'de>, A::Error> {
        ContentPart::deserialize(MapAccessDeserializer::new(object)).map(|part| Content::Parts(vec![part]))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(ReadContent))
    }
}

struct ReadArguments;

impl<'de> Reader<'de> for ReadArguments {
    type Value = Arguments<'de>;

    fn borrowed(text: &'de str) -> Arguments<'de> {
        Arguments(Cow::Borrowed(text))
    }
    fn owned(text: &str) -> Arguments<'de> {
        Arguments(Cow::Owned(text.to_owned()))
    }
    fn object<A: MapAccess<'de>>(object: A) -> Result<Arguments<'de>, A::Error> {
        let value = Value::deserialize(MapAccessDeserializer::new(object))?;
        Ok(Arguments(Cow::Owned(value.to_string())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(ReadArguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_text_or_the_json_itself() {
        for (json, expected) in [("\"{}\"", "{}"), ("{\"a\":[1]}", "{\"a\":[1]}"), ("null", "")] {
            assert_eq!(serde_json::from_str::<Arguments<'_>>(json).unwrap().0, expected, "{json}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(serde_json::from_str("\"a\"").unwrap(), Content::Text(Cow::Borrowed("a"))));
    }
}
