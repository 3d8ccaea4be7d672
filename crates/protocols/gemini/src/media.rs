//! Images, sounds, moving pictures and documents: `inlineData` and `fileData`.

use serde_json::{Map, Value};
use ultraai_core::{Media, MediaSource, Notes, Part, VendorState};
use ultraai_protocol_common::{MediaRule, from_base64};

use crate::{NAME, name::camel_keys};

pub(crate) const INLINE: &str = "inlineData";
pub(crate) const FILE: &str = "fileData";

/// Upper bound of a request with what stands in it, in bytes; larger media go by the Files API
/// (<https://ai.google.dev/gemini-api/docs/file-input-methods>, <https://firebase.google.com/docs/ai-logic/input-file-requirements>).
pub(crate) const MAX_REQUEST: usize = 20 << 20;

/// What stands in a request, by its kind (<https://ai.google.dev/gemini-api/docs/image-understanding>, `audio`,
/// `video-understanding` and `document-processing` beside it).
pub(crate) fn rule(kind: &str) -> MediaRule {
    let types: &'static [&'static str] = match kind {
        "image" => &["image/png", "image/jpeg", "image/jpg", "image/webp", "image/heic", "image/heif"],
        "audio" => &["audio/*"],
        "video" => &["video/*"],
        _ => &["application/*", "text/*"],
    };
    MediaRule { types, max_bytes: MAX_REQUEST }
}

/// The part that `fields` is, with what it has besides; the fields themselves where it is no medium, or one that the
/// vocabulary would not give back the same, such as data that is no plain base64.
pub(crate) fn read(mut fields: Map<String, Value>) -> Result<Part, Map<String, Value>> {
    let Some(key) = [INLINE, FILE].into_iter().find(|key| fields.contains_key(*key)) else {
        return Err(fields);
    };
    let Some(Value::Object(held)) = fields.get_mut(key) else { return Err(fields) };
    *held = camel_keys(std::mem::take(held));
    held.retain(|_, value| !value.is_null());
    let is_text = |name: &str| held.get(name).is_none_or(Value::is_string);
    let at = if key == INLINE { "data" } else { "fileUri" };
    let source = held.get(at).and_then(Value::as_str).and_then(|text| match key == INLINE {
        true => from_base64(text).map(MediaSource::Data),
        false => Some(source(text)),
    });
    let (Some(source), true) = (source, is_text("mimeType") && is_text("displayName")) else {
        return Err(fields);
    };
    held.remove(at);
    let mut text = |name: &str| match held.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (media_type, name) = (text("mimeType"), text("displayName"));
    if held.is_empty() {
        fields.remove(key);
    }
    let mut media = Media::new(source);
    media.name = name;
    let guess = match &media.source {
        MediaSource::Url(uri) | MediaSource::FileId(uri) => guess(uri),
        _ => None,
    };
    let kind = media_type.as_deref().or(guess).unwrap_or_default().to_ascii_lowercase();
    media.media_type = media_type;
    if !fields.is_empty() {
        let mut notes = Notes::default();
        notes.extra = Some(VendorState::new(NAME, Value::Object(fields)));
        media.notes = Some(Box::new(notes));
    }
    Ok(match kind.split_once('/').map_or("", |(kind, _)| kind) {
        "image" => Part::Image(media),
        "audio" => Part::Audio(media),
        "video" => Part::Video(media),
        _ => Part::Document(media),
    })
}

/// Whether it is how Google names a file that was uploaded to it.
pub(crate) fn is_uploaded(uri: &str) -> bool {
    let starts = ["https://generativelanguage.googleapis.com/", "gs://", "files/"];
    starts.iter().any(|start| uri.starts_with(start))
}

/// Files that were uploaded to Google, and what everybody can fetch.
fn source(uri: &str) -> MediaSource {
    match is_uploaded(uri) {
        true => MediaSource::FileId(uri.to_owned()),
        false => MediaSource::Url(uri.to_owned()),
    }
}

/// The media type that the end of an address shows, which Google wants to be told.
pub(crate) fn guess(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let ending = path.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "gif" => "image/gif",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: Value) -> Option<Part> {
        let Value::Object(fields) = value else { panic!("it is an object") };
        read(fields).ok()
    }

    #[test]
    fn the_media_type_says_the_kind() {
        for (media_type, kind) in [
            ("image/png", "image"),
            ("audio/mpeg", "audio"),
            ("video/mp4", "video"),
            ("text/csv", "document"),
        ] {
            let part = of(json!({ "inlineData": { "mime_type": media_type, "data": "QQ==" } })).unwrap();
            assert_eq!(part.kind(), kind);
            assert_eq!(part.as_media().unwrap().source, MediaSource::Data(b"A".as_slice().into()));
        }
        let part = of(json!({ "fileData": { "fileUri": "https://host/a.PNG?x=1" } })).unwrap();
        assert_eq!(part.kind(), "image");
        for (uri, uploaded) in [("gs://a/b", true), ("files/a", true), ("https://youtu.be/a", false)] {
            let part = of(json!({ "fileData": { "fileUri": uri, "displayName": "n" } })).unwrap();
            let media = part.as_media().unwrap();
            assert_eq!(matches!(media.source, MediaSource::FileId(_)), uploaded, "{uri}");
            assert_eq!(media.name.as_deref(), Some("n"));
        }
    }

    #[test]
    fn what_would_not_be_given_back_the_same_is_no_medium() {
        for data in [json!({ "data": "<cut>" }), json!({ "data": "QQ" }), json!({}), json!("QQ==")] {
            assert_eq!(of(json!({ "inlineData": data })), None);
        }
        let part = json!({ "fileData": { "fileUri": "gs://a", "novel": 1 }, "videoMetadata": { "fps": 1 } });
        let part = of(part).unwrap();
        let extra = part.notes().unwrap().extra.as_ref().unwrap();
        assert_eq!(extra.data, json!({ "fileData": { "novel": 1 }, "videoMetadata": { "fps": 1 } }));
    }
}
