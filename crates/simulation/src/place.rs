//! Errors in a file, with their places and in words for users.

use std::{ops::Range, path::Path};

use ultraai_core::{Error, ErrorKind, registry::unknown_key};

/// A file's text, of which errors name places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Text<'_> {
    /// An error at a place.
    pub(crate) fn wrong(self, span: Option<Range<usize>>, message: &str) -> Error {
        let at = self.text.floor_char_boundary(span.map_or(0, |span| span.start));
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[start..].chars().count() + 1);
        let message = format!("{}:{line}:{column}: {message}", self.path.display());
        Error::new(ErrorKind::Config, message)
    }

    /// What the parser says.
    pub(crate) fn refused(self, error: &toml::de::Error) -> Error {
        let message = error.message();
        self.wrong(error.span(), &in_words(message).unwrap_or_else(|| message.to_owned()))
    }
}

/// What serde says, in the words of users; `None` where its own will do.
fn in_words(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") || message.starts_with("unknown variant") {
        let unknown = quoted.next()?;
        let known: Vec<_> = quoted.collect();
        let said = unknown_key(unknown, known.into_iter()).message().to_owned();
        return Some(match message.starts_with("unknown field") {
            true => said,
            false => said.replacen("unknown setting", "unknown word", 1),
        });
    }
    if message.starts_with("missing field") {
        return Some(format!("`{}` is missing", quoted.next()?));
    }
    let rest = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "))?;
    let (stands, expected) = rest.rsplit_once(", expected ")?;
    let expected = match expected {
        "u64" | "usize" => "a whole number from 0 up",
        "a nonzero usize" | "a nonzero u64" => "a whole number above 0",
        "f64" => "a number",
        "a string" => "a text",
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "a table",
        other => other,
    };
    Some(format!("{expected} must stand here, and {stands} does"))
}
