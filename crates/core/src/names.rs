//! Names that cannot be empty, and secrets that cannot be printed.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, ErrorKind, Result};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the name.
            ///
            /// # Errors
            /// `Config` when it is empty or holds what such a name cannot hold.
            pub fn new(name: impl AsRef<str>) -> Result<Self> {
                let name = name.as_ref();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(name) {
                    Ok(()) => Ok(Self(name.into())),
                    Err(why) => Err(Error::new(ErrorKind::Config, format!(concat!($what, " {:?} {}"), name, why))),
                }
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(name: String) -> Result<Self> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;
            fn try_from(name: &str) -> Result<Self> {
                Self::new(name)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    };
}

name_type!(
    /// A model's name in its provider's own spelling; any text that is not blank.
    ModelName,
    "the model name",
    |name| if name.trim().is_empty() { Err("is empty: name a model of the provider") } else { Ok(()) }
);

name_type!(
    /// The user's own name for a candidate: letters, digits, `-`, `_`, `.` and `:`.
    ProviderId,
    "the provider id",
    |name| {
        let known = |c: char| c.is_alphanumeric() || "-_.:".contains(c);
        match name.chars().all(known) {
            _ if name.is_empty() => Err("is empty: give the provider a name"),
            true => Ok(()),
            false => Err("holds a character other than letters, digits, `-`, `_`, `.` and `:`"),
        }
    }
);

/// A key or another secret: `Debug` prints `Secret(..)`, and it has no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the secret, without the white space around it that a file or a paste brings.
    ///
    /// # Errors
    /// `Config` when nothing is left, or when it holds what no HTTP header can carry.
    pub fn new(text: impl AsRef<str>) -> Result<Self> {
        let text = text.as_ref().trim();
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the key is empty"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "the key holds a space or a character outside ASCII: it was probably copied together with something else";
            return Err(Error::new(ErrorKind::Config, why));
        }
        Ok(Self(text.into()))
    }

    /// The secret itself; call it only where the bytes leave.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The id of one request, the same in its spans and in its outcome: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |_| de::Error::custom("a request's id is a hexadecimal number");
        u64::from_str_radix(&text, 16).map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_cannot_be_made() {
        assert!(ModelName::new(" ").is_err());
        let error = ProviderId::new("a b").unwrap_err();
        assert!(error.to_string().contains("\"a b\""), "{error}");
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new(" sk-123\n").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.expose(), "sk-123");
        assert!(!Secret::new("sk 123").unwrap_err().to_string().contains("123"));
    }
}
