//! Content of a message, as it is read: of requests and of answers.

use serde_json::Value;
use ultraai_core::{Citation, Part, Result, TokenLogprob, VendorState};
use ultraai_protocol_common::{Fields, Place};

use crate::{NAME, citation, item, logprobs, media};

/// A piece of content that was read.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The part.
    pub(crate) part: Part,
    /// The tokens of a text, where they came with their probabilities.
    pub(crate) logprobs: Vec<TokenLogprob>,
}

/// Reads a piece of content that the assistant said, or another. `None` for a kind that can stand in no message of ours, since
/// it would be taken for an item: the whole message is a part of the protocol then.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn read(value: Value, said: bool, place: &Place) -> Result<Option<Piece>> {
    let kind = item::kind_of(&value).to_owned();
    let piece = |part| Some(Piece { part, logprobs: Vec::new() });
    match (kind.as_str(), said) {
        ("output_text", true) | ("input_text", false) => {
            let mut fields = Fields::of(value, place.clone())?;
            let text = fields.needed_text("text")?;
            let (citations, tokens) = beside(&mut fields)?;
            Ok(Some(finish(Part::text(text), fields, citations, tokens)))
        }
        ("refusal", true) => {
            let mut fields = Fields::of(value, place.clone())?;
            let text = fields.needed_text("refusal")?;
            Ok(Some(finish(Part::refusal(text), fields, Vec::new(), Vec::new())))
        }
        ("input_image" | "input_file" | "input_audio", false) => Ok(piece(media::read(&kind, value, place)?)),
        (kind, _) if item::is_content(kind) => Ok(piece(Part::Vendor(VendorState::new(NAME, value)))),
        _ => Ok(None),
    }
}

/// What stands beside a text.
fn beside(fields: &mut Fields<'_>) -> Result<(Vec<Citation>, Vec<TokenLogprob>)> {
    let annotations = fields.list("annotations")?.unwrap_or_default();
    let citations = annotations.into_iter().map(|(_, annotation)| citation::read(annotation)).collect();
    let tokens = fields.any("logprobs").map(|list| logprobs::read(&list)).unwrap_or_default();
    Ok((citations, tokens))
}

fn finish(
    mut part: Part,
    mut fields: Fields<'_>,
    citations: Vec<Citation>,
    logprobs: Vec<TokenLogprob>,
) -> Piece {
    fields.any("type");
    let cache = media::cache(&mut fields);
    let rest = fields.rest();
    if cache.is_some() || !citations.is_empty() || !rest.is_empty() {
        part.annotate(|notes| {
            notes.cache = cache;
            notes.citations = citations;
            notes.extra = (!rest.is_empty()).then(|| VendorState::new(NAME, Value::Object(rest)));
        });
    }
    Piece { part, logprobs }
}

/// What the part besides its text is, for who has the text already.
pub(crate) fn notes_of(part: &Part) -> (Vec<Citation>, Option<VendorState>) {
    let notes = part.notes();
    (
        notes.map(|notes| notes.citations.clone()).unwrap_or_default(),
        notes.and_then(|notes| notes.extra.clone()),
    )
}
