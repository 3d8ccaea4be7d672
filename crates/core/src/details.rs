//! What is said about an answer besides what every vendor says.

use serde_json::{Map, Value};

/// What is said about an answer besides what every vendor says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Details {
    /// How it was served, in the vendor's word.
    pub service_tier: Option<String>,
    /// The stop sequence that it ended at.
    pub stop_sequence: Option<String>,
    /// Fields that this version does not know.
    pub raw: Map<String, Value>,
    /// The protocol that `raw` was read from, as in [`ChatResponse::origin`](crate::ChatResponse::origin).
    pub origin: Option<&'static str>,
}

impl Details {
    /// The fields of `raw`, for those who write the answer in `protocol`: those of another protocol mean nothing there.
    pub fn raw_of(&self, protocol: &str) -> Option<&Map<String, Value>> {
        self.origin.is_none_or(|origin| origin == protocol).then_some(&self.raw)
    }

    /// Adds what was said later, for those who write the answer in `protocol`.
    pub fn add(&mut self, more: &Self, protocol: &str) {
        self.service_tier = more.service_tier.clone().or(self.service_tier.take());
        self.stop_sequence = more.stop_sequence.clone().or(self.stop_sequence.take());
        self.origin = more.origin.or(self.origin);
        self.raw.extend(more.raw_of(protocol).cloned().unwrap_or_default());
    }
}
