//! What is written where: answers to standard output, everything else to standard error.

mod answer;
mod progress;
mod table;
mod wrap;

use std::{
    borrow::Cow,
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
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The text without what a terminal would obey: answers and vendors' messages come from elsewhere.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(obeyed) {
        true => text.chars().filter(|c| !obeyed(*c)).collect::<String>().into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(printable("a\x1b[2Jb\r\u{9b}c\n\td"), "a[2Jbc\n\td");
        assert!(matches!(printable("plain"), Cow::Borrowed("plain")));
    }
}
