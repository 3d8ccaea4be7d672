//! Writes JSON field by field into one buffer, so that what cannot be said is met where it would stand.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// An object that is being written; its end is written when it is dropped.
///
/// ```
/// use ultraai_protocol_common::ObjectWriter;
///
/// let mut body = Vec::new();
/// let mut object = ObjectWriter::new(&mut body);
/// object.field("model", "m");
/// object.optional("seed", Some(7));
/// let mut list = object.list("messages");
/// list.object().field("role", "user");
/// drop(list);
/// drop(object);
/// assert_eq!(body, br#"{"model":"m","seed":7,"messages":[{"role":"user"}]}"#);
/// ```
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    filled: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, filled: false }
    }

    /// Writes a field.
    pub fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        self.key(key);
        write(self.out, value);
    }

    /// Writes a field unless it is `None`.
    pub fn optional<T: Serialize>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.field(key, &value);
        }
    }

    /// Writes a field whose value is JSON already.
    pub fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    /// Writes entries as they are.
    pub fn entries<'m>(&mut self, entries: impl IntoIterator<Item = (&'m String, &'m Value)>) {
        entries.into_iter().for_each(|(key, value)| self.field(key, value));
    }

    /// Begins an object in this one.
    pub fn object(&mut self, key: &str) -> ObjectWriter<'_> {
        self.key(key);
        ObjectWriter::new(self.out)
    }

    /// Begins a list in this one.
    pub fn list(&mut self, key: &str) -> ListWriter<'_> {
        self.key(key);
        ListWriter::new(self.out)
    }

    fn key(&mut self, key: &str) {
        if self.filled {
            self.out.push(b',');
        }
        self.filled = true;
        write(self.out, key);
        self.out.push(b':');
    }
}

impl Drop for ObjectWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b'}');
    }
}

/// A list that is being written; its end is written when it is dropped.
#[derive(Debug)]
pub struct ListWriter<'a> {
    out: &'a mut Vec<u8>,
    filled: bool,
}

impl<'a> ListWriter<'a> {
    /// Begins a list at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, filled: false }
    }

    /// Writes an entry.
    pub fn item<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.comma();
        write(self.out, value);
    }

    /// Begins an object in the list.
    pub fn object(&mut self) -> ObjectWriter<'_> {
        self.comma();
        ObjectWriter::new(self.out)
    }

    fn comma(&mut self) {
        if self.filled {
            self.out.push(b',');
        }
        self.filled = true;
    }
}

impl Drop for ListWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b']');
    }
}

/// Several texts as one, without a copy of them.
#[derive(Clone, Debug)]
pub struct Joined<I>(pub I);

impl<'t, I: Iterator<Item = &'t str> + Clone> Serialize for Joined<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'t, I: Iterator<Item = &'t str> + Clone> fmt::Display for Joined<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.clone().try_for_each(|text| f.write_str(text))
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let before = out.len();
    // Nothing that codecs write has keys that are no text, which alone could fail; half a value would break the rest.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let mut out = Vec::new();
        {
            let mut object = ObjectWriter::new(&mut out);
            object.field("a\"", &Joined(["x\"", "y"].into_iter()));
            object.object("empty");
            object.raw("raw", "{\"b\": 1}");
            object.optional("none", None::<u8>);
            let mut list = object.list("list");
            list.item(&1);
            list.object().field("c", &f64::NAN);
        }
        let expected = r#"{"a\"":"x\"y","empty":{},"raw":{"b": 1},"list":[1,{"c":null}]}"#;
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
