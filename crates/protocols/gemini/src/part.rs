//! A part of a candidate's content, as it is read.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use ultraai_protocol_common::{Key, Others, Text, object};

/// The field of the signature, in parts and in the state that is kept of it.
pub(crate) const SIGNATURE: &str = "thoughtSignature";
pub(crate) const CALL: &str = "functionCall";
pub(crate) const RESULT: &str = "functionResponse";

/// How ids begin that were made up here. Google's calls may have none.
const MADE_UP: &str = "gemini_call_";

/// An id for the call `index` of the answer `response`: letters, digits, `_` and `-`, no more than 40, as every vendor takes it.
pub(crate) fn made_up_id(response: &str, index: impl fmt::Display) -> String {
    let mut id = MADE_UP.to_owned();
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    id.extend(response.chars().filter(plain).take(22));
    if id.len() > MADE_UP.len() {
        id.push('_');
    }
    id.push_str(&index.to_string());
    id
}

/// Whether the id is one that was made up here, and that Google is not told.
pub(crate) fn is_made_up(id: &str) -> bool {
    id.starts_with(MADE_UP)
}

/// A part; which of its fields is filled says what it is.
#[derive(Debug, Default)]
pub(crate) struct RawPart<'a> {
    pub(crate) text: Option<Text<'a>>,
    pub(crate) thought: bool,
    pub(crate) call: Option<Box<RawCall<'a>>>,
    /// What stands beside these, such as the signature, or executed code.
    pub(crate) rest: Map<String, Value>,
}

object! {
    #[derive(Debug, Default)]
    pub(crate) struct RawCall<'a> {
        pub(crate) id: Text<'a> = "id",
        pub(crate) name: Text<'a> = "name",
        pub(crate) args: Option<&'a RawValue> = "args",
        pub(crate) pieces: Option<Vec<Value>> = "partialArgs",
        pub(crate) continues: bool = "willContinue",
    }
    known:;
    others: pub(crate) rest: Map<String, Value>;
}

impl<'de: 'a, 'a> Deserialize<'de> for RawPart<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = RawPart<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
                let mut part = RawPart::default();
                while let Some(Key(key)) = fields.next_key::<Key<'de>>()? {
                    match &*key {
                        "text" => part.text = fields.next_value()?,
                        "thought" => part.thought = fields.next_value::<Option<bool>>()?.unwrap_or(false),
                        CALL => part.call = fields.next_value()?,
                        "thought_signature" => part.rest.take(Cow::Borrowed(SIGNATURE), &mut fields)?,
                        _ => part.rest.take(key, &mut fields)?,
                    }
                }
                Ok(part)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_of_any_kind_is_read() {
        let read = |json: &'static str| serde_json::from_str::<RawPart<'_>>(json).unwrap();
        let text = read(r#"{"text":"a","videoMetadata":null}"#);
        assert_eq!((text.text.unwrap().as_str(), text.rest.len()), ("a", 0));
        let thought = read(r#"{"thought":true,"text":"a","thought_signature":"s"}"#);
        assert_eq!((thought.thought, &thought.rest[SIGNATURE]), (true, &json!("s")));
        let call = read(r#"{"functionCall":{"name":"f","args":{"b": 1.0},"novel":1}}"#).call.unwrap();
        assert_eq!(call.args.unwrap().get(), r#"{"b": 1.0}"#);
        assert_eq!(call.rest["novel"], 1);
        let unknown = read(r#"{"executableCode":{"code":"1+1"}}"#);
        assert_eq!(Value::Object(unknown.rest), json!({ "executableCode": { "code": "1+1" } }));
    }

    #[test]
    fn ids_that_are_made_up_are_short_plain_and_known_again() {
        let id = made_up_id("Jy/Gas HJHe-wjMcP4aqWmQg0123456789", 11);
        assert_eq!(id, "gemini_call_JyGasHJHe-wjMcP4aqWmQg_11");
        assert!(is_made_up(&id) && is_made_up(&made_up_id("", 0)) && !is_made_up("call_1"));
    }
}
