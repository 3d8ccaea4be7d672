//! Parts of messages.

use ultraai_core::{Media, MediaSource, Part, Result};
use ultraai_protocol_common::{ListWriter, MediaRule, ObjectWriter, to_base64, to_data_url};

use super::Encoder;
use crate::NAME;

impl Encoder<'_> {
    /// Writes a part of a message; `cited` says whether its citations are written elsewhere.
    pub(super) fn part(
        &mut self,
        list: &mut ListWriter<'_>,
        place: (usize, usize),
        part: &Part,
        cited: bool,
    ) -> Result<()> {
        if let Part::Vendor(state) = part
            && state.vendor == NAME
        {
            list.item(&state.data);
            return Ok(());
        }
        let Some(known) = self.known(place, part, cited)? else {
            return self.lossy.part(format_args!("messages[{}].content[{}]", place.0, place.1), part);
        };
        let mut object = list.object();
        match known {
            Known::Text(kind, text) => {
                object.field("type", kind);
                object.field(kind, text);
            }
            Known::Url(kind, url, detail) => {
                object.field("type", kind);
                let mut inner = object.object(kind);
                inner.field("url", &url);
                inner.optional("detail", detail);
            }
            Known::Audio(data, format) => {
                object.field("type", "input_audio");
                let mut inner = object.object("input_audio");
                inner.field("data", &data);
                inner.field("format", format);
            }
            Known::File(key, value, name) => {
                object.field("type", "file");
                let mut inner = object.object("file");
                inner.field(key, &value);
                inner.optional("filename", name);
            }
            Known::DocumentUrl(url, name) => {
                object.field("type", "document_url");
                object.field("document_url", &url);
                object.optional("document_name", name);
            }
        }
        self.ending(&mut object, place, part, cited)
    }

    fn ending(
        &mut self,
        object: &mut ObjectWriter<'_>,
        place: (usize, usize),
        part: &Part,
        cited: bool,
    ) -> Result<()> {
        let extra = self.notes(object, place, part.notes(), cited)?;
        object.entries(extra.into_iter().flatten());
        Ok(())
    }

    /// What a part is in this protocol; `None` where it is nothing.
    fn known<'p>(
        &mut self,
        place: (usize, usize),
        part: &'p Part,
        is_assistant: bool,
    ) -> Result<Option<Known<'p>>> {
        // No model takes its own images back, but what came in these words goes out in them.
        if is_assistant && part.as_media().is_some() && self.origin != Some(NAME) {
            return Ok(None);
        }
        Ok(match part {
            Part::Text { text, .. } => Some(Known::Text("text", text)),
            Part::Refusal { text, .. } => Some(Known::Text("refusal", text)),
            Part::Image(media) if self.dialect.has("images") => {
                let url = self.url(&self.dialect.images, place, media)?;
                url.map(|url| Known::Url("image_url", url, media.detail.as_deref()))
            }
            Part::Video(media) if self.dialect.video => {
                self.url(&ANY, place, media)?.map(|url| Known::Url("video_url", url, None))
            }
            Part::Audio(media) if self.dialect.has("audio") => match &media.source {
                MediaSource::Data(data) => {
                    audio_format(media).map(|format| Known::Audio(to_base64(data), format))
                }
                _ => None,
            },
            Part::Document(media) if self.dialect.has("documents") => self.document(place, media)?,
            _ => None,
        })
    }

    /// The address of a medium, which may be the medium itself.
    fn url(
        &self,
        rule: &MediaRule,
        (message, part): (usize, usize),
        media: &Media,
    ) -> Result<Option<String>> {
        Ok(match &media.source {
            MediaSource::Url(url) => Some(url.clone()),
            MediaSource::Data(data) => {
                let place = format!("`messages[{message}].content[{part}]`");
                Some(to_data_url(&rule.check(self.dialect.name, &place, media, data)?, data))
            }
            _ => None,
        })
    }

    fn document<'p>(&self, place: (usize, usize), media: &'p Media) -> Result<Option<Known<'p>>> {
        let name = media.name.as_deref();
        Ok(match &media.source {
            MediaSource::FileId(id) => Some(Known::File("file_id", id.clone(), name)),
            MediaSource::Url(url) if self.dialect.document_url => Some(Known::DocumentUrl(url.clone(), name)),
            MediaSource::Url(url) if self.dialect.document_addresses => {
                Some(Known::File("file_data", url.clone(), name))
            }
            MediaSource::Data(_) if self.dialect.document_url && !self.dialect.document_addresses => {
                self.url(&self.dialect.documents, place, media)?.map(|url| Known::DocumentUrl(url, name))
            }
            MediaSource::Data(_) => self
                .url(&self.dialect.documents, place, media)?
                .map(|url| Known::File("file_data", url, name)),
            _ => None,
        })
    }
}

/// A part in this protocol.
enum Known<'p> {
    Text(&'static str, &'p str),
    Url(&'static str, String, Option<&'p str>),
    Audio(String, &'p str),
    File(&'static str, String, Option<&'p str>),
    DocumentUrl(String, Option<&'p str>),
}

const ANY: MediaRule = MediaRule { types: &[], max_bytes: usize::MAX };

/// The protocol's word for a kind of sound.
fn audio_format(media: &Media) -> Option<&str> {
    let known = match media.media_type.as_deref()?.strip_prefix("audio/")? {
        "mpeg" => "mp3",
        "x-wav" | "wave" => "wav",
        format => format,
    };
    Some(known)
}
