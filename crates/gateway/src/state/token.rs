//! Access keys as callers send them, and what is kept of them.

use std::fmt;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use ultraai::{Error, ErrorKind, Result, Secret};

/// What every key begins with, so that people and scanners of leaked keys know it.
const PREFIX: &str = "sk-ultraai-";

/// Bytes of an id: enough that no two keys of one gateway meet.
const ID_BYTES: usize = 6;

/// Bytes of a secret: 256 bits, which nobody guesses, so that a plain hash of it is safe to keep.
const SECRET_BYTES: usize = 32;

/// A SHA-256 hash of a key's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// What no secret hashes to that anybody knows.
    pub(crate) const NOBODYS: Self = Self([0; 32]);

    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether it is the hash of `secret`; the time it takes does not depend on either.
    pub(crate) fn is_of(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let byte = |place: usize| {
            let digits = text.get(2 * place..2 * place + 2)?;
            u8::from_str_radix(digits, 16).ok()
        };
        let mut bytes = [0; 32];
        for (place, to) in bytes.iter_mut().enumerate() {
            *to = byte(place).ok_or_else(|| D::Error::custom("it is no SHA-256 hash"))?;
        }
        Ok(Self(bytes))
    }
}

/// A key as a caller sends it. It has no `Debug`.
pub(crate) struct Presented<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl<'a> Presented<'a> {
    /// The parts of a key; `None` for what is none of ours.
    fn read(token: &'a str) -> Option<Self> {
        let (id, secret) = token.trim().strip_prefix(PREFIX)?.split_once('-')?;
        let is_hex =
            |text: &str, bytes| text.len() == 2 * bytes && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then_some(Self { id, secret })
    }

    /// The key of a request's head: in `Authorization: Bearer`, as OpenAI's clients send it, or in `x-api-key`, as
    /// Anthropic's do. A client that has both sends both, and one of them may be meant for somebody else.
    ///
    /// # Errors
    /// `Authentication`.
    pub(crate) fn of(headers: &'a HeaderMap) -> Result<Self> {
        let bearer = headers.get_all(AUTHORIZATION).iter().filter_map(|value| {
            let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        let named = headers.get_all("x-api-key").iter().filter_map(|value| value.to_str().ok());
        let mut any = false;
        for token in bearer.chain(named) {
            any = true;
            if let Some(key) = Self::read(token) {
                return Ok(key);
            }
        }
        Err(Error::new(
            ErrorKind::Authentication,
            match any {
                true => REFUSED,
                false => {
                    "no access key: send one as `Authorization: Bearer` or as `x-api-key` (`ultraai keys create` makes one)"
                }
            },
        ))
    }
}

/// What is said of every key that is not known, whatever is wrong with it.
pub(crate) const REFUSED: &str = "the access key is not valid: check it, or ask for a new one";

/// A new id, the key, and the hash of its secret.
///
/// # Errors
/// `Config` where the system has no randomness.
pub(crate) fn fresh() -> Result<(String, Secret, SecretHash)> {
    let mut bytes = [0; ID_BYTES + SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("the system gives no random bytes for a key: {error}");
        Error::new(ErrorKind::Config, message)
    })?;
    let (id, secret) = bytes.split_at(ID_BYTES);
    let (id, secret) = (hex(id), hex(secret));
    let hash = SecretHash::of(&secret);
    Ok((id.clone(), Secret::new(format!("{PREFIX}{id}-{secret}"))?, hash))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).expect("four bits are a digit"));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<(String, String)> {
        let headers = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_str(value).unwrap())
        });
        let headers = headers.collect();
        Presented::of(&headers).map(|key| (key.id.to_owned(), key.secret.to_owned()))
    }

    #[test]
    fn a_key_is_read_where_either_kind_of_client_sends_it() {
        let (id, token, hash) = fresh().unwrap();
        let token = token.expose();
        let bearer = format!("bearer {token}");
        for headers in [
            &[("authorization", bearer.as_str())][..],
            &[("x-api-key", token)],
            &[("authorization", "Bearer sk-of-somebody-else"), ("x-api-key", token)],
        ] {
            let (read_id, secret) = read(headers).unwrap();
            assert_eq!(read_id, id);
            assert!(hash.is_of(&secret) && !SecretHash::NOBODYS.is_of(&secret));
        }
        assert!(read(&[]).unwrap_err().message().contains("no access key"));
        let short = &token[..token.len() - 1];
        let long = format!("{token}0");
        for wrong in ["", "sk-ultraai-", "sk-ultraai-x-y", short, &long, &token.replace("sk-", "pk-")] {
            let error = read(&[("x-api-key", wrong)]).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Authentication, REFUSED), "{wrong}");
        }
    }

    #[test]
    fn no_two_keys_are_alike_and_their_hashes_are_read_as_they_were_written() {
        let (first, second) = (fresh().unwrap(), fresh().unwrap());
        assert!(first.0 != second.0 && first.1.expose() != second.1.expose() && first.2 != second.2);
        let written = serde_json::to_string(&first.2).unwrap();
        assert_eq!(serde_json::from_str::<SecretHash>(&written).unwrap(), first.2);
        assert!(serde_json::from_str::<SecretHash>("\"żż\"").is_err());
        assert_eq!(format!("{:?}{:?}", first.1, first.2), "Secret(..)SecretHash(..)");
    }

    #[test]
    fn the_hash_is_sha_256_of_the_secret() {
        // FIPS 180-4's example.
        assert_eq!(
            hex(&SecretHash::of("abc").0),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
