//! The blocks of a request: what its messages say, part by part.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};
use ultraai_core::{Message, Part, Role, VendorState};

use crate::{VENDOR, answer::SIGNATURE};

/// A block of content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Block<'a> {
    /// A text, with fields that stand beside it.
    Text { text: &'a str, extra: Option<&'a Map<String, Value>> },
    /// Thinking that the vendor signed.
    Thinking { thinking: &'a str, signature: &'a str },
    /// A block of the vendor's own, given back as it came.
    Opaque(&'a Value),
}

/// The blocks of a message. The protocol refuses texts of nothing but white space, so they are left out.
pub(crate) fn blocks(message: &Message) -> impl DoubleEndedIterator<Item = Block<'_>> {
    message.content.iter().filter_map(|part| block(message, part))
}

/// Whether a part is no text and can be sent all the same: the vendor gets back what is its own.
pub(crate) fn is_carried(message: &Message, part: &Part) -> bool {
    !matches!(part, Part::Text { .. } | Part::Refusal { .. }) && block(message, part).is_some()
}

fn block<'a>(message: &'a Message, part: &'a Part) -> Option<Block<'a>> {
    match part {
        // There is no block for what the model declined with: these are its words all the same.
        Part::Text { text, .. } | Part::Refusal { text, .. } => {
            (!text.trim().is_empty()).then_some(Block::Text { text, extra: None })
        }
        _ if message.role != Role::Assistant => None,
        Part::Reasoning(reasoning) => {
            let signature = own(reasoning.state.as_ref()?)?.get(SIGNATURE)?.as_str()?;
            Some(Block::Thinking { thinking: &reasoning.text, signature })
        }
        Part::Vendor(state) => own(state).filter(|data| data.is_object()).map(Block::Opaque),
        _ => None,
    }
}

fn own(state: &VendorState) -> Option<&Value> {
    (state.vendor == VENDOR).then_some(&state.data)
}

impl<'a> Block<'a> {
    /// The block, where it is a text, without white space at its end.
    pub(crate) fn trimmed(self) -> Self {
        match self {
            Self::Text { text, extra } => Self::Text { text: text.trim_end(), extra },
            other => other,
        }
    }

    /// The block, where it is a text, with these fields beside it.
    pub(crate) fn beside(self, extra: &'a Map<String, Value>) -> Self {
        match self {
            Self::Text { text, .. } if !extra.is_empty() => Self::Text { text, extra: Some(extra) },
            other => other,
        }
    }
}

impl Serialize for Block<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, text) = match self {
            Self::Text { text, .. } => ("text", text),
            Self::Thinking { thinking, .. } => ("thinking", thinking),
            Self::Opaque(block) => return block.serialize(serializer),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", kind)?;
        map.serialize_entry(kind, text)?;
        if let Self::Thinking { signature, .. } = self {
            map.serialize_entry(SIGNATURE, signature)?;
        }
        if let Self::Text { extra: Some(extra), .. } = self {
            for (key, value) in *extra {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}
