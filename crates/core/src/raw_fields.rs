//! Fields of an answer that the vocabulary has no words for.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::OnceLock,
};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Fields of an answer that this version does not know, kept as they came. An answer that is passed on as it came is asked for
/// them by nobody, so they may be looked for in its text when somebody does; it is a [`Map`] in all else.
///
/// ```
/// use bytes::Bytes;
/// use ultraai_core::RawFields;
///
/// let find = |body: &[u8]| serde_json::from_slice(body).unwrap_or_default();
/// let mut raw = RawFields::within(Bytes::from_static(br#"{"novel": 7}"#), find);
/// assert_eq!(raw["novel"], 7);
/// raw.insert("newer".to_owned(), 8.into());
/// assert_eq!(raw.len(), 2);
/// ```
#[derive(Clone, Default)]
pub struct RawFields {
    known: OnceLock<Map<String, Value>>,
    /// What they stand in, and what finds them there.
    unread: Option<(Bytes, Find)>,
}

type Find = fn(&[u8]) -> Map<String, Value>;

impl RawFields {
    /// The fields that `find` finds in `body`, once somebody asks. It holds on to the body.
    pub fn within(body: Bytes, find: fn(&[u8]) -> Map<String, Value>) -> Self {
        Self { known: OnceLock::new(), unread: Some((body, find)) }
    }

    /// The fields.
    pub fn into_map(self) -> Map<String, Value> {
        let Self { known, unread } = self;
        known.into_inner().unwrap_or_else(|| find(unread.as_ref()))
    }
}

fn find(unread: Option<&(Bytes, Find)>) -> Map<String, Value> {
    unread.map(|(body, find)| find(body)).unwrap_or_default()
}

impl Deref for RawFields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.known.get_or_init(|| find(self.unread.as_ref()))
    }
}

impl DerefMut for RawFields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        *self = std::mem::take(self).into_map().into();
        self.known.get_mut().expect("it was put there")
    }
}

impl From<Map<String, Value>> for RawFields {
    fn from(fields: Map<String, Value>) -> Self {
        Self { known: fields.into(), unread: None }
    }
}

impl From<RawFields> for Value {
    fn from(fields: RawFields) -> Self {
        Self::Object(fields.into_map())
    }
}

impl PartialEq for RawFields {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for RawFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for RawFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::*;

    fn read(body: &[u8]) -> Map<String, Value> {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn they_are_looked_for_once_and_when_somebody_asks() {
        static READ: AtomicUsize = AtomicUsize::new(0);
        let raw = RawFields::within(Bytes::from_static(br#"{"a": 7}"#), |body| {
            READ.fetch_add(1, Ordering::Relaxed);
            read(body)
        });
        let copy = raw.clone();
        assert_eq!(READ.load(Ordering::Relaxed), 0);
        assert_eq!((raw["a"].clone(), raw.len()), (json!(7), 1));
        assert_eq!(READ.load(Ordering::Relaxed), 1);
        assert_eq!(copy, raw);
        assert_eq!(raw.into_map().len(), 1);
        assert_eq!(READ.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn unread_ones_are_what_they_are_once_read() {
        let unread = || RawFields::within(Bytes::from_static(br#"{"a": 7}"#), read);
        let known = RawFields::from(read(br#"{"a": 7}"#));
        assert_eq!(unread(), known);
        assert_ne!(unread(), RawFields::default());
        assert_eq!(format!("{:?}", unread()), format!("{known:?}"));
        assert_eq!(json!(unread()), json!({ "a": 7 }));
        assert_eq!(serde_json::from_str::<RawFields>(r#"{"a": 7}"#).unwrap(), known);
        let mut more = unread();
        more.insert("b".to_owned(), json!(8));
        assert_eq!(Value::from(more.clone()), json!({ "a": 7, "b": 8 }));
        more.clear();
        assert!(more.is_empty() && !unread().is_empty());
    }
}
