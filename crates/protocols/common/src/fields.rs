//! Reads requests field by field, so that what nobody knows is left over and what is wrong is named by its place.

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, ModelName, Result};

use crate::{Entries, Place};

/// The fields of an object of a request. Each is taken once; what is left is what nobody knows. A field that is null counts
/// as missing.
///
/// ```
/// use ultraai_protocol_common::Fields;
///
/// let mut fields = Fields::parse(br#"{"model": "m", "seed": 7, "novel": true}"#)?;
/// assert_eq!(fields.text("model")?.as_deref(), Some("m"));
/// assert_eq!(fields.text("user")?, None);
/// let error = fields.text("seed").err().expect("it is a number");
/// assert_eq!(error.message(), "`seed` must be a text");
/// assert_eq!(fields.rest().keys().collect::<Vec<_>>(), ["novel"]);
/// # Ok::<_, ultraai_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fields {
    fields: Map<String, Value>,
    place: Place,
}

impl Fields {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::new(ErrorKind::InvalidRequest, format!("the request is no JSON ({place})"))
        })?;
        Self::of(value, Place::top())
    }

    /// The fields of `value`, which stands at `place`.
    ///
    /// # Errors
    /// `InvalidRequest` where it is no object.
    pub fn of(value: Value, place: Place) -> Result<Self> {
        match value {
            Value::Object(fields) => Ok(Self { fields, place }),
            _ => Err(place.wrong("an object")),
        }
    }

    /// Where they stand.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the field is there and not null.
    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// The value of a field, which stays.
    pub fn look(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Takes a field of any form.
    pub fn any(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Puts a field back, such as what is left of it.
    pub fn put(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// Takes a field and reads it by `read`, which gives `None` for what it is not.
    ///
    /// # Errors
    /// `InvalidRequest`, which says that it must be `wanted`.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.any(name) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.place.field(name).wrong(wanted)),
        }
    }

    /// Takes a text.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        self.read(name, "a text", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// Takes a text that must be there.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn needed_text(&mut self, name: &'static str) -> Result<String> {
        self.text(name)?.ok_or_else(|| self.place.missing(name))
    }

    /// Takes the field `model`.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn model(&mut self) -> Result<Option<ModelName>> {
        self.text("model")?
            .map(|name| {
                ModelName::new(name).map_err(|_| self.place.field("model").wrong("the name of a model"))
            })
            .transpose()
    }

    /// Takes the field `model`, which must be there.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn needed_model(&mut self) -> Result<ModelName> {
        self.model()?.ok_or_else(|| self.place.missing("model"))
    }

    /// Takes a truth value.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>> {
        self.read(name, "true or false", |value| value.as_bool())
    }

    /// Takes a number.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn number(&mut self, name: &'static str) -> Result<Option<f64>> {
        self.read(name, "a number", |value| value.as_f64())
    }

    /// Takes a whole number from 0 up.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn count(&mut self, name: &'static str) -> Result<Option<u64>> {
        self.read(name, "a whole number from 0 up", |value| {
            whole(&value).and_then(|number| u64::try_from(number).ok())
        })
    }

    /// Takes a whole number.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn integer(&mut self, name: &'static str) -> Result<Option<i64>> {
        self.read(name, "a whole number", |value| whole(&value))
    }

    /// Takes a list, each entry with its place.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn list(&mut self, name: &'static str) -> Result<Option<Entries>> {
        let list = self.read(name, "a list", |value| match value {
            Value::Array(list) => Some(list),
            _ => None,
        })?;
        Ok(list.map(|list| Entries::of(list, self.place.field(name))))
    }

    /// Takes a list of texts; one text alone counts as a list of it.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        self.read(name, "a text or a list of texts", |value| match value {
            Value::String(text) => Some(vec![text]),
            Value::Array(list) => list.into_iter().map(|text| text.as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    /// Takes an object.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Self>> {
        self.any(name).map(|value| Self::of(value, self.place.field(name))).transpose()
    }

    /// What nobody took, without what is null.
    pub fn rest(mut self) -> Map<String, Value> {
        self.fields.retain(|_, value| !value.is_null());
        self.fields
    }
}

/// A whole number, also where it is written as a fraction, such as `7.0`.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(value: &Value) -> Option<i64> {
    let fraction = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    value.as_i64().or_else(|| fraction().map(|number| number as i64))
}
