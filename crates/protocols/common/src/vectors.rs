//! What protocols of embeddings have in common.

use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use ultraai_core::{
    EmbeddingInput, EmbeddingRequest, EmbeddingTask, Error, ErrorKind, Losses, ModelName, Result,
};

use crate::{at_the_top, to_base64};

/// A vector: a list of numbers, or its bytes in base64, little-endian and 32 bits each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vector(pub Vec<f32>);

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Vector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers, or base64")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
                let mut vector = Vec::with_capacity(list.size_hint().unwrap_or(0));
                while let Some(number) = list.next_element()? {
                    vector.push(number);
                }
                Ok(Vector(vector))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vector, E> {
                numbers(text).map(Vector).ok_or_else(|| E::custom("it is no base64 of numbers"))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// Python's and JavaScript's encoders pad, and some gateways take that away.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bits that are zero in the lower half of a number of 64 bits that was one of 32 bits before.
const WIDENED: u32 = 0x1fff_ffff;

/// Enough numbers to be sure that they are no coincidence.
const ENOUGH: usize = 64;

fn numbers(base64: &str) -> Option<Vec<f32>> {
    let bytes = BASE64.decode(base64).ok()?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    // Some vLLM servers write numbers of 64 bits, which nothing in the answer says but they themselves: every second half is
    // all but empty then.
    let (pairs, odd) = bytes.as_chunks::<8>();
    let widened = |pair: &[u8; 8]| u64::from_le_bytes(*pair) & u64::from(WIDENED) == 0;
    let is_wide = odd.is_empty() && pairs.len() >= ENOUGH && pairs.iter().all(widened);
    let holds_something = |pair: &[u8; 8]| pair[4..] != [0; 4];
    if is_wide && pairs.iter().all(holds_something) {
        #[expect(clippy::cast_possible_truncation, reason = "they were numbers of 32 bits before")]
        let narrow = |pair: &[u8; 8]| f64::from_le_bytes(*pair) as f32;
        return Some(pairs.iter().map(narrow).collect());
    }
    Some(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

/// The vector in base64: its numbers, little-endian and 32 bits each.
pub fn vector_to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    to_base64(&bytes)
}

/// The words that a protocol has for what vectors are for.
#[derive(Clone, Copy, Debug)]
pub struct TaskWords(pub &'static [(EmbeddingTask, &'static str)]);

impl TaskWords {
    /// The task that a word of the protocol says; one that is not known is kept.
    pub fn read(self, word: &str) -> EmbeddingTask {
        let known = self.0.iter().find(|(_, known)| *known == word);
        known.map_or_else(|| EmbeddingTask::Other(word.to_owned()), |(task, _)| task.clone())
    }

    /// The protocol's word for the task of `request`, where it asks for one. A word that this version does not know is sent as
    /// it is, unless it is another protocol's.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    pub fn write<'a>(
        self,
        protocol: &str,
        request: &'a EmbeddingRequest,
        losses: &mut Losses,
    ) -> Result<Option<&'a str>> {
        let Some(task) = &request.task else { return Ok(None) };
        match task {
            EmbeddingTask::Other(word) if is_own(protocol, request) => Ok(Some(word)),
            _ => match self.0.iter().find(|(known, _)| known == task) {
                Some((_, word)) => Ok(Some(word)),
                None => {
                    losses.lose(&format!("the task `{}`", task.as_str()), "the vendor has no such one")?;
                    Ok(None)
                }
            },
        }
    }
}

/// Whether what only one protocol has words for is meant for this one: it was decoded from it, or the user wrote it.
fn is_own(protocol: &str, request: &EmbeddingRequest) -> bool {
    request.origin.is_none_or(|origin| origin == protocol)
}

/// The fields of `extra` that are sent: all, unless they are another protocol's.
///
/// # Errors
/// What [`Losses::lose`] refuses.
pub fn embedding_extra<'a>(
    protocol: &str,
    request: &'a EmbeddingRequest,
    losses: &mut Losses,
) -> Result<Option<&'a Map<String, Value>>> {
    if is_own(protocol, request) {
        return Ok(Some(&request.extra));
    }
    let from = request.origin.unwrap_or_default();
    for name in request.extra.keys() {
        losses.lose(&format!("`{name}`"), &format!("only {from} says what it means"))?;
    }
    Ok(None)
}

/// The texts of inputs that are texts alone.
///
/// # Errors
/// `Unsupported`, which names the first that is none.
pub fn texts<'a>(vendor: &str, input: &'a [EmbeddingInput]) -> Result<Vec<&'a str>> {
    let text = |one: &'a EmbeddingInput| {
        one.as_text().ok_or_else(|| {
            let message = format!("an input of tokens cannot be sent to {vendor}: it takes texts");
            Error::new(ErrorKind::Unsupported, message)
        })
    };
    input.iter().map(text).collect()
}

/// The model that `vendor` is asked for.
///
/// # Errors
/// `Unsupported` without one: another candidate may have one.
pub fn embedding_model<'a>(vendor: &str, request: &'a EmbeddingRequest) -> Result<&'a ModelName> {
    request.model.as_ref().ok_or_else(|| {
        let message = format!("no model: set `model` to one of embeddings that {vendor} has");
        Error::new(ErrorKind::Unsupported, message)
    })
}

/// The error for an answer that holds no vectors or no list: what it says itself, or that it says nothing.
pub fn nothing_found(body: &[u8], wanted: &str) -> Error {
    let said = serde_json::from_slice::<Value>(body).ok().and_then(|value| at_the_top(&value));
    said.unwrap_or_else(|| Error::new(ErrorKind::Undecodable, format!("the answer holds no {wanted}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Vec<f32>> {
        serde_json::from_str::<Vector>(json).ok().map(|vector| vector.0)
    }

    #[test]
    fn a_vector_is_numbers_or_their_bytes() {
        assert_eq!(read("[1, -0.5, 1e-3]"), Some(vec![1.0, -0.5, 0.001]));
        assert_eq!(read("\"AACAPwAAAL8=\""), Some(vec![1.0, -0.5]));
        assert_eq!(read("\"AACAPwAAAL8\""), Some(vec![1.0, -0.5]));
        assert_eq!(read("\"\""), Some(vec![]));
        for wrong in ["\"AACAPwA=\"", "\"a list\"", "[\"x\"]", "[null]", "{}", "7"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let vector = [0.1, f32::MIN_POSITIVE, -3e38];
        assert_eq!(read(&format!("{:?}", vector_to_base64(&vector))), Some(vector.to_vec()));
    }

    #[test]
    fn numbers_of_64_bits_are_known_by_themselves() {
        let vector: Vec<f32> = (0..200_u8).map(|at| (f32::from(at) - 99.5) / 7.0).collect();
        let wide: Vec<u8> = vector.iter().flat_map(|number| f64::from(*number).to_le_bytes()).collect();
        assert_eq!(read(&format!("{:?}", to_base64(&wide))), Some(vector.clone()));
        assert_eq!(read(&format!("{:?}", vector_to_base64(&vector))), Some(vector));
        let zeros = vec![0.0; 256];
        assert_eq!(read(&format!("{:?}", vector_to_base64(&zeros))), Some(zeros));
    }

    #[test]
    fn words_of_a_vendor_go_back_to_that_vendor_alone() {
        let words = TaskWords(&[(EmbeddingTask::Query, "search_query")]);
        assert_eq!(words.read("search_query"), EmbeddingTask::Query);
        let mut request = EmbeddingRequest::new(["a"]).with_task(words.read("image"));
        request.extra.insert("novel".into(), true.into());
        for (origin, word) in [(None, Some("image")), (Some("own"), Some("image")), (Some("other"), None)] {
            request.origin = origin;
            let written = words.write("own", &request, &mut Losses::refused());
            assert_eq!(written.ok().flatten(), word);
            assert_eq!(embedding_extra("own", &request, &mut Losses::refused()).is_ok(), word.is_some());
        }
        let mut losses = Losses::noted();
        assert_eq!(words.write("own", &request, &mut losses).unwrap(), None);
        assert_eq!(embedding_extra("own", &request, &mut losses).unwrap(), None);
        assert_eq!(
            losses.as_slice(),
            ["the task `image`: the vendor has no such one", "`novel`: only other says what it means"]
        );
    }
}
