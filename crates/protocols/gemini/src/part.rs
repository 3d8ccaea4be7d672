//! A part of a candidate's content, and the state that belongs to it.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, json};
use ultraai_core::VendorState;
use ultraai_protocol_common::Text;

use crate::VENDOR;

/// The field of the signature, in parts and in the state that is kept of it.
pub(crate) const SIGNATURE: &str = "thoughtSignature";

/// A part; which of its fields is filled says what it is.
#[derive(Debug, Default)]
pub(crate) struct RawPart<'a> {
    pub(crate) text: Option<Text<'a>>,
    pub(crate) thought: bool,
    pub(crate) signature: Text<'a>,
    pub(crate) function_call: Option<Box<FunctionCall<'a>>>,
    /// What this version does not know, such as executed code.
    pub(crate) other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct FunctionCall<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) name: Text<'a>,
    pub(crate) args: Option<Value>,
    pub(crate) partial_args: Option<Value>,
    pub(crate) will_continue: Option<bool>,
}

impl RawPart<'_> {
    /// The signature as the state that is given back with the part it stands on.
    pub(crate) fn state(&self) -> Option<VendorState> {
        let signature = self.signature.as_str();
        (!signature.is_empty()).then(|| VendorState::new(VENDOR, json!({ SIGNATURE: signature })))
    }

    /// A part of an unknown kind as the state that is given back as it came.
    pub(crate) fn into_unknown(mut self) -> Option<VendorState> {
        if self.other.is_empty() {
            return None;
        }
        if self.thought {
            self.other.insert("thought".into(), Value::Bool(true));
        }
        if let Some(signature) = self.signature.filled() {
            self.other.insert(SIGNATURE.into(), Value::String(signature));
        }
        Some(VendorState::new(VENDOR, Value::Object(self.other)))
    }
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
                while let Some(key) = fields.next_key::<Text<'de>>()? {
                    match key.as_str() {
                        "text" => part.text = Some(fields.next_value()?),
                        "thought" => part.thought = fields.next_value::<Option<bool>>()?.unwrap_or(false),
                        SIGNATURE => part.signature = fields.next_value()?,
                        "functionCall" => part.function_call = fields.next_value()?,
                        _ => {
                            let value: Value = fields.next_value()?;
                            if !value.is_null() {
                                part.other.insert(key.as_str().to_owned(), value);
                            }
                        }
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
    use super::*;

    #[test]
    fn a_part_of_any_kind_is_read() {
        let read = |json: &'static str| serde_json::from_str::<RawPart<'_>>(json).unwrap();
        assert_eq!(read(r#"{"text":"a","videoMetadata":null}"#).text.unwrap().as_str(), "a");
        let thought = read(r#"{"thought":true,"text":"a","thoughtSignature":"s"}"#);
        assert_eq!((thought.thought, thought.signature.as_str()), (true, "s"));
        let unknown =
            read(r#"{"executableCode":{"code":"1+1"},"thoughtSignature":"s"}"#).into_unknown().unwrap();
        assert_eq!(unknown.data, json!({ "executableCode": { "code": "1+1" }, "thoughtSignature": "s" }));
        assert!(read("{}").into_unknown().is_none());
    }
}
