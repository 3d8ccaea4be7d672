//! Writes a JSON object field by field, straight into its bytes.

use serde::Serialize;
use serde_json::{Map, Value};

/// An object that is being written.
///
/// ```
/// use ultraai_protocol_common::ObjectWriter;
///
/// let mut object = ObjectWriter::new();
/// object.field("model", "m");
/// object.maybe("user", None::<&str>);
/// assert_eq!(object.end(), br#"{"model":"m"}"#);
/// ```
#[derive(Debug)]
#[must_use = "call `end`"]
pub struct ObjectWriter(Vec<u8>);

impl ObjectWriter {
    /// An object without fields.
    pub fn new() -> Self {
        Self(b"{".to_vec())
    }

    /// Writes a field.
    ///
    /// # Panics
    /// For a value that is no JSON, such as a map whose keys are no texts.
    pub fn field(&mut self, name: &str, value: impl Serialize) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        serde_json::to_writer(&mut self.0, name).expect("a text is JSON");
        self.0.push(b':');
        serde_json::to_writer(&mut self.0, &value).expect("the values of a protocol are JSON");
    }

    /// Writes a field that has a value.
    pub fn maybe(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// Writes fields that are there already.
    pub fn all(&mut self, fields: &Map<String, Value>) {
        fields.iter().for_each(|(name, value)| self.field(name, value));
    }

    /// The object.
    pub fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

impl Default for ObjectWriter {
    fn default() -> Self {
        Self::new()
    }
}
