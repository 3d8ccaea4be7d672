//! Images, files and sounds: as content of a message and back.

use serde_json::{Map, Value, json};
use ultraai_core::{CacheMarker, Losses, Media, MediaSource, Part, Result, VendorState};
use ultraai_protocol_common::{Fields, MediaRule, Place, from_base64, from_url, to_base64, to_data_url};

use crate::NAME;

/// Who is named in error texts.
const WHO: &str = "OpenAI's Responses API";

/// <https://developers.openai.com/api/docs/guides/images-vision>: these types, and 50 MB in one request.
const IMAGES: MediaRule =
    MediaRule { types: &["image/png", "image/jpeg", "image/webp", "image/gif"], max_bytes: 50 << 20 };

/// <https://developers.openai.com/api/docs/guides/pdf-files>: under 50 MB; many types, which the vendor checks.
const FILES: MediaRule = MediaRule { types: &[], max_bytes: 50 << 20 };

/// <https://developers.openai.com/api/docs/api-reference/responses/create>: `mp3` and `wav`; the size is that of files.
const SOUNDS: MediaRule =
    MediaRule { types: &["audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav"], max_bytes: 50 << 20 };

/// The name of the field that marks the end of what is worth keeping in a cache. Models from gpt-5.6 on take it.
const BREAKPOINT: &str = "prompt_cache_breakpoint";

/// The type under which the vendor takes the data of a part.
pub(crate) fn check(part: &Part, media: &Media, data: &[u8]) -> Option<String> {
    let rule = match part {
        Part::Image(_) => IMAGES,
        Part::Document(_) => FILES,
        Part::Audio(_) => SOUNDS,
        _ => return None,
    };
    rule.check(WHO, "", media, data).ok()
}

/// Takes the mark of what is worth keeping in a cache, where it stands in its one form.
pub(crate) fn cache(fields: &mut Fields<'_>) -> Option<CacheMarker> {
    let usual = fields.look(BREAKPOINT) == Some(&json!({ "mode": "explicit" }));
    usual.then(|| {
        fields.any(BREAKPOINT);
        CacheMarker::default()
    })
}

/// Writes the mark of what is worth keeping in a cache.
pub(crate) fn write_cache(
    cache: &CacheMarker,
    place: &str,
    fields: &mut Map<String, Value>,
    losses: &mut Losses,
) -> Result<()> {
    if cache.ttl.is_some() {
        losses.lose(
            &format!("how long {place} is kept in the cache"),
            "openai-responses says it for the whole request: set `prompt_cache_options`",
        )?;
    }
    fields.insert(BREAKPOINT.to_owned(), json!({ "mode": "explicit" }));
    Ok(())
}

/// The part that a piece of content of the type `kind` is; what nobody can write the same again is a part of the protocol.
///
/// # Errors
/// `InvalidRequest`, which names the place.
pub(crate) fn read(kind: &str, value: Value, place: &Place) -> Result<Part> {
    let whole = value.clone();
    let mut fields = Fields::of(value, place.clone())?;
    fields.any("type");
    let cache = cache(&mut fields);
    let part = match kind {
        "input_image" => image(&mut fields)?.map(Part::Image),
        "input_file" => file(&mut fields)?.map(Part::Document),
        "input_audio" => sound(&mut fields)?.map(Part::Audio),
        _ => None,
    };
    let Some(mut part) = part else { return Ok(Part::Vendor(VendorState::new(NAME, whole))) };
    let rest = fields.rest();
    part.annotate(|notes| {
        notes.cache = cache;
        notes.extra = (!rest.is_empty()).then(|| VendorState::new(NAME, Value::Object(rest)));
    });
    Ok(part)
}

fn image(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    if fields.has("image_url") && fields.has("file_id") {
        return Ok(None);
    }
    let Some(mut media) = (match fields.text("image_url")? {
        Some(url) => Some(from_url(&url)),
        None => fields.text("file_id")?.map(|id| Media::new(MediaSource::FileId(id))),
    }) else {
        return Ok(None);
    };
    media.detail = fields.text("detail")?;
    Ok(Some(media))
}

fn file(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    let sources = ["file_data", "file_url", "file_id"].iter().filter(|name| fields.has(name)).count();
    if sources != 1 {
        return Ok(None);
    }
    let mut media = if let Some(data) = fields.text("file_data")? {
        let media = from_url(&data);
        if !matches!(media.source, MediaSource::Data(_)) {
            return Ok(None);
        }
        media
    } else if let Some(url) = fields.text("file_url")? {
        Media::new(MediaSource::Url(url))
    } else {
        Media::new(MediaSource::FileId(fields.text("file_id")?.unwrap_or_default()))
    };
    media.name = fields.text("filename")?;
    Ok(Some(media))
}

fn sound(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    let Some(mut sound) = fields.object("input_audio")? else { return Ok(None) };
    let (data, format) = (sound.needed_text("data")?, sound.needed_text("format")?);
    let media_type = match format.as_str() {
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => return Ok(None),
    };
    let Some(data) = from_base64(&data).filter(|_| sound.rest().is_empty()) else { return Ok(None) };
    let mut media = Media::new(MediaSource::Data(data));
    media.media_type = Some(media_type.to_owned());
    Ok(Some(media))
}

/// The fields of the content that `part` is; `None` for what the protocol has no words for, which is lost.
///
/// # Errors
/// What [`Losses::lose`] refuses, and data that is too large or of another type than the vendor takes.
pub(crate) fn write(part: &Part, place: &str, losses: &mut Losses) -> Result<Option<Map<String, Value>>> {
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
    match part {
        Part::Image(media) => {
            set("type", "input_image".into());
            match &media.source {
                MediaSource::Url(url) => set("image_url", url.as_str().into()),
                MediaSource::Data(data) => {
                    let media_type = IMAGES.check(WHO, place, media, data)?;
                    set("image_url", to_data_url(&media_type, data).into());
                }
                MediaSource::FileId(id) => set("file_id", id.as_str().into()),
                _ => return lost(part, place, losses),
            }
            if let Some(detail) = &media.detail {
                set("detail", detail.as_str().into());
            }
            if media.name.is_some() {
                losses.lose(&format!("the name of {place}"), "an image has none in openai-responses")?;
            }
        }
        Part::Document(media) => {
            set("type", "input_file".into());
            match &media.source {
                MediaSource::Url(url) => set("file_url", url.as_str().into()),
                MediaSource::Data(data) => {
                    let media_type = FILES.check(WHO, place, media, data)?;
                    set("file_data", to_data_url(&media_type, data).into());
                }
                MediaSource::FileId(id) => set("file_id", id.as_str().into()),
                _ => return lost(part, place, losses),
            }
            if let Some(name) = &media.name {
                set("filename", name.as_str().into());
            }
        }
        Part::Audio(media) => {
            let MediaSource::Data(data) = &media.source else {
                losses.lose(place, "openai-responses takes sounds by data alone")?;
                return Ok(None);
            };
            let media_type = SOUNDS.check(WHO, place, media, data)?;
            let format = if media_type.ends_with("wav") { "wav" } else { "mp3" };
            set("type", "input_audio".into());
            set("input_audio", json!({ "data": to_base64(data), "format": format }));
        }
        part => return lost(part, place, losses),
    }
    Ok(Some(fields))
}

fn lost(part: &Part, place: &str, losses: &mut Losses) -> Result<Option<Map<String, Value>>> {
    losses.lose(place, &format!("openai-responses takes no part of the kind `{}` here", part.kind()))?;
    Ok(None)
}
