//! A settings file as text with places, and what is wrong in it before any key is looked at.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use ultraai_core::{Error, ErrorKind, Result};

use crate::{Origin, reloading::Stamp, shown::may_hold_a_secret};

/// A file's text, and where things stand in it.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    stamp: Stamp,
}

impl Document {
    /// Reads a file that must be there; `advice` says what to do when it is not.
    pub(crate) fn read(path: &Path, advice: &str) -> Result<Self> {
        let wrong = |what: &str| Error::new(ErrorKind::Config, format!("{} {what}", path.display()));
        let bytes = fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => wrong(&format!("is not there: {advice}")),
            _ => wrong("cannot be read").with_source(error),
        })?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..good].split(|byte| *byte == b'\n').count();
                let what = format!("is not UTF-8 (line {line}): save it as UTF-8");
                Err(wrong(&what))
            }
        }
    }

    pub(crate) fn new(path: &Path, text: impl Into<String>) -> Self {
        let text = text.into();
        let stamp = Stamp::of(text.as_bytes());
        // Editors of Windows write a byte order mark, which TOML does not know.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Self { path: path.to_owned(), text, stamp }
    }

    /// The file with what it held.
    pub(crate) fn stamped(&self) -> (PathBuf, Stamp) {
        (self.path.clone(), self.stamp)
    }

    /// A path that stands in this file, which is relative to its folder.
    pub(crate) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    /// The tables of the file.
    ///
    /// # Errors
    /// `Config` with the place, and with the line unless it may hold a secret.
    pub(crate) fn tables(&self) -> Result<DeTable<'_>> {
        DeTable::parse(&self.text).map(Spanned::into_inner).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = self.line_at(at);
            let what = error.message().lines().collect::<Vec<_>>().join(", ");
            let message = if self.may_belong_to_a_secret(at) || line.trim().is_empty() {
                format!("no TOML: {what}")
            } else {
                format!("no TOML: {what}, in the line `{}`", line.trim())
            };
            self.wrong(at, &message)
        })
    }

    /// An error at a place of the file.
    pub(crate) fn wrong(&self, at: usize, message: &str) -> Error {
        Error::new(ErrorKind::Config, self.origin(at).before(message))
    }

    /// A place as an origin.
    pub(crate) fn origin(&self, at: usize) -> Origin {
        let (line, column) = self.place(at);
        Origin::File { path: self.path.clone(), line, column }
    }

    /// Line and column, from 1; columns count characters.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    fn line_at(&self, at: usize) -> &str {
        let at = self.text.floor_char_boundary(at);
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        self.text[start..].lines().next().unwrap_or_default()
    }

    /// Whether the line there, or the setting before it that may go on in it, had better not be repeated.
    fn may_belong_to_a_secret(&self, at: usize) -> bool {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let before = before.rfind('\n').map_or("", |newline| &before[..newline]);
        for line in before.lines().rev() {
            if may_hold_a_secret(line) {
                return true;
            }
            if line.contains('=') || line.trim_start().starts_with('[') {
                break;
            }
        }
        may_hold_a_secret(self.line_at(at))
    }

    /// A TOML value as JSON, which is what plugins read.
    pub(crate) fn json(&self, value: &Spanned<DeValue<'_>>) -> Result<Value> {
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => Ok(Value::String(text.to_string())),
            DeValue::Boolean(is) => Ok(Value::Bool(*is)),
            DeValue::Integer(number) => {
                let (digits, radix) = (number.as_str(), number.radix());
                let signed = i64::from_str_radix(digits, radix).map(Value::from);
                signed
                    .or_else(|_| u64::from_str_radix(digits, radix).map(Value::from))
                    .map_err(|_| self.wrong(at, "the number is too large"))
            }
            DeValue::Float(number) => {
                let finite = number.as_str().parse().ok().and_then(Number::from_f64);
                finite.map(Value::Number).ok_or_else(|| self.wrong(at, "no finite number stands here"))
            }
            DeValue::Datetime(_) => Err(self.wrong(at, "a date stands here, and no setting is one")),
            DeValue::Array(values) => {
                values.iter().map(|value| self.json(value)).collect::<Result<_>>().map(Value::Array)
            }
            DeValue::Table(table) => {
                let pair = |(key, value): (&Spanned<_>, _)| {
                    let key: &std::borrow::Cow<'_, str> = key.get_ref();
                    Ok((key.to_string(), self.json(value)?))
                };
                table.iter().map(pair).collect::<Result<Map<_, _>>>().map(Value::Object)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Document::new(Path::new("x.toml"), text).tables().unwrap_err().to_string()
    }

    #[test]
    fn a_syntax_error_names_the_place_and_the_line() {
        let error = refusal("[orchestrator]\nmax_retries = = 3\n");
        assert!(error.starts_with("x.toml:2:"), "{error}");
        assert!(error.contains("`max_retries = = 3`"), "{error}");
    }

    #[test]
    fn a_line_that_may_hold_a_key_is_not_repeated() {
        for text in [
            "[providers.a]\napi_key = sk-123\n",
            "[providers.a]\nmodel = sk-123\n",
            "[providers.a]\nx = abcdefghijklmnopqrstuvwxyz0123456789\n",
            "[providers.a]\nmy_token = abc\n",
            "[providers.a]\napi_key = \"sk-\n123abc\"\n",
            "[providers.a]\napi_key = {\n\n  abc = = 1 }\n",
        ] {
            let error = refusal(text);
            assert!(error.starts_with("x.toml:"), "{error}");
            assert!(!error.contains("123"), "{error}");
            assert!(!error.contains("sk-123") && !error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_does_not_matter() {
        assert!(Document::new(Path::new("x.toml"), "\u{feff}[orchestrator]\n").tables().is_ok());
    }

    #[test]
    fn a_file_that_is_missing_or_not_utf8_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ultraai.toml");
        let missing = Document::read(&path, "write it").unwrap_err().to_string();
        assert!(missing.ends_with("ultraai.toml is not there: write it"), "{missing}");
        fs::write(&path, b"# one\n\xff").unwrap();
        let wrong = Document::read(&path, "write it").unwrap_err().to_string();
        assert!(wrong.ends_with("is not UTF-8 (line 2): save it as UTF-8"), "{wrong}");
    }
}
