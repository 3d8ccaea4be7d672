//! Reading JSON.

use serde::Deserialize;
use ultraai_core::{Error, ErrorKind, Result};

/// Reads JSON; the error says where it went wrong and nothing of what stands there.
///
/// # Errors
/// `Undecodable`; `what` is what it calls the body, such as `the answer`.
pub fn parse<'de, T: Deserialize<'de>>(body: &'de [u8], what: &str) -> Result<T> {
    let plain = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Checking the encoding once is cheaper than checking every text in it.
    let text = std::str::from_utf8(plain)
        .map_err(|_| Error::new(ErrorKind::Undecodable, format!("{what} is no JSON (it is not UTF-8)")))?;
    serde_json::from_str(text).map_err(|error| {
        let why = match error.classify() {
            serde_json::error::Category::Data => "has not the form of this protocol",
            serde_json::error::Category::Eof => "ends in the middle of its JSON",
            _ if is_too_deep(&error) => TOO_DEEP,
            _ => "is no JSON",
        };
        let place = match error.is_data() {
            true => path::<T>(text),
            false => format!("line {}, column {}", error.line(), error.column()),
        };
        Error::new(ErrorKind::Undecodable, format!("{what} {why} ({place})"))
    })
}

/// What is said of [what is nested too deeply](is_too_deep): `serde_json` stops at the 128th level.
pub(crate) const TOO_DEEP: &str = "is nested too deeply, for 127 levels are read";

/// Whether it may be JSON that is only nested too deeply. Nothing but its words tells that.
pub(crate) fn is_too_deep(error: &serde_json::Error) -> bool {
    error.is_syntax() && error.to_string().starts_with("recursion limit exceeded")
}

/// Where the value stands that has the wrong form. Reading with its path is slower, so it is done only when something is wrong.
fn path<'de, T: Deserialize<'de>>(text: &'de str) -> String {
    let read = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text));
    match read.err().map(|error| error.path().to_string()).as_deref() {
        None | Some("." | "") => "at its top".to_owned(),
        Some(path) => format!("at `{path}`"),
    }
}
