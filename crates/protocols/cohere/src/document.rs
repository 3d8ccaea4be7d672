//! Documents in results of tools: data that the model may cite.

use serde_json::{Value, value::RawValue};
use ultraai_core::{Media, MediaSource, Part};
use ultraai_protocol_common::ListWriter;

const PLAIN: &str = "text/plain";
const JSON: &str = "application/json";

/// Reads `{"type": "document", "document": {"data": …, "id": …}}`; `None` for what has more or less in it.
pub(crate) fn read(item: &Value) -> Option<Part> {
    let item = item.as_object()?;
    let document = item.get("document")?.as_object()?;
    let known = |key: &String| matches!(key.as_str(), "data" | "id");
    if item.len() != 2 || !document.keys().all(known) {
        return None;
    }
    let (data, media_type) = match document.get("data")? {
        Value::String(text) => (text.clone(), PLAIN),
        object @ Value::Object(_) => (object.to_string(), JSON),
        _ => return None,
    };
    let name = match document.get("id") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return None,
    };
    let mut media = Media::new(MediaSource::Data(data.into()));
    (media.media_type, media.name) = (Some(media_type.to_owned()), name);
    Some(Part::Document(media))
}

/// Writes a document that is text or JSON; `None` for any other.
pub(crate) fn write(list: &mut ListWriter<'_>, media: &Media) -> Option<()> {
    let MediaSource::Data(data) = &media.source else { return None };
    let text = std::str::from_utf8(data).ok()?;
    let media_type = media.media_type.as_deref()?;
    if media_type != JSON && !media_type.starts_with("text/") {
        return None;
    }
    let mut item = list.object();
    item.field("type", "document");
    let mut document = item.object("document");
    let is_object = media_type == JSON && text.starts_with('{');
    match is_object && serde_json::from_str::<&RawValue>(text).is_ok() {
        true => document.raw("data", text),
        false => document.field("data", text),
    }
    document.optional("id", media.name.as_ref());
    Some(())
}
