//! JSON that is kept as its source text.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A value as the text that it stands as in the input; null is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a>(pub Option<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Source<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

impl Source<'_> {
    /// The arguments of a tool call as JSON text: of an object its source, of a text what stands in it.
    pub fn arguments(&self) -> String {
        let Some(raw) = self.0 else { return String::new() };
        match raw.get() {
            "null" => String::new(),
            text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
            source => source.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_the_text_that_the_model_wrote() {
        for (json, expected) in [
            (r#"{"b": 1,  "a":2}"#, r#"{"b": 1,  "a":2}"#),
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
            ("null", ""),
            ("7", "7"),
        ] {
            assert_eq!(serde_json::from_str::<Source<'_>>(json).unwrap().arguments(), expected, "{json}");
        }
    }
}
