//! Images and documents of a request.

use ultraai_core::{Media, MediaSource, Part, Result};
use ultraai_protocol_common::{MediaRule, to_base64};

use super::{At, Blocks};
use crate::{VENDOR, json::Json};

/// What is taken of images: <https://platform.claude.com/docs/en/build-with-claude/vision>. The vendor measures the base64
/// text, of which there may be 5 MB.
const IMAGES: MediaRule = MediaRule {
    types: &["image/png", "image/jpeg", "image/gif", "image/webp"],
    max_bytes: (5 << 20) / 4 * 3,
};

/// What is taken of documents: <https://platform.claude.com/docs/en/build-with-claude/pdf-support>. A request has 32 MB.
const DOCUMENTS: MediaRule =
    MediaRule { types: &["application/pdf", "text/plain"], max_bytes: (32 << 20) / 4 * 3 };

/// Why there is nothing but data on Vertex AI: <https://platform.claude.com/docs/en/build-with-claude/vision>.
const DATA_ALONE: &str = "Vertex AI takes data alone";

/// The type under which the vendor takes the data of a part.
pub(super) fn check(part: &Part, media: &Media, data: &[u8]) -> Option<String> {
    let rule = match part {
        Part::Image(_) => IMAGES,
        Part::Document(_) => DOCUMENTS,
        _ => return None,
    };
    rule.check(VENDOR, "", media, data).ok()
}

impl Blocks<'_> {
    pub(super) fn image(&mut self, media: &Media, at: At) -> Result<()> {
        let start = self.json.place();
        self.json.begin(b'{');
        self.json.entry("type", "image");
        let written = match &media.source {
            MediaSource::Data(data) => {
                let media_type = IMAGES.check(VENDOR, &format!("the image in {at}"), media, data)?;
                write_data(self.json, &media_type, data);
                true
            }
            source => self.elsewhere(source, &Part::Image(Media::new(source.clone())), at)?,
        };
        if !written {
            self.json.rewind(start);
            return Ok(());
        }
        if media.name.is_some() {
            self.losses.leave_out(&format!("the name of the image in {at}"), super::NO_FIELD);
        }
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.losses.lose(&format!("`detail` of the image in {at}"), super::NO_FIELD)?;
        }
        self.end_media(media, at)
    }

    pub(super) fn document(&mut self, media: &Media, at: At) -> Result<()> {
        let start = self.json.place();
        self.json.begin(b'{');
        self.json.entry("type", "document");
        let written = match &media.source {
            MediaSource::Data(data) => {
                let place = format!("the document in {at}");
                let media_type = DOCUMENTS.check(VENDOR, &place, media, data)?;
                match std::str::from_utf8(data).ok().filter(|_| media_type == "text/plain") {
                    Some(text) => {
                        self.json.key("source");
                        self.json.begin(b'{');
                        self.json.entry("type", "text");
                        self.json.entry("media_type", &media_type);
                        self.json.entry("data", text);
                        self.json.end(b'}');
                    }
                    None => write_data(self.json, &media_type, data),
                }
                true
            }
            source => self.elsewhere(source, &Part::Document(Media::new(source.clone())), at)?,
        };
        if !written {
            self.json.rewind(start);
            return Ok(());
        }
        if let Some(title) = &media.name {
            self.json.entry("title", title);
        }
        self.end_media(media, at)
    }

    fn end_media(&mut self, media: &Media, at: At) -> Result<()> {
        if let Some(notes) = media.notes.as_deref() {
            self.notes(notes, at)?;
        }
        self.json.end(b'}');
        Ok(())
    }

    /// Writes where the vendor finds the bytes, and says whether it can.
    fn elsewhere(&mut self, source: &MediaSource, part: &Part, at: At) -> Result<bool> {
        let (kind, key, value) = match source {
            _ if self.vertex => return self.lose(part, at, DATA_ALONE).map(|()| false),
            MediaSource::Url(url) if url.starts_with("data:") => {
                return self.lose(part, at, "its address holds data that is no base64").map(|()| false);
            }
            MediaSource::Url(url) => ("url", "url", url),
            MediaSource::FileId(id) => ("file", "file_id", id),
            _ => return self.lose(part, at, super::NO_FIELD).map(|()| false),
        };
        self.json.key("source");
        self.json.begin(b'{');
        self.json.entry("type", kind);
        self.json.entry(key, value);
        self.json.end(b'}');
        Ok(true)
    }
}

fn write_data(json: &mut Json, media_type: &str, data: &[u8]) {
    json.key("source");
    json.begin(b'{');
    json.entry("type", "base64");
    json.entry("media_type", media_type);
    json.key("data");
    // Base64 needs no escapes.
    json.raw(&format!("\"{}\"", to_base64(data)));
    json.end(b'}');
}
