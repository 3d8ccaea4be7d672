//! Citations, as `annotations`.

use serde_json::{Value, json};
use ultraai_core::{Citation, VendorState};

/// Reads an annotation.
pub(crate) fn read(annotation: Value) -> Citation {
    let inner = annotation.get("url_citation").unwrap_or(&annotation);
    let text = |key: &str| inner.get(key).and_then(Value::as_str).map(str::to_owned);
    let place = |key: &str| inner.get(key).and_then(Value::as_u64);
    let mut citation = Citation::default();
    citation.url = text("url");
    citation.title = text("title");
    citation.cited_text = text("content");
    citation.range = place("start_index").zip(place("end_index"));
    citation.native = Some(VendorState::new(crate::NAME, annotation));
    citation
}

/// Writes an annotation; `before` are the characters of the text that stands before the part which is cited. `None` for what
/// says no address.
pub(crate) fn write(citation: &Citation, before: u64) -> Option<Value> {
    if let Some(native) = citation.native.as_ref().filter(|native| native.vendor == crate::NAME) {
        return Some(native.data.clone());
    }
    let (start, end) = citation.range.unwrap_or_default();
    let mut inner = json!({
        "url": citation.url.as_ref()?,
        "title": citation.title.as_deref().unwrap_or_default(),
        "start_index": start.saturating_add(before),
        "end_index": end.saturating_add(before),
    });
    if let Some(text) = &citation.cited_text {
        inner["content"] = text.as_str().into();
    }
    Some(json!({ "type": "url_citation", "url_citation": inner }))
}
