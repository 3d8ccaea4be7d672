//! What an error says of a request, in the words of the protocol that its author wrote.

use std::borrow::Cow;

use ultraai_core::{Error, ErrorKind};

/// The fields that have another name in a protocol: the vocabulary's, and the protocol's.
pub type Names = [(&'static str, &'static str)];

/// The message of an error, and the field of the request that it is about, where it names one; both in a protocol's words, of
/// which `names` holds those that differ. Only what was refused here is put into other words: an upstream has its own.
///
/// ```
/// use ultraai_core::{Error, ErrorKind};
/// use ultraai_protocol_common::in_words;
///
/// let error = Error::new(ErrorKind::Unsupported, "`stop_sequences` cannot be sent: acme has no such field");
/// let (message, field) = in_words(&error, &[("stop_sequences", "stop")]);
/// assert_eq!(message, "`stop` cannot be sent: acme has no such field");
/// assert_eq!(field.as_deref(), Some("stop"));
/// ```
pub fn in_words<'a>(error: &'a Error, names: &Names) -> (Cow<'a, str>, Option<String>) {
    let message = error.message();
    if !matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::Unsupported) || !message.contains('`') {
        return (message.into(), None);
    }
    let (mut told, mut field) = (String::with_capacity(message.len() + 16), None);
    // What stands in the odd places stands between two marks.
    for (at, piece) in message.split('`').enumerate() {
        if at > 0 {
            told.push('`');
        }
        match at % 2 == 1 && is_field(piece) {
            true => {
                let said = name(piece, names);
                // What comes later tells what to do instead.
                if field.is_none() && at == 1 {
                    field = Some(said.clone().into_owned());
                }
                told.push_str(&said);
            }
            false => told.push_str(piece),
        }
    }
    (told.into(), field)
}

/// The protocol's name of a field, or of an entry of it.
fn name<'a>(field: &'a str, names: &Names) -> Cow<'a, str> {
    for (ours, theirs) in names {
        match field.strip_prefix(ours) {
            Some("") => return (*theirs).into(),
            Some(entry) if entry.starts_with('[') => return format!("{theirs}{entry}").into(),
            _ => {}
        }
    }
    field.into()
}

/// Whether it looks like the place of a field, such as `messages[2].content`.
fn is_field(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '[' | ']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &Names = &[("stop_sequences", "stop"), ("reasoning.effort", "reasoning_effort")];

    #[test]
    fn a_field_is_named_as_its_author_did() {
        for (kind, message, expected, field) in [
            (
                ErrorKind::Unsupported,
                "`stop_sequences` cannot be sent",
                "`stop` cannot be sent",
                Some("stop"),
            ),
            (
                ErrorKind::InvalidRequest,
                "`stop_sequences[1]` is empty",
                "`stop[1]` is empty",
                Some("stop[1]"),
            ),
            (
                ErrorKind::Unsupported,
                "`reasoning.effort`: no",
                "`reasoning_effort`: no",
                Some("reasoning_effort"),
            ),
            (
                ErrorKind::Unsupported,
                "`reasoning.novel`: no",
                "`reasoning.novel`: no",
                Some("reasoning.novel"),
            ),
            (
                ErrorKind::InvalidRequest,
                "`model` is missing: name `default`",
                "`model` is missing: name `default`",
                Some("model"),
            ),
            (
                ErrorKind::Unsupported,
                "none can: a: `stop_sequences` cannot",
                "none can: a: `stop` cannot",
                Some("stop"),
            ),
            (ErrorKind::InvalidRequest, "no `model name`, use `seed`", "no `model name`, use `seed`", None),
            (ErrorKind::InvalidRequest, "the request is no JSON", "the request is no JSON", None),
            // An upstream's own words.
            (ErrorKind::Rejected, "`stop_sequences` is wrong", "`stop_sequences` is wrong", None),
        ] {
            let error = Error::new(kind, message);
            let (told, named) = in_words(&error, NAMES);
            assert_eq!((&*told, named.as_deref()), (expected, field));
        }
    }
}
