//! What stands in a request, as far as it is read field by field.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

use crate::Key;

/// A value of a request. Texts and keys are borrowed where they stand unescaped, since most of them are looked at and no more.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// The fields as they came: of two with one name the later one counts.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
    /// Anything else, and what stands so deep that it is kept whole.
    Value(Value),
}

/// How deep a request is read field by field: its own fields, the entries of its lists, and their fields.
const LEVELS: usize = 3;

impl<'a> Node<'a> {
    /// Reads the JSON of a request.
    pub(crate) fn parse(body: &'a [u8]) -> serde_json::Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let node = Levels(LEVELS).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Self {
        match node {
            Node::Text(text) => Self::String(text.into_owned()),
            Node::List(list) => list.into_iter().map(Self::from).collect(),
            Node::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, node)| (key.into_owned(), node.into())).collect())
            }
            Node::Value(value) => value,
        }
    }
}

/// Reads so many levels as nodes, and what stands below them as values.
#[derive(Clone, Copy)]
struct Levels(usize);

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Value(number.into()))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Value(number.into()))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Node::Value(number.into()))
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<Node<'de>, E> {
        Ok(Node::Value(truth.into()))
    }
    fn visit_unit<E: Error>(self) -> Result<Node<'de>, E> {
        Ok(Node::Value(Value::Null))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node<'de>, A::Error> {
        let Some(below) = self.0.checked_sub(1).map(Levels) else {
            return Value::deserialize(SeqAccessDeserializer::new(entries)).map(Node::Value);
        };
        let mut list = Vec::new();
        while let Some(node) = entries.next_element_seed(below)? {
            list.push(node);
        }
        Ok(Node::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let Some(below) = self.0.checked_sub(1).map(Levels) else {
            return Value::deserialize(MapAccessDeserializer::new(map)).map(Node::Value);
        };
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            fields.push((key.0, map.next_value_seed(below)?));
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_read_is_what_serde_reads() {
        for json in [
            r#"{"a":"x","b":[{"c":[{"d":["\n",{"e":1}]}]},7,null,[1,[2,[3]]]],"f":{"g":{"h":{"i":-1.5e300}}}}"#,
            r#"{"a":1,"\u0061":2,"b":{"a":null,"a":{"c":3,"c":4}}}"#,
            r#"[true,18446744073709551615,-7,0.1,"\ud83d\ude00",{}]"#,
            "7",
            "null",
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":[{"b":{"c":"\ud800"}}]}"#,
            r#"{"a":1} x"#,
            r#"{"a":1"#,
            "",
            "{\"a\":\n \"\u{1}\"}",
        ] {
            let told = |read: serde_json::Result<Value>| read.map_err(|error| error.to_string());
            let (ours, theirs) = (Node::parse(json.as_bytes()).map(Value::from), serde_json::from_str(json));
            assert_eq!(told(ours), told(theirs), "{json}");
        }
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(Node::parse(deep(100).as_bytes()).is_ok());
        assert!(Node::parse(deep(1000).as_bytes()).is_err());
        assert!(Node::parse(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn plain_texts_are_borrowed() {
        let Ok(Node::Object(fields)) = Node::parse(br#"{"a": [{"b": "c"}]}"#) else { panic!("an object") };
        let [(Cow::Borrowed("a"), Node::List(list))] = &fields[..] else { panic!("{fields:?}") };
        let [Node::Object(entry)] = &list[..] else { panic!("{list:?}") };
        assert!(matches!(&entry[..], [(Cow::Borrowed("b"), Node::Text(Cow::Borrowed("c")))]), "{entry:?}");
    }
}
