//! Writes JSON piece by piece into one buffer, so that what cannot be said is found while it is written.

use serde::Serialize;
use serde_json::{Map, Value};

/// A text of JSON that grows. What it holds is sound when every object and list that was begun is ended.
#[derive(Debug, Default)]
pub(crate) struct Json(Vec<u8>);

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn begin(&mut self, bracket: u8) {
        self.separate();
        self.0.push(bracket);
    }

    /// Ends the object or list with its bracket.
    pub(crate) fn end(&mut self, bracket: u8) {
        self.0.push(bracket);
    }

    /// Begins a field. The key must need no escapes; others go to [`field`](Self::field).
    pub(crate) fn key(&mut self, key: &'static str) {
        self.separate();
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(crate) fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        self.separate();
        serde_json::to_writer(&mut self.0, value)
            .expect("texts, numbers and JSON values are written into memory");
    }

    /// JSON that is sound already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.separate();
        self.0.extend_from_slice(json.as_bytes());
    }

    /// A field of JSON that is sound already.
    pub(crate) fn raw_entry(&mut self, key: &'static str, json: &str) {
        self.key(key);
        self.raw(json);
    }

    /// A field whose key is known.
    pub(crate) fn entry(&mut self, key: &'static str, value: &(impl Serialize + ?Sized)) {
        self.key(key);
        self.value(value);
    }

    pub(crate) fn field(&mut self, key: &str, value: &Value) {
        self.value(key);
        self.0.push(b':');
        self.value(value);
    }

    pub(crate) fn fields(&mut self, fields: &Map<String, Value>) {
        fields.iter().for_each(|(key, value)| self.field(key, value));
    }

    /// A place to which [`rewind`](Self::rewind) leads back.
    pub(crate) fn place(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn rewind(&mut self, place: usize) {
        self.0.truncate(place);
    }

    /// Two values that stand beside each other need a comma; the last byte says whether one is before.
    fn separate(&mut self) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_separated_where_they_stand_beside_each_other() {
        let mut json = Json::default();
        json.begin(b'{');
        json.entry("a", ":");
        json.key("list");
        json.begin(b'[');
        json.value(&1);
        json.raw("{}");
        json.begin(b'[');
        json.end(b']');
        json.end(b']');
        let place = json.place();
        json.entry("not", &true);
        json.rewind(place);
        json.field("b\"", &json!(null));
        json.end(b'}');
        assert_eq!(String::from_utf8_lossy(&json.into_bytes()), r#"{"a":":","list":[1,{},[]],"b\"":null}"#);
    }
}
