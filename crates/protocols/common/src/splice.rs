//! A JSON object of which single fields are changed, and all the others stay byte for byte as they came.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::Key;

/// More fields than any protocol has at the top of a request.
const MOST_FIELDS: usize = 64;

/// The fields of a JSON object, by where they stand in its text.
///
/// ```
/// use ultraai_protocol_common::Splice;
///
/// let mut fields = Splice::of(br#"{ "model": "a",  "top_p": 1.0 }"#).expect("it is an object");
/// assert_eq!((fields.get("top_p"), fields.get("seed")), (Some("1.0"), None));
/// fields.set("model", r#""b""#);
/// fields.set("stream", "true");
/// assert_eq!(fields.into_bytes(), br#"{ "model": "b",  "top_p": 1.0,"stream":true }"#);
/// ```
#[derive(Debug)]
pub struct Splice<'a> {
    text: &'a [u8],
    fields: Vec<Field<'a>>,
    added: Vec<(&'a str, Cow<'a, str>)>,
    removed: bool,
}

#[derive(Debug)]
struct Field<'a> {
    key: &'a str,
    value: Cow<'a, str>,
    /// Where the key's quote stands, and the value begins and ends.
    start: usize,
    value_start: usize,
    end: usize,
    removed: bool,
}

impl<'a> Splice<'a> {
    /// The fields of the object that `text` is. `None` where it is none, or not one that can be changed safely: with a key
    /// that stands there twice, or in escapes.
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let fields = deserializer.deserialize_map(Spans(text)).ok()??;
        deserializer.end().ok()?;
        Some(Self { text, fields, added: Vec::new(), removed: false })
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.key == key && !field.removed)
    }

    /// Whether the field is there, be it null.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The text of a field's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.place(key) {
            Some(place) => Some(&self.fields[place].value),
            None => self.added.iter().find(|(added, _)| *added == key).map(|(_, value)| &**value),
        }
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| !field.removed).map(|field| field.key)
    }

    /// Puts `json` into the field `key`, which needs no escapes; one that is missing comes at the end.
    pub fn set(&mut self, key: &'a str, json: impl Into<Cow<'a, str>>) {
        match self.place(key) {
            Some(place) => self.fields[place].value = json.into(),
            None => {
                self.added.retain(|(added, _)| *added != key);
                self.added.push((key, json.into()));
            }
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, key: &str) {
        if let Some(place) = self.place(key) {
            self.fields[place].removed = true;
            self.removed = true;
        }
    }

    /// The object as it is now.
    pub fn into_bytes(self) -> Vec<u8> {
        let grown: usize = self.added.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
        let grown = grown + self.fields.iter().map(|field| field.value.len()).max().unwrap_or_default();
        let mut out = Vec::with_capacity(self.text.len() + grown);
        let mut left = self.text;
        let mut at = 0;
        if self.removed {
            // What stood between the fields goes with those that are gone.
            out.push(b'{');
            for field in self.fields.iter().filter(|field| !field.removed) {
                separate(&mut out);
                out.extend_from_slice(&self.text[field.start..field.value_start]);
                out.extend_from_slice(field.value.as_bytes());
            }
            left = b"}";
        } else {
            for field in self
                .fields
                .iter()
                .filter(|field| matches!(field.value, Cow::Owned(_)) || field.is_other(self.text))
            {
                out.extend_from_slice(&self.text[at..field.value_start]);
                out.extend_from_slice(field.value.as_bytes());
                at = field.end;
            }
            let last = self.fields.last().map_or_else(|| opening(self.text), |field| field.end);
            out.extend_from_slice(&self.text[at..last]);
            left = &left[last..];
        }
        for (key, value) in &self.added {
            separate(&mut out);
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(left);
        out
    }
}

impl Field<'_> {
    /// Whether another value was set.
    fn is_other(&self, text: &[u8]) -> bool {
        text[self.value_start..self.end] != *self.value.as_bytes()
    }
}

/// Where the first field would stand.
fn opening(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'{').map_or(0, |place| place + 1)
}

/// Two fields need a comma between them.
fn separate(out: &mut Vec<u8>) {
    if out.trim_ascii_end().last() != Some(&b'{') {
        out.push(b',');
    }
}

struct Spans<'a>(&'a [u8]);

impl<'a> Visitor<'a> for Spans<'a> {
    type Value = Option<Vec<Field<'a>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<Field<'a>> = Vec::with_capacity(16);
        // What is borrowed stands in the text.
        let place = |part: &str| part.as_ptr().addr() - self.0.as_ptr().addr();
        while let Some(key) = map.next_key::<Key<'a>>()? {
            let value = map.next_value::<&'a RawValue>()?.get();
            let Cow::Borrowed(key) = key.0 else { return Ok(None) };
            if fields.len() == MOST_FIELDS || fields.iter().any(|field| field.key == key) {
                return Ok(None);
            }
            let value_start = place(value);
            fields.push(Field {
                key,
                value: Cow::Borrowed(value),
                start: place(key) - 1,
                value_start,
                end: value_start + value.len(),
                removed: false,
            });
        }
        Ok(Some(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, change: impl FnOnce(&mut Splice<'_>)) -> String {
        let mut fields = Splice::of(text.as_bytes()).unwrap();
        change(&mut fields);
        String::from_utf8(fields.into_bytes()).unwrap()
    }

    #[test]
    fn what_is_not_changed_stays_as_it_came() {
        let text = " {\n\"a\" : 1.0 , \"b\":{ \"a\":[1e2, \"\\u0041}\"] }\t}\n";
        assert_eq!(changed(text, |_| {}), text);
        assert_eq!(changed(text, |fields| fields.set("a", "1.0")), text);
        assert_eq!(changed(text, |fields| fields.set("a", "[7]")), text.replace("1.0", "[7]"));
        assert_eq!(changed(text, |fields| fields.set("c", "7")), text.replace("\t}", ",\"c\":7\t}"));
        assert_eq!(changed("{ }", |fields| fields.set("c", "7")), "{\"c\":7 }");
    }

    #[test]
    fn a_field_that_is_taken_out_leaves_the_others() {
        let text = r#"{"a": 1, "b": "x,}", "c": [2]}"#;
        for (key, left) in [
            ("a", r#"{"b": "x,}","c": [2]}"#),
            ("b", r#"{"a": 1,"c": [2]}"#),
            ("c", r#"{"a": 1,"b": "x,}"}"#),
            ("d", text),
        ] {
            assert_eq!(changed(text, |fields| fields.remove(key)), left, "{key}");
        }
        let all = |fields: &mut Splice<'_>| {
            for key in ["a", "b", "c"] {
                fields.remove(key);
            }
            assert!(!fields.has("a"));
            fields.set("a", "3");
            fields.set("a", "4");
        };
        assert_eq!(changed(text, all), r#"{"a":4}"#);
    }

    #[test]
    fn what_cannot_be_changed_safely_is_refused() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"\n":1}"#,
            "[1]",
            "7",
            "",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            "{\"a\":\"\u{1}\"}",
        ] {
            assert!(Splice::of(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Splice::of(b"{\"a\":\"\xff\"}").is_none());
        let many = |count: usize| {
            let fields: Vec<String> = (0..count).map(|index| format!("\"k{index}\":1")).collect();
            format!("{{{}}}", fields.join(","))
        };
        assert!(Splice::of(many(MOST_FIELDS).as_bytes()).is_some());
        assert!(Splice::of(many(MOST_FIELDS + 1).as_bytes()).is_none());
    }

    #[test]
    fn whatever_comes_is_refused_or_stays_sound() {
        let text = br#" {"model" : "a\"}", "x":{"y":[1.0,"{"],"model":2} ,"stream":null,"A":[] }"#;
        let mut changed = 0;
        for at in 0..text.len() {
            let mut bodies = vec![text[..at].to_vec()];
            bodies.extend(b"{}[]\":,\\ \n0a\xff".iter().map(|byte| {
                let mut body = text.to_vec();
                body[at] = *byte;
                body
            }));
            for body in bodies {
                let Some(mut fields) = Splice::of(&body) else { continue };
                fields.set("model", r#""b""#);
                fields.remove("x");
                fields.set("stream", "true");
                let left = fields.keys().count();
                let read: serde_json::Value = serde_json::from_slice(&fields.into_bytes()).unwrap();
                let known = read.as_object().unwrap();
                assert_eq!((&known["model"], &known["stream"]), (&"b".into(), &true.into()));
                assert!(known.len() >= left && !known.contains_key("x"), "{read}");
                changed += 1;
            }
        }
        assert!(changed > 100, "{changed}");
    }
}
