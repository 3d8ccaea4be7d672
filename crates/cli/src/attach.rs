//! What goes with a prompt: images, sounds, moving pictures and documents, and the schema that the answer must follow.

use std::{fs::File, io::Read as _, path::Path};

use ultraai::{ChatRequest, Error, ErrorKind, Media, MediaSource, Part, ResponseFormat};

use crate::{arguments::Ask, failure::Failure};

/// The most that a vendor takes in one request is 100 MB (Anthropic on Google Cloud takes 30, OpenAI 50).
const LARGEST: u64 = 100 << 20;

/// The ends of names, the media type that they stand for, and the part that it is.
type Kind = (&'static [&'static str], &'static str, fn(Media) -> Part);

/// What a file is, by the end of its name.
const KINDS: &[Kind] = &[
    (&["png"], "image/png", Part::Image),
    (&["jpg", "jpeg"], "image/jpeg", Part::Image),
    (&["gif"], "image/gif", Part::Image),
    (&["webp"], "image/webp", Part::Image),
    (&["wav"], "audio/wav", Part::Audio),
    (&["mp3"], "audio/mpeg", Part::Audio),
    (&["mp4"], "video/mp4", Part::Video),
    (&["webm"], "video/webm", Part::Video),
    (&["pdf"], "application/pdf", Part::Document),
    (&["txt", "md"], "text/plain", Part::Document),
    (&["csv"], "text/csv", Part::Document),
    (&["html", "htm"], "text/html", Part::Document),
];

/// Adds to the request what the arguments name.
///
/// Files are read beside the main thread, which goes on listening for Ctrl-C.
pub(crate) async fn added_to(mut request: ChatRequest, ask: &Ask) -> Result<ChatRequest, Failure> {
    if ask.attach.is_empty() && ask.schema.is_none() {
        return Ok(request);
    }
    let (attach, schema) = (ask.attach.clone(), ask.schema.clone());
    let read = tokio::task::spawn_blocking(move || {
        let parts = attach.iter().map(|place| part(place)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Failure>((parts, schema.as_deref().map(format).transpose()?))
    });
    let (parts, format) = read.await.map_err(std::io::Error::other)??;
    if let Some(message) = request.messages.last_mut() {
        message.content.extend(parts);
    }
    request.response_format = format.or(request.response_format.take());
    Ok(request)
}

fn part(place: &str) -> Result<Part, Failure> {
    let scheme = place.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_address = matches!(scheme.as_deref(), Some("https" | "http"));
    let is_scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    if !is_address && scheme.as_deref().is_some_and(is_scheme) {
        let message =
            format!("{place}: only http and https addresses can be attached: download it, and name the file");
        return Err(Failure::usage(message));
    }
    if !is_address && Path::new(place).is_dir() {
        return Err(Failure::usage(format!("{place} is a folder: name the files in it")));
    }
    // What stands behind the path of an address does not say what it is.
    let path = if is_address { place.split(['?', '#']).next().unwrap_or(place) } else { place };
    let end = Path::new(path).extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    let kind = KINDS.iter().find(|(ends, ..)| end.as_deref().is_some_and(|end| ends.contains(&end)));
    let Some((_, media_type, part)) = kind else {
        let known: Vec<_> = KINDS.iter().flat_map(|(ends, ..)| *ends).copied().collect();
        let message = format!("{place}: its name does not say what it is; known are {}", known.join(", "));
        return Err(Failure::usage(message));
    };
    let source = match is_address {
        true => MediaSource::Url(place.to_owned()),
        false => MediaSource::Data(bytes(Path::new(place))?.into()),
    };
    let mut media = Media::new(source);
    media.media_type = Some((*media_type).to_owned());
    // Documents are called by their names where vendors show them to the model.
    if !is_address && !["image/", "audio/", "video/"].iter().any(|kind| media_type.starts_with(kind)) {
        media.name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    }
    Ok(part(media))
}

fn format(path: &Path) -> Result<ResponseFormat, Failure> {
    let schema: serde_json::Value = serde_json::from_slice(&bytes(path)?).map_err(|error| {
        Failure::usage(format!("{} is no JSON ({error}): write a JSON schema there", path.display()))
    })?;
    if !schema.is_object() && !schema.is_boolean() {
        let message = format!("{} is JSON, but no schema: write an object there", path.display());
        return Err(Failure::usage(message));
    }
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    // Vendors take names of up to 64 such characters.
    let name: String = stem.chars().map(plain).take(64).collect();
    Ok(ResponseFormat::json_schema(name, schema))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let unread = |error| {
        let message = format!("{} cannot be read", path.display());
        Failure::from(Error::new(ErrorKind::Config, message).with_source(error))
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unread)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.is_empty() {
        return Err(Failure::usage(format!("{} is empty: name a file that holds something", path.display())));
    }
    match bytes.len() as u64 > LARGEST {
        true => {
            let message =
                format!("{} is larger than 100 MiB: no vendor takes that in a request", path.display());
            Err(Failure::usage(message))
        }
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_what_it_is() {
        let Part::Image(media) = part("https://host/a.PNG?size=1#x").unwrap() else { panic!() };
        assert_eq!(media.source, MediaSource::Url("https://host/a.PNG?size=1#x".into()));
        assert_eq!((media.media_type.as_deref(), media.name), (Some("image/png"), None));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.pdf");
        std::fs::write(&path, "%PDF-1.7").unwrap();
        let Part::Document(media) = part(&path.display().to_string()).unwrap() else { panic!() };
        assert_eq!(
            (media.media_type.as_deref(), media.name.as_deref()),
            (Some("application/pdf"), Some("report.pdf"))
        );

        let told = |place: &str| part(place).unwrap_err().to_string();
        assert!(
            matches!(part("HTTPS://host/a.png"), Ok(Part::Image(media)) if matches!(media.source, MediaSource::Url(_)))
        );
        assert!(told("ftp://host/a.png").contains("only http and https addresses"));
        assert!(told("file:///a.png").contains("only http and https addresses"));
        assert!(told(".").contains("is a folder"));
        std::fs::write(&path, "").unwrap();
        assert!(told(&path.display().to_string()).contains("report.pdf is empty"));

        let error = part("a.xyz").unwrap_err().to_string();
        assert!(error.starts_with("a.xyz: its name does not say what it is; known are png, jpg"), "{error}");
        assert!(part("missing.png").unwrap_err().to_string().contains("missing.png cannot be read"));
    }

    #[test]
    fn a_schema_is_named_after_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my answer.json");
        std::fs::write(&path, r#"{"type": "object"}"#).unwrap();
        let ResponseFormat::JsonSchema { name, schema, .. } = format(&path).unwrap() else { panic!() };
        assert_eq!((name.as_str(), schema), ("my_answer", serde_json::json!({ "type": "object" })));
        std::fs::write(&path, "[]").unwrap();
        assert!(format(&path).unwrap_err().to_string().contains("my answer.json is JSON, but no schema"));
        std::fs::write(&path, "{").unwrap();
        assert!(format(&path).unwrap_err().to_string().contains("my answer.json is no JSON"));
    }
}
