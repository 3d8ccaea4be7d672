//! Parts of messages.

use serde_json::{Map, Value};
use ultraai_core::{Media, MediaSource, Part, Reasoning, Result, VendorState};
use ultraai_protocol_common::{Fields, Place, from_base64, from_url};

use super::tool::cache;
use crate::NAME;

/// Reads a part; one of a kind or a form that is not known is kept whole.
pub(crate) fn read(place: Place, value: Value) -> Result<Part> {
    if let Value::String(text) = value {
        return Ok(Part::text(text));
    }
    // Text needs no copy, since it is never kept whole.
    let is_said = matches!(value["type"].as_str(), Some("text" | "refusal"));
    let whole = if is_said { Value::Null } else { value.clone() };
    let mut fields = Fields::of(value, place)?;
    let kind = fields.word("type")?;
    let marker = cache(&mut fields);
    let read = match kind.as_deref() {
        Some("text") => Some(Part::text(fields.needed_text("text")?)),
        Some("refusal") => Some(Part::refusal(fields.needed_text("refusal")?)),
        Some("image_url") => image(&mut fields)?.map(Part::Image),
        Some("video_url") => url(&mut fields, "video_url")?.map(Part::Video),
        Some("input_audio") => audio(&mut fields)?.map(Part::Audio),
        Some("file") => file(&mut fields)?.map(Part::Document),
        Some("document_url") => document(&mut fields)?.map(Part::Document),
        Some("thinking") => thinking(&mut fields).map(|text| Part::Reasoning(Reasoning::new(text))),
        _ => None,
    };
    let Some(mut part) = read else { return Ok(Part::Vendor(VendorState::new(NAME, whole))) };
    let rest = fields.rest();
    part.annotate(|notes| {
        notes.cache = marker;
        notes.extra = extra(rest);
    });
    Ok(part)
}

/// Fields that only this protocol has.
pub(crate) fn extra(fields: Map<String, Value>) -> Option<VendorState> {
    (!fields.is_empty()).then(|| VendorState::new(NAME, fields.into()))
}

fn image(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    Ok(match fields.any("image_url") {
        // Mistral's shorter form.
        Some(Value::String(url)) => Some(from_url(&url)),
        Some(value) => {
            let mut object = Fields::of(value, fields.place().field("image_url"))?;
            let mut media = from_url(&object.needed_text("url")?);
            media.detail = object.text("detail")?;
            Some(media).filter(|_| object.rest().is_empty())
        }
        None => return Err(fields.place().missing("image_url")),
    })
}

fn url(fields: &mut Fields<'_>, name: &'static str) -> Result<Option<Media>> {
    Ok(match fields.any(name) {
        Some(value) => {
            let mut object = Fields::of(value, fields.place().field(name))?;
            let media = from_url(&object.needed_text("url")?);
            Some(media).filter(|_| object.rest().is_empty())
        }
        None => return Err(fields.place().missing(name)),
    })
}

fn audio(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    if !fields.look("input_audio").is_some_and(Value::is_object) {
        return Ok(None);
    }
    let Some(mut object) = fields.object("input_audio")? else { return Ok(None) };
    let (data, format) = (object.needed_text("data")?, object.text("format")?);
    let (Some(data), Some(format), true) = (from_base64(&data), format, object.rest().is_empty()) else {
        return Ok(None);
    };
    let mut media = Media::new(MediaSource::Data(data));
    media.media_type = Some(match format.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    });
    Ok(Some(media))
}

fn file(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    let Some(mut object) = fields.object("file")? else { return Err(fields.place().missing("file")) };
    let media = match (object.text("file_id")?, object.text("file_data")?) {
        (Some(id), None) => Some(Media::new(MediaSource::FileId(id))),
        (None, Some(data)) => Some(from_url(&data)).filter(|media| match &media.source {
            MediaSource::Url(url) => url.starts_with("http"),
            _ => true,
        }),
        _ => None,
    };
    let name = object.text("filename")?;
    Ok(media.filter(|_| object.rest().is_empty()).map(|mut media| {
        media.name = name;
        media
    }))
}

/// Mistral's documents. One by data is kept whole, so that it is written in the same form again.
fn document(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    let mut media = from_url(&fields.needed_text("document_url")?);
    media.name = fields.text("document_name")?;
    Ok(Some(media).filter(|media| matches!(&media.source, MediaSource::Url(url) if url.starts_with("http"))))
}

/// Mistral's thinking: a text, or a list of texts that say nothing else.
fn thinking(fields: &mut Fields<'_>) -> Option<String> {
    match fields.look("thinking")? {
        Value::Array(list) if list.len() == 1 => {
            let part = list[0].as_object().filter(|part| part.len() == 2)?;
            let text =
                part.get("text")?.as_str().filter(|_| part.get("type") == Some(&"text".into()))?.to_owned();
            fields.any("thinking");
            Some(text)
        }
        _ => None,
    }
}
