//! Annotations of a text: where what it says is taken from.

use serde_json::{Map, Value, json};
use ultraai_core::{Citation, VendorState};

use crate::NAME;

/// The citation that an annotation is.
pub(crate) fn read(annotation: Value) -> Citation {
    let text = |key: &str| annotation[key].as_str().map(str::to_owned);
    let number = |key: &str| annotation[key].as_u64();
    let mut citation = Citation::default();
    citation.url = text("url");
    citation.title = text("title").or_else(|| text("filename"));
    citation.range = number("start_index").zip(number("end_index"));
    citation.native = Some(VendorState::new(NAME, annotation));
    citation
}

/// The annotation that a citation is: as it came where it came in this protocol, else of its address; `None` without one.
pub(crate) fn write(citation: &Citation) -> Option<Value> {
    if let Some(native) = citation.native.as_ref().filter(|native| native.vendor == NAME) {
        return Some(native.data.clone());
    }
    let url = citation.url.as_ref()?;
    let mut annotation = Map::new();
    annotation.insert("type".to_owned(), "url_citation".into());
    annotation.insert("url".to_owned(), url.as_str().into());
    annotation.insert("title".to_owned(), citation.title.clone().unwrap_or_default().into());
    let (start, end) = citation.range.unwrap_or_default();
    annotation.insert("start_index".to_owned(), json!(start));
    annotation.insert("end_index".to_owned(), json!(end));
    Some(Value::Object(annotation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_comes_back_as_it_came_and_anothers_citation_by_its_address() {
        let annotation =
            json!({ "type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 7 });
        let read = read(annotation.clone());
        assert_eq!(read.title.as_deref(), Some("a.pdf"));
        assert_eq!(write(&read), Some(annotation));
        let mut foreign = Citation::default();
        foreign.native = Some(VendorState::new("gemini", json!({})));
        assert_eq!(write(&foreign), None);
        (foreign.url, foreign.range) = (Some("https://host".into()), Some((1, 5)));
        let url = json!({ "type": "url_citation", "url": "https://host", "title": "", "start_index": 1, "end_index": 5 });
        assert_eq!(write(&foreign), Some(url));
    }
}
