//! Values that stand alone in one event and in a list in another.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use ultraai_protocol_common::{Any, Reader};

/// An object, or the last one of a list; anything else is nothing.
#[derive(Debug)]
pub(crate) struct Single<T>(pub(crate) Option<T>);

impl<T> Default for Single<T> {
    fn default() -> Self {
        Self(None)
    }
}

struct Read<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Reader<'de> for Read<T> {
    type Value = Single<T>;

    fn borrowed(_: &'de str) -> Single<T> {
        Single(None)
    }
    fn owned(_: &str) -> Single<T> {
        Single(None)
    }
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Single<T>, A::Error> {
        let mut list = Vec::<T>::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Single(list.pop()))
    }
    fn object<A: MapAccess<'de>>(object: A) -> Result<Single<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|value| Single(Some(value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Single<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(Read(PhantomData)))
    }
}
