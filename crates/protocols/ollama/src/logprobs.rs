//! Tokens with their probabilities, which Ollama writes as the vocabulary does.

use serde::{Deserialize, Deserializer, de::value::SeqAccessDeserializer};
use ultraai_core::TokenLogprob;
use ultraai_protocol_common::{Any, Reader, Text, Unknown, object};

/// A list of tokens; anything else is an empty one.
#[derive(Debug, Default)]
pub(crate) struct Logprobs(pub(crate) Vec<TokenLogprob>);

object! {
    #[derive(Debug, Default)]
    struct Entry<'a> {
        token: Text<'a> = "token",
        logprob: f64 = "logprob",
        bytes: Option<Vec<u8>> = "bytes",
        top_logprobs: Logprobs = "top_logprobs",
    }
    known: ;
    others: unknown: Unknown;
}

struct Read;

impl<'de> Reader<'de> for Read {
    type Value = Logprobs;

    fn borrowed(_: &'de str) -> Logprobs {
        Logprobs::default()
    }
    fn owned(_: &str) -> Logprobs {
        Logprobs::default()
    }
    fn list<A: serde::de::SeqAccess<'de>>(list: A) -> Result<Logprobs, A::Error> {
        let tokens = Vec::<Entry<'de>>::deserialize(SeqAccessDeserializer::new(list))?;
        let read = |token: Entry<'_>| {
            let mut read = TokenLogprob::default();
            read.token = token.token.filled().unwrap_or_default();
            read.logprob = token.logprob;
            read.bytes = token.bytes;
            read.top_logprobs = token.top_logprobs.0;
            read
        };
        Ok(Logprobs(tokens.into_iter().map(read).collect()))
    }
}

impl<'de> Deserialize<'de> for Logprobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(Read))
    }
}
