//! Formats of images, documents, moving pictures and sounds, and the media types that they are.

use ultraai_core::{Media, Part};
use ultraai_protocol_common::MediaRule;

/// A kind of medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Document,
    Video,
    Audio,
}

/// The formats of images, with the media types that are read as them; the first media type of a format is the one it is
/// read as.
const IMAGES: &[(&str, &str)] =
    &[("png", "image/png"), ("jpeg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")];

const DOCUMENTS: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];

const VIDEOS: &[(&str, &str)] = &[
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
    ("wmv", "video/x-ms-wmv"),
    ("three_gp", "video/3gpp"),
];

const AUDIOS: &[(&str, &str)] = &[
    ("mp3", "audio/mpeg"),
    ("opus", "audio/opus"),
    ("wav", "audio/wav"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("mp4", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("mkv", "audio/x-matroska"),
    ("x-aac", "audio/x-aac"),
    ("m4a", "audio/m4a"),
    ("webm", "audio/webm"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/x-wav"),
    ("m4a", "audio/x-m4a"),
];

const MEGABYTE: usize = 1 << 20;

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Image, Self::Document, Self::Video, Self::Audio];

    /// The name of its block.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    fn formats(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Image => IMAGES,
            Self::Document => DOCUMENTS,
            Self::Video => VIDEOS,
            Self::Audio => AUDIOS,
        }
    }

    /// The media type that `format` is.
    pub(crate) fn media_type(self, format: &str) -> Option<&'static str> {
        self.formats().iter().find(|(known, _)| *known == format).map(|(_, media_type)| *media_type)
    }

    /// The format of `media_type`.
    pub(crate) fn format(self, media_type: &str) -> Option<&'static str> {
        self.formats().iter().find(|(_, known)| *known == media_type).map(|(format, _)| *format)
    }

    /// How large one may be: 3.75 MB for an image and 4.5 MB for a document
    /// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html>), 25 MB for what else is sent in a
    /// request (<https://docs.aws.amazon.com/nova/latest/userguide/modalities-video.html>).
    pub(crate) fn rule(self) -> MediaRule {
        let max_bytes = match self {
            Self::Image => MEGABYTE * 15 / 4,
            Self::Document => MEGABYTE * 9 / 2,
            Self::Video | Self::Audio => 25 * MEGABYTE,
        };
        MediaRule { types: &[], max_bytes }
    }

    /// The part that such a medium is.
    pub(crate) fn part(self, media: Media) -> Part {
        match self {
            Self::Image => Part::Image(media),
            Self::Document => Part::Document(media),
            Self::Video => Part::Video(media),
            Self::Audio => Part::Audio(media),
        }
    }

    /// What `part` is, where it is a medium.
    pub(crate) fn of(part: &Part) -> Option<(Self, &Media)> {
        Some(match part {
            Part::Image(media) => (Self::Image, media),
            Part::Document(media) => (Self::Document, media),
            Part::Video(media) => (Self::Video, media),
            Part::Audio(media) => (Self::Audio, media),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_written_as_it_was_read() {
        for kind in Kind::ALL {
            for (format, _) in kind.formats() {
                let media_type = kind.media_type(format).unwrap();
                assert_eq!(kind.format(media_type), Some(*format));
            }
        }
        assert_eq!(Kind::Video.media_type("video/mp4"), None);
    }
}
