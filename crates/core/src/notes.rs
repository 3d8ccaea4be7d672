//! What goes with a part besides what it says.

use serde::{Deserialize, Serialize};

use crate::VendorState;

/// What goes with a part besides what it says; mostly nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Notes {
    /// The prompt up to and with this part is worth keeping in the vendor's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheMarker>,
    /// Where what a text says is taken from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<Citation>,
    /// Fields that the protocol has here and this vocabulary has not: an object, under the protocol's name. Written back in
    /// that protocol and in no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<VendorState>,
}

/// A mark up to which a prompt is worth keeping in the vendor's cache, where a vendor wants to be told. A protocol without a
/// place for it leaves it out, with a word in the trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CacheMarker {
    /// How long, in the vendor's words, such as `5m` or `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

/// Where what a text says is taken from. Vendors differ in what they tell; [`native`](Self::native) has all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Citation {
    /// The address of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The title of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The words of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cited_text: Option<String>,
    /// Which part of the text it is about, first and past the last, in the vendor's unit (OpenAI, Cohere: characters; Gemini:
    /// bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The citation as it came, under the protocol's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<VendorState>,
}
