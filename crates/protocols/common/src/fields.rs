//! Reads requests field by field, so that what nobody knows is left over and what is wrong is named by its place.

use std::borrow::Cow;

use serde_json::{Map, Value};
use ultraai_core::{Error, ErrorKind, ModelName, Result};

use crate::{
    Entries, Place,
    json::{TOO_DEEP, is_too_deep},
    node::Node,
};

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
pub struct Fields<'a> {
    /// Those that stand in the request.
    read: Vec<(Cow<'a, str>, Node<'a>)>,
    /// Those that were put there, or looked at; the others of the same name are gone.
    kept: Map<String, Value>,
    place: Place,
}

impl<'a> Fields<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `InvalidRequest`.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        let node = Node::parse(body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let why = if is_too_deep(&error) { TOO_DEEP } else { "is no JSON" };
            Error::new(ErrorKind::InvalidRequest, format!("the request {why} ({place})"))
        })?;
        Self::read_in(node, Place::top())
    }

    /// The fields of `value`, which stands at `place`.
    ///
    /// # Errors
    /// `InvalidRequest` where it is no object.
    pub fn of(value: Value, place: Place) -> Result<Self> {
        Self::read_in(Node::Value(value), place)
    }

    fn read_in(node: Node<'a>, place: Place) -> Result<Self> {
        match node {
            Node::Object(read) => Ok(Self { read, kept: Map::new(), place }),
            Node::Value(Value::Object(kept)) => Ok(Self { read: Vec::new(), kept, place }),
            _ => Err(place.wrong("an object")),
        }
    }

    /// Where they stand.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the field is there and not null.
    pub fn has(&self, name: &str) -> bool {
        match self.read.iter().rfind(|(key, _)| key == name) {
            Some((_, node)) => !node.is_null(),
            None => self.kept.get(name).is_some_and(|value| !value.is_null()),
        }
    }

    /// The value of a field, which stays.
    pub fn look(&mut self, name: &str) -> Option<&Value> {
        if let Some(node) = self.take_read(name) {
            self.kept.insert(name.to_owned(), node.into());
        }
        self.kept.get(name).filter(|value| !value.is_null())
    }

    /// Takes a field of any form.
    pub fn any(&mut self, name: &str) -> Option<Value> {
        self.take(name).map(Value::from)
    }

    fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let node = match self.take_read(name) {
            None => self.kept.remove(name).map(Node::Value),
            node => node,
        };
        node.filter(|node| !node.is_null())
    }

    fn take_read(&mut self, name: &str) -> Option<Node<'a>> {
        let mut taken = None;
        self.read.retain_mut(|(key, node)| {
            let is_it = key == name;
            if is_it {
                taken = Some(std::mem::replace(node, Node::Value(Value::Null)));
            }
            !is_it
        });
        taken
    }

    /// Puts a field back, such as what is left of it.
    pub fn put(&mut self, name: &str, value: Value) {
        self.take_read(name);
        self.kept.insert(name.to_owned(), value);
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
        self.read_node(name, wanted, |node| read(node.into()))
    }

    fn read_node<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.take(name) {
            None => Ok(None),
            Some(node) => read(node).map(Some).ok_or_else(|| self.place.field(name).wrong(wanted)),
        }
    }

    /// Takes a text that is looked at and no more.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn word(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>> {
        self.read_node(name, "a text", |node| match node {
            Node::Text(text) => Some(text),
            Node::Value(Value::String(text)) => Some(text.into()),
            _ => None,
        })
    }

    /// Takes a text.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        Ok(self.word(name)?.map(Cow::into_owned))
    }

    /// Takes a text that must be there, and that is looked at and no more.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn needed_word(&mut self, name: &'static str) -> Result<Cow<'a, str>> {
        self.word(name)?.ok_or_else(|| self.place.missing(name))
    }

    /// Takes a text that must be there.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn needed_text(&mut self, name: &'static str) -> Result<String> {
        self.needed_word(name).map(Cow::into_owned)
    }

    /// Takes the field `model`.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn model(&mut self) -> Result<Option<ModelName>> {
        let name = self.word("model")?;
        let wrong = || self.place.field("model").wrong("the name of a model");
        name.map(|name| ModelName::new(name).map_err(|_| wrong())).transpose()
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

    /// Takes a whole number from 1 up.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place.
    pub fn positive(&mut self, name: &'static str) -> Result<Option<u64>> {
        self.read(name, "a whole number from 1 up", |value| {
            whole(&value).and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
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
    pub fn list(&mut self, name: &'static str) -> Result<Option<Entries<Value>>> {
        let entries = self.entries(name)?;
        Ok(entries.map(|(list, place)| Entries::of(list.into_iter().map(Value::from).collect(), place)))
    }

    /// Takes a list of objects, one after the other.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place; an entry has its own where it is no object.
    pub fn objects(
        &mut self,
        name: &'static str,
    ) -> Result<Option<impl ExactSizeIterator<Item = Result<Self>> + use<'a>>> {
        let entries = self.entries(name)?;
        Ok(entries
            .map(|(list, place)| Entries::of(list, place).map(|(place, node)| Self::read_in(node, place))))
    }

    fn entries(&mut self, name: &'static str) -> Result<Option<(Vec<Node<'a>>, Place)>> {
        let list = self.read_node(name, "a list", |node| match node {
            Node::List(list) => Some(list),
            Node::Value(Value::Array(list)) => Some(list.into_iter().map(Node::Value).collect()),
            _ => None,
        })?;
        Ok(list.map(|list| (list, self.place.field(name))))
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
        self.take(name).map(|node| Self::read_in(node, self.place.field(name))).transpose()
    }

    /// What nobody took, without what is null.
    pub fn rest(self) -> Map<String, Value> {
        let mut rest = self.kept;
        rest.extend(self.read.into_iter().map(|(key, node)| (key.into_owned(), node.into())));
        rest.retain(|_, value| !value.is_null());
        rest
    }
}

/// A whole number, also where it is written as a fraction, such as `7.0`.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(value: &Value) -> Option<i64> {
    let fraction = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    value.as_i64().or_else(|| fraction().map(|number| number as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REQUEST: &str =
        r#"{"a": 1, "list": [{"b": "\n", "c": {"d": [7]}}, "x"], "null": null, "a": {"e": "f"}}"#;

    #[test]
    fn of_two_fields_of_one_name_the_later_one_counts() {
        let fields = Fields::parse(REQUEST.as_bytes()).unwrap();
        assert_eq!(fields.clone().any("a"), Some(json!({ "e": "f" })));
        assert_eq!(fields.clone().look("a"), Some(&json!({ "e": "f" })));
        assert_eq!(fields.clone().object("a").unwrap().unwrap().word("e").unwrap().as_deref(), Some("f"));
        assert_eq!(fields.rest()["a"], json!({ "e": "f" }));
        let mut fields = Fields::parse(br#"{"a": 1, "a": null}"#).unwrap();
        assert!(!fields.has("a") && fields.look("a").is_none() && fields.any("a").is_none());
        let mut fields = Fields::parse(br#"{"a": 1, "a": 2}"#).unwrap();
        fields.any("a");
        assert!(fields.rest().is_empty());
    }

    #[test]
    fn what_is_nested_too_deeply_is_not_called_no_json() {
        let nested =
            |levels: usize| format!(r#"{{"a": {}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Fields::parse(nested(127).as_bytes()).is_ok());
        for levels in [128, 5000] {
            let error = Fields::parse(nested(levels).as_bytes()).unwrap_err();
            let expected = "the request is nested too deeply, for 127 levels are read (line 1, column 133)";
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, expected));
        }
    }

    #[test]
    fn what_is_left_is_what_nobody_took() {
        let whole: Value = serde_json::from_str(REQUEST).unwrap();
        let kept = Fields::of(whole.clone(), Place::top()).unwrap();
        for mut fields in [Fields::parse(REQUEST.as_bytes()).unwrap(), kept] {
            assert!(fields.has("list") && !fields.has("null") && !fields.has("b"));
            assert_eq!(fields.look("list"), Some(&whole["list"]));
            let entries: Vec<_> = fields.clone().list("list").unwrap().unwrap_or_default().collect();
            assert_eq!(entries[1], (Place::top().field("list").entry(1), json!("x")));
            let mut objects = fields.clone().objects("list").unwrap().unwrap();
            let mut first = objects.next().unwrap().unwrap();
            assert_eq!(first.needed_text("b").unwrap(), "\n");
            let mut inner = first.object("c").unwrap().unwrap();
            let wrong = inner.text("d").unwrap_err();
            assert_eq!(wrong.message(), "`list[0].c.d` must be a text");
            let wrong = objects.next().unwrap().unwrap_err();
            assert_eq!(wrong.message(), "`list[1]` must be an object");
            assert_eq!(
                Value::from(fields.clone().rest()),
                json!({ "a": { "e": "f" }, "list": whole["list"] })
            );
            fields.any("list");
            fields.put("a", json!(2));
            assert_eq!(Value::from(fields.rest()), json!({ "a": 2 }));
        }
        assert_eq!(Fields::parse(b"[1]").unwrap_err().message(), "the request must be an object");
    }
}
