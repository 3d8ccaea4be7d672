//! Lists that mostly have one entry, which then needs no room of its own.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

/// A list, or nothing where the field is missing or null. Entries that are null are left out.
#[derive(Debug)]
pub(crate) struct Few<T> {
    pub(crate) is_there: bool,
    first: Option<T>,
    more: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { is_there: false, first: None, more: Vec::new() }
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Few::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut few = Few { is_there: true, ..Few::default() };
                while let Some(entry) = list.next_element::<Option<T>>()? {
                    match (entry, &few.first) {
                        (Some(entry), None) => few.first = Some(entry),
                        (Some(entry), Some(_)) => few.more.push(entry),
                        (None, _) => {}
                    }
                }
                Ok(few)
            }
        }

        deserializer.deserialize_any(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_is_read() {
        for (json, expected) in [
            ("null", None),
            ("[]", Some(vec![])),
            ("[1]", Some(vec![1])),
            ("[1,null,2,3]", Some(vec![1, 2, 3])),
        ] {
            let few: Few<u8> = serde_json::from_str(json).unwrap();
            let is_there = few.is_there;
            let read: Vec<_> = few.into_iter().collect();
            assert_eq!(is_there.then_some(read), expected, "{json}");
        }
        assert!(serde_json::from_str::<Few<u8>>("{}").is_err());
    }
}
