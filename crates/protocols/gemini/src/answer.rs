//! The JSON of answers; a chunk of a stream has the form of a whole one.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::Value;
use ultraai_protocol_common::{Number, Text};

use crate::{part::RawPart, usage::UsageMetadata};

/// A whole answer or one chunk of a stream. What is mostly absent is boxed: the rest is moved for every chunk.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct Answer<'a> {
    pub(crate) candidates: Candidates<'a>,
    pub(crate) prompt_feedback: Option<Box<PromptFeedback<'a>>>,
    pub(crate) usage_metadata: Option<UsageMetadata>,
    pub(crate) model_version: Text<'a>,
    pub(crate) response_id: Text<'a>,
    pub(crate) error: Option<Box<Value>>,
}

impl Answer<'_> {
    /// Whether nothing in it is of this protocol.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.candidates, Candidates::Missing)
            && self.prompt_feedback.is_none()
            && self.usage_metadata.is_none()
            && self.model_version.as_str().is_empty()
            && self.response_id.as_str().is_empty()
    }

    /// Why the prompt was refused, in the vendor's word.
    pub(crate) fn block_reason(&self) -> Option<&str> {
        let reason = self.prompt_feedback.as_ref()?.block_reason.as_str();
        (!reason.is_empty()).then_some(reason)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct PromptFeedback<'a> {
    block_reason: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct Candidate<'a> {
    pub(crate) content: Option<Content<'a>>,
    pub(crate) finish_reason: Text<'a>,
    index: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Content<'a> {
    pub(crate) parts: Option<Vec<RawPart<'a>>>,
}

/// The first of the candidates; several are never asked for.
#[derive(Debug, Default)]
pub(crate) enum Candidates<'a> {
    /// The field is missing or null.
    #[default]
    Missing,
    /// The list has no candidate of the index 0.
    Empty,
    First(Candidate<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Candidates<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Candidates<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of candidates")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Candidates::Missing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while let Some(candidate) = list.next_element::<Candidate<'de>>()? {
                    if candidate.index.0.unwrap_or(0) == 0 {
                        while list.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Candidates::First(candidate));
                    }
                }
                Ok(Candidates::Empty)
            }
        }

        deserializer.deserialize_any(List)
    }
}
