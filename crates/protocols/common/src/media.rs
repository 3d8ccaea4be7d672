//! Images, sounds, moving pictures and documents as texts, and what of them may be sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ultraai_core::{Error, ErrorKind, Media, MediaSource, Result};

/// Bytes as base64 text, in the standard alphabet with padding.
pub fn to_base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// The bytes of a base64 text; `None` where it would not be written the same again.
pub fn from_base64(text: &str) -> Option<Bytes> {
    STANDARD.decode(text).ok().map(Bytes::from)
}

/// Writes `data:TYPE;base64,…`.
pub fn to_data_url(media_type: &str, data: &[u8]) -> String {
    let mut url = format!("data:{media_type};base64,");
    STANDARD.encode_string(data, &mut url);
    url
}

/// What an address says: data where it is `data:TYPE;base64,…` and would be written the same again, and an address otherwise.
pub fn from_url(url: &str) -> Media {
    let data = url.strip_prefix("data:").and_then(|rest| {
        let (media_type, data) = rest.split_once(";base64,")?;
        Some((media_type, from_base64(data)?))
    });
    match data {
        Some((media_type, data)) => {
            let mut media = Media::new(MediaSource::Data(data));
            media.media_type = (!media_type.is_empty()).then(|| media_type.to_owned());
            media
        }
        None => Media::new(MediaSource::Url(url.to_owned())),
    }
}

/// The media type that the first bytes of `data` show; `None` for what is not known by them.
pub fn sniff(data: &[u8]) -> Option<&'static str> {
    let riff = |kind: &[u8]| data.starts_with(b"RIFF") && data.get(8..12) == Some(kind);
    Some(match data {
        _ if data.starts_with(b"\x89PNG\r\n\x1a\n") => "image/png",
        _ if data.starts_with(b"\xff\xd8\xff") => "image/jpeg",
        _ if data.starts_with(b"GIF8") => "image/gif",
        _ if riff(b"WEBP") => "image/webp",
        _ if riff(b"WAVE") => "audio/wav",
        _ if data.starts_with(b"ID3") => "audio/mpeg",
        _ if data.starts_with(b"%PDF-") => "application/pdf",
        _ => return None,
    })
}

/// What a vendor takes of one kind of media.
#[derive(Clone, Copy, Debug)]
pub struct MediaRule {
    /// The media types, such as `image/png`; `image/*` stands for all of a kind. Empty: any.
    pub types: &'static [&'static str],
    /// Upper bound of one, in bytes.
    pub max_bytes: usize,
}

impl MediaRule {
    /// Checks data against the rule and says its media type: the one that is named, else the one that its bytes show. What
    /// stands at an address or in a file is the vendor's to check.
    ///
    /// # Errors
    /// `Unsupported`, which names `place`: another vendor may take it.
    pub fn check(&self, vendor: &str, place: &str, media: &Media, data: &[u8]) -> Result<String> {
        let refuse = |why: String| {
            Err(Error::new(ErrorKind::Unsupported, format!("{place} cannot be sent to {vendor}: {why}")))
        };
        if data.len() > self.max_bytes {
            return refuse(format!("it has {} bytes, and {} are the most", data.len(), self.max_bytes));
        }
        let Some(media_type) = media.media_type.as_deref().or_else(|| sniff(data)) else {
            return refuse("its media type is not known: set `media_type`".to_owned());
        };
        let fits = |known: &&str| match known.strip_suffix('*') {
            Some(kind) => media_type.starts_with(kind),
            None => media_type == *known,
        };
        match self.types.is_empty() || self.types.iter().any(fits) {
            true => Ok(media_type.to_owned()),
            false => refuse(format!("it is {media_type}, and it takes {}", self.types.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_the_same_again_is_data() {
        let media = from_url("data:image/png;base64,iVBORw==");
        assert_eq!(media.source, MediaSource::Data(Bytes::from_static(b"\x89PNG")));
        assert_eq!(media.media_type.as_deref(), Some("image/png"));
        for url in [
            "https://host/a.png",
            "data:image/png;base64,<cut short>",
            "data:,a",
            "data:text/plain;base64,QQ",
        ] {
            assert_eq!(from_url(url).source, MediaSource::Url(url.to_owned()));
        }
        assert_eq!(to_data_url("image/png", b"\x89PNG"), "data:image/png;base64,iVBORw==");
    }

    #[test]
    fn what_a_vendor_does_not_take_is_refused_by_its_place() {
        let rule = MediaRule { types: &["image/png", "audio/*"], max_bytes: 8 };
        let check = |media_type: Option<&str>, data: &[u8]| {
            let mut media = Media::new(MediaSource::Data(Bytes::copy_from_slice(data)));
            media.media_type = media_type.map(str::to_owned);
            rule.check("acme", "`messages[0].content[1]`", &media, data).map_err(|error| error.to_string())
        };
        assert_eq!(check(None, b"\x89PNG\r\n\x1a\n").unwrap(), "image/png");
        assert_eq!(check(Some("audio/ogg"), b"").unwrap(), "audio/ogg");
        for (media_type, data, why) in [
            (None, &b"?"[..], "its media type is not known: set `media_type`"),
            (Some("image/gif"), b"?", "it is image/gif, and it takes image/png, audio/*"),
            (Some("image/png"), b"123456789", "it has 9 bytes, and 8 are the most"),
        ] {
            let error = check(media_type, data).unwrap_err();
            assert_eq!(error, format!("`messages[0].content[1]` cannot be sent to acme: {why}"));
        }
    }
}
