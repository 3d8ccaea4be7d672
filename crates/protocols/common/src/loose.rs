//! Values that vendors write in more than one form.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A text, borrowed where it stands unescaped; a number is taken as text, and anything else as nothing.
#[derive(Debug, Default)]
pub struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text; empty where there is none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, unless it is empty.
    pub fn filled(self) -> Option<String> {
        self.0.filter(|text| !text.is_empty()).map(Cow::into_owned)
    }

    /// This text, or the other where this one is empty.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.as_str().is_empty() { other } else { self }
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Some(Cow::Owned(text)))
    }
}

/// A whole number, also where it is written as text or as a fraction; anything else is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Number(pub Option<u64>);

/// Reads a value of any form; what a type does not override is nothing.
pub trait Reader<'de>: Sized {
    /// What is read.
    type Value: Default;

    /// A text that stands unescaped in the input.
    fn borrowed(text: &'de str) -> Self::Value;
    /// Any other text.
    fn owned(text: &str) -> Self::Value;
    /// A number.
    fn number(_: f64) -> Self::Value {
        Self::Value::default()
    }
    /// An array.
    fn list<A: SeqAccess<'de>>(mut rest: A) -> Result<Self::Value, A::Error> {
        while rest.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
    /// An object.
    fn object<A: MapAccess<'de>>(mut rest: A) -> Result<Self::Value, A::Error> {
        while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

/// A visitor for whatever `R` reads.
#[derive(Debug)]
pub struct Any<R>(pub R);

impl<'de, R: Reader<'de>> Visitor<'de> for Any<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<R::Value, E> {
        Ok(R::borrowed(text))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<R::Value, E> {
        Ok(R::owned(text))
    }
    #[expect(clippy::cast_precision_loss, reason = "no count of tokens is near 2^53")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<R::Value, E> {
        Ok(R::number(number as f64))
    }
    #[expect(clippy::cast_precision_loss, reason = "no count of tokens is near 2^53")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<R::Value, E> {
        Ok(R::number(number as f64))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<R::Value, E> {
        Ok(R::number(number))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<R::Value, E> {
        Ok(R::Value::default())
    }
    fn visit_unit<E: Error>(self) -> Result<R::Value, E> {
        Ok(R::Value::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<R::Value, A::Error> {
        R::list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<R::Value, A::Error> {
        R::object(object)
    }
}

struct ReadText;

impl<'de> Reader<'de> for ReadText {
    type Value = Text<'de>;

    fn borrowed(text: &'de str) -> Text<'de> {
        Text(Some(Cow::Borrowed(text)))
    }
    fn owned(text: &str) -> Text<'de> {
        Text(Some(Cow::Owned(text.to_owned())))
    }
    fn number(number: f64) -> Text<'de> {
        Text(Some(Cow::Owned(number.to_string())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(ReadText))
    }
}

struct ReadNumber;

impl<'de> Reader<'de> for ReadNumber {
    type Value = Number;

    fn borrowed(text: &'de str) -> Number {
        Self::owned(text)
    }
    fn owned(text: &str) -> Number {
        text.trim().parse().map_or_else(|_| Number(None), Self::number)
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn number(number: f64) -> Number {
        Number((0.0..9e15).contains(&number).then_some(number as u64))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(ReadNumber))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_every_form_that_vendors_write() {
        for (json, expected) in
            [("\"a\"", "a"), ("\"\\n\"", "\n"), ("7", "7"), ("null", ""), ("[1]", ""), ("{\"a\":[]}", "")]
        {
            assert_eq!(serde_json::from_str::<Text<'_>>(json).unwrap().as_str(), expected, "{json}");
        }
        for (json, expected) in
            [("7", Some(7)), ("\"7\"", Some(7)), ("7.0", Some(7)), ("-1", None), ("null", None), ("[]", None)]
        {
            assert_eq!(serde_json::from_str::<Number>(json).unwrap().0, expected, "{json}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(serde_json::from_str("\"a\"").unwrap(), Text(Some(Cow::Borrowed("a")))));
    }
}
