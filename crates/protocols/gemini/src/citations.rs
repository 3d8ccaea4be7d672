//! Where what an answer says is taken from: `citationMetadata` and `groundingMetadata`.

use serde_json::{Map, Value, json};
use ultraai_core::{Citation, VendorState};

use crate::NAME;

pub(crate) const GROUNDING: &str = "groundingMetadata";

/// How much larger than their candidate the citations made of it may get: a source is repeated for each sentence that it
/// supports, and a server that says so without end would fill the memory.
const GROWTH: usize = 16;

/// Room that they have in any case, in bytes.
const LEAST: usize = 8 << 10;

/// The citations that stand beside a candidate's content.
pub(crate) fn read(candidate: &Map<String, Value>) -> Vec<Citation> {
    let mut citations = Vec::new();
    let metadata = candidate.get("citationMetadata");
    // The Gemini API and Vertex AI have a name each.
    for key in ["citationSources", "citations"] {
        let list = metadata.and_then(|metadata| metadata.get(key)?.as_array());
        for source in list.into_iter().flatten() {
            citations.push(citation(source, source, None, source.clone()));
        }
    }
    if let Some(grounding) = candidate.get(GROUNDING) {
        supports(grounding, &mut citations);
    }
    citations
}

fn supports(grounding: &Value, citations: &mut Vec<Citation>) {
    let list =
        |key: &str| grounding.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (chunks, supports) = (list("groundingChunks"), list("groundingSupports"));
    if chunks.is_empty() || supports.is_empty() {
        return;
    }
    let mut room = GROWTH * size(grounding) + LEAST;
    for support in supports {
        let Some(segment) = support.get("segment") else { continue };
        let indices = support.get("groundingChunkIndices").and_then(Value::as_array);
        for index in indices.into_iter().flatten() {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            let Some(chunk) = index.and_then(|index| chunks.get(index)) else { continue };
            // A web page, a place or a passage, each under its own name.
            let Some(source) = chunk.as_object().and_then(|chunk| chunk.values().next()) else { continue };
            // A citation is an event too, which takes more room than its words.
            let Some(left) = room.checked_sub(2 * size(chunk) + size(support) + 256) else { return };
            room = left;
            let native = json!({ "groundingChunk": chunk, "groundingSupport": support });
            citations.push(citation(source, segment, source.get("text"), native));
        }
    }
}

/// About how many bytes a value takes as JSON.
fn size(value: &Value) -> usize {
    8 + match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(size).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + size(value)).sum(),
        _ => 0,
    }
}

fn citation(source: &Value, segment: &Value, text: Option<&Value>, native: Value) -> Citation {
    let word = |key: &str| source.get(key).and_then(Value::as_str).map(str::to_owned);
    // What begins at 0 says no beginning.
    let start = segment.get("startIndex").and_then(Value::as_u64).unwrap_or(0);
    let mut citation = Citation::default();
    citation.url = word("uri");
    citation.title = word("title");
    citation.cited_text = text.and_then(Value::as_str).map(str::to_owned);
    citation.range = segment.get("endIndex").and_then(Value::as_u64).map(|end| (start, end));
    citation.native = Some(VendorState::new(NAME, native));
    citation
}

/// The `groundingMetadata` that says what `citations` say.
pub(crate) fn write<'a>(citations: impl IntoIterator<Item = &'a Citation>) -> Option<Value> {
    let (mut chunks, mut supports) = (Vec::new(), Vec::new());
    for citation in citations {
        let mut source = json!({ "uri": citation.url, "title": citation.title });
        let kind = match &citation.cited_text {
            Some(text) => {
                source["text"] = text.as_str().into();
                "retrievedContext"
            }
            None => "web",
        };
        if let Some(source) = source.as_object_mut() {
            source.retain(|_, value| !value.is_null());
        }
        let mut segment = Map::new();
        if let Some((start, end)) = citation.range {
            segment.insert("startIndex".into(), start.into());
            segment.insert("endIndex".into(), end.into());
        }
        supports.push(json!({ "segment": segment, "groundingChunkIndices": [chunks.len()] }));
        chunks.push(json!({ kind: source }));
    }
    (!chunks.is_empty()).then(|| json!({ "groundingChunks": chunks, "groundingSupports": supports }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supports_name_their_sources_and_what_they_support() {
        let candidate = json!({
            "citationMetadata": { "citations": [{ "endIndex": 5, "uri": "u", "title": "t", "license": "mit" }] },
            "groundingMetadata": {
                "groundingChunks": [{ "web": { "uri": "v", "title": "w" } }, { "retrievedContext": { "text": "x" } }],
                "groundingSupports": [
                    { "segment": { "startIndex": 2, "endIndex": 7 }, "groundingChunkIndices": [0, 1, 9] },
                    { "groundingChunkIndices": [0] },
                ],
            },
        });
        let citations = read(candidate.as_object().unwrap());
        let short: Vec<_> = citations
            .iter()
            .map(|it| (it.url.as_deref(), it.title.as_deref(), it.cited_text.as_deref(), it.range))
            .collect();
        let expected = [
            (Some("u"), Some("t"), None, Some((0, 5))),
            (Some("v"), Some("w"), None, Some((2, 7))),
            (None, None, Some("x"), Some((2, 7))),
        ];
        assert_eq!(short, expected);
        assert_eq!(citations[0].native.as_ref().unwrap().data["license"], "mit");
    }

    #[test]
    fn a_source_is_not_repeated_without_end() {
        let grounding = json!({
            "groundingChunks": [{ "web": { "uri": "u".repeat(10_000) } }],
            "groundingSupports": [{ "segment": {}, "groundingChunkIndices": vec![0; 10_000] }],
        });
        assert!(read(&[(GROUNDING.to_owned(), grounding)].into_iter().collect()).len() < 20);
    }

    #[test]
    fn citations_are_read_as_they_were_written() {
        let mut citation = Citation::default();
        citation.url = Some("u".into());
        citation.range = Some((1, 2));
        let mut other = citation.clone();
        other.cited_text = Some("words".into());
        let written = write([&citation, &other]).unwrap();
        let mut read = read(&[(GROUNDING.to_owned(), written)].into_iter().collect());
        for citation in &mut read {
            citation.native = None;
        }
        assert_eq!(read, [citation, other]);
        assert_eq!(write([]), None);
    }
}
