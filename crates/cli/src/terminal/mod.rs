//! What is written where: answers to standard output, everything else to standard error.

mod answer;
mod progress;
mod table;
mod wrap;

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use anstyle::{AnsiColor, Style};

pub(crate) use self::{
    answer::LiveAnswer,
    progress::Progress,
    table::Table,
    wrap::{padded, width_of_stdout, wrap},
};

/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What should be known.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings.
pub(crate) const STRONG: Style = Style::new().bold();

/// Writes to standard error, with colors only where they are seen and wanted (`NO_COLOR`).
pub(crate) fn tell(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Writes to standard output, with colors only where they are seen and wanted.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes an answer to standard output, as it is unless that is a terminal.
pub(crate) fn print_answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let text = if out.is_terminal() { printable(text) } else { text.into() };
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Writes bytes to standard output, as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes JSON to standard output.
pub(crate) fn print_json(value: &impl serde::Serialize) -> io::Result<()> {
    print_bytes(json(value)?.as_bytes())
}

/// Writes JSON to standard output in one line: vectors would have a line for each number.
pub(crate) fn print_json_line(value: &impl serde::Serialize) -> io::Result<()> {
    print_bytes(escaped(&serde_json::to_string(value)?).as_bytes())
}

/// The value as lines of JSON in which what a terminal would obey is escaped: it is the same JSON.
fn json(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?))
}

/// The JSON with a line feed behind it, in which what a terminal would obey is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    // Only strings hold such characters, for what is ASCII among them is escaped already.
    for c in text.chars() {
        match is_obeyed(c) {
            true => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            false => out.push(c),
        }
    }
    out.push('\n');
    out
}

/// The text without what a terminal would obey: answers and vendors' messages come from elsewhere.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    match text.contains(is_obeyed) {
        true => text.chars().filter(|c| !is_obeyed(*c)).collect::<String>().into(),
        false => text.into(),
    }
}

/// Whether a terminal would obey it: controls, and what turns the order of the characters behind it around.
fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(printable("a\x1b[2Jb\r\u{9b}c\n\td"), "a[2Jbc\n\td");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{2069}\u{200f}ש"), "abc\u{200f}ש");
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_would_obey_and_is_the_same() {
        let value = serde_json::json!({ "a\u{9d}": "\u{1b}\u{7f}\u{9b}31m\u{202e}é\n\u{2069}" });
        let text = json(&value).unwrap();
        assert!(text.contains(r#""a\u009d": "\u001b\u007f\u009b31m\u202eé\n\u2069""#), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
