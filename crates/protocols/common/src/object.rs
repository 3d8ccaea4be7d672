//! Objects of answers: known fields by name, and what becomes of the others.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// What becomes of the fields of an object that its type does not name.
pub trait Others<'de>: Default {
    /// Takes the value of the field `key`.
    ///
    /// # Errors
    /// What the map says.
    fn take<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error>;
}

/// Whether there was a field that the type does not name, with a value that is not null: the frame that it stands in is
/// worth keeping then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unknown(pub bool);

impl<'de> Others<'de> for Unknown {
    fn take<A: MapAccess<'de>>(&mut self, _: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        self.0 |= map.next_value::<Option<IgnoredAny>>()?.is_some();
        Ok(())
    }
}

/// The fields that the type does not name and that are not null, kept as they came.
impl<'de> Others<'de> for Map<String, Value> {
    fn take<A: MapAccess<'de>>(&mut self, key: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        let value: Value = map.next_value()?;
        if !value.is_null() {
            self.insert(key.into_owned(), value);
        }
        Ok(())
    }
}

/// A key of an object, borrowed where it stands unescaped.
#[derive(Debug)]
pub struct Key<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_identifier(Read)
    }
}

/// Writes the type of an object: its fields, each with the key that it stands under, the keys that are known and say nothing
/// that is needed, and what becomes of the others. A field that is missing or null has its default.
///
/// ```
/// use ultraai_protocol_common::{Number, Text, Unknown, object};
///
/// object! {
///     /// A chunk.
///     #[derive(Debug, Default)]
///     struct Chunk<'a> {
///         id: Text<'a> = "id",
///         seen: Number = "tokens_seen",
///     }
///     known: "object", "created";
///     others: unknown: Unknown;
/// }
///
/// let chunk: Chunk<'_> = serde_json::from_str(r#"{"id": "a", "object": "chunk", "tokens_seen": null}"#)?;
/// assert_eq!((chunk.id.as_str(), chunk.seen.0, chunk.unknown.0), ("a", None, false));
/// let chunk: Chunk<'_> = serde_json::from_str(r#"{"novel": 7}"#)?;
/// assert!(chunk.unknown.0);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! object {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty = $key:literal,)*
        }
        known: $($known:literal),*;
        others: $others_vis:vis $others:ident: $others_type:ty;
    ) => {
        $(#[$meta])*
        $vis struct $name<'a> {
            $($(#[$field_meta])* $field_vis $field: $type,)*
            /// What the type does not name.
            $others_vis $others: $others_type,
            lifetime: ::std::marker::PhantomData<&'a ()>,
        }

        impl<'de: 'a, 'a> $crate::__private::Deserialize<'de> for $name<'a> {
            fn deserialize<D: $crate::__private::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                struct Fields<'a>(::std::marker::PhantomData<&'a ()>);

                impl<'de: 'a, 'a> $crate::__private::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: $crate::__private::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> ::std::result::Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(key) = map.next_key::<$crate::Key<'de>>()? {
                            match &*key.0 {
                                $($key => {
                                    if let Some(value) = map.next_value::<Option<$type>>()? {
                                        object.$field = value;
                                    }
                                })*
                                $($known => drop(map.next_value::<$crate::__private::IgnoredAny>()?),)*
                                _ => $crate::Others::take(&mut object.$others, key.0, &mut map)?,
                            }
                        }
                        Ok(object)
                    }
                }

                deserializer.deserialize_map(Fields(::std::marker::PhantomData))
            }
        }
    };
}
