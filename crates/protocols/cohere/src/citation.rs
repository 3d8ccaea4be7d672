//! Citations: what of an answer is taken from which document or result of a tool.

use serde_json::{Map, Value, json};
use ultraai_core::{Citation, Part, Result, VendorState};
use ultraai_protocol_common::Lossy;

use crate::{NAME, is_plan};

/// Reads a citation; what of it the vocabulary has no words for stands in its native form.
pub(crate) fn read(native: Value) -> Citation {
    let mut citation = Citation::default();
    let source = &native["sources"][0];
    let (document, output) = (&source["document"], &source["tool_output"]);
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let of_either =
        |keys: &[&str]| keys.iter().find_map(|key| text(&document[*key]).or_else(|| text(&output[*key])));
    citation.url = of_either(&["url"]);
    citation.title = of_either(&["title"]);
    citation.cited_text = of_either(&["text", "snippet", "content"]);
    citation.range = native["start"].as_u64().zip(native["end"].as_u64());
    citation.native = Some(VendorState::new(NAME, native));
    citation
}

/// The part that a citation is about: the one of its number, the plan, or else the first text.
fn target<'a>(native: &Value, parts: &'a mut [Part], plan: bool) -> Option<&'a mut Part> {
    let index = native["content_index"].as_u64().and_then(|index| usize::try_from(index).ok());
    let is_text = |part: &Part| matches!(part, Part::Text { .. });
    let is_planned =
        |part: &Part| matches!(part, Part::Reasoning(reasoning) if is_plan(reasoning.state.as_ref()));
    let at = match native["type"].as_str() {
        Some("PLAN") if plan => parts.iter().position(is_planned),
        _ => index
            .filter(|index| {
                parts.get(*index).is_some_and(|part| is_text(part) || matches!(part, Part::Reasoning(_)))
            })
            .or_else(|| parts.iter().position(is_text)),
    }?;
    parts.get_mut(at)
}

/// Puts citations to the parts that they are about, and hands back those that are about none. `parts` begin with those that
/// the citations count.
pub(crate) fn place(citations: Vec<Value>, parts: &mut [Part]) -> Vec<Value> {
    let mut left = Vec::new();
    for native in citations {
        match target(&native, parts, true) {
            Some(part) if native.is_object() => {
                part.annotate(|notes| notes.citations.push(read(native)));
            }
            _ => left.push(native),
        }
    }
    left
}

/// The citations of a part as this protocol writes them.
///
/// # Errors
/// What may not be lost: citations of another protocol that do not say which part of the text they are about.
pub(crate) fn written(
    citations: &[Citation],
    said: Option<&str>,
    content_index: usize,
    place: impl std::fmt::Display + Copy,
    lossy: &mut Lossy<'_>,
) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for citation in citations {
        match &citation.native {
            Some(native) if native.vendor == NAME => all.push(native.data.clone()),
            _ => match foreign(citation, said, content_index) {
                Some(native) => all.push(native),
                None => lossy.because(
                    format_args!("{place}.citations"),
                    "cohere cites a part of the text, and this one says none",
                )?,
            },
        }
    }
    Ok(all)
}

/// A citation of another protocol, with the words of the answer that it is about where those are at hand.
fn foreign(citation: &Citation, said: Option<&str>, content_index: usize) -> Option<Value> {
    let (start, end) = citation.range?;
    let (from, to) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    let length = to.checked_sub(from)?;
    let text: Option<String> = said.map(|said| said.chars().skip(from).take(length).collect());
    let fields =
        [("url", &citation.url), ("title", &citation.title), ("text", &citation.cited_text)].into_iter();
    let document: Map<String, Value> =
        fields.filter_map(|(key, value)| Some((key.to_owned(), value.as_deref()?.into()))).collect();
    let source = json!({ "type": "document", "id": "", "document": document });
    let mut native = json!({
        "start": start, "end": end, "sources": [source], "content_index": content_index, "type": "TEXT_CONTENT",
    });
    if let Some(text) = text {
        native["text"] = text.into();
    }
    Some(native)
}
