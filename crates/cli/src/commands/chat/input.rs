//! Lines from a terminal, where they are edited, or from a pipe.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustyline::{
    Behavior, Config, Context, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::DefaultHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};
use tokio::task::spawn_blocking;

use super::entry::commands_that_begin_with;
use crate::{failure::Failure, terminal::printable};

/// As much as a prompt may hold.
const LONGEST_LINE: u64 = 16 << 20;

/// Where lines come from.
pub(super) enum Input {
    /// A terminal. The lines so far can be had again with the arrow keys, and are in memory only: they are what was
    /// asked.
    Terminal(Option<Box<LineEditor>>),
    /// A pipe or a file, a prompt in each line.
    Pipe,
}

/// Edits lines.
pub(super) type LineEditor = Editor<LineHelp, DefaultHistory>;

/// A line that ends with `\` goes on in the next, and the tabulator completes commands.
pub(super) struct LineHelp;

impl Validator for LineHelp {
    fn validate(&self, line: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match line.input().ends_with('\\') {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Completer for LineHelp {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((0, commands_that_begin_with(&line[..position])))
    }
}

impl Hinter for LineHelp {
    type Hint = String;
}

impl Highlighter for LineHelp {}

impl Helper for LineHelp {}

/// What came of reading a line.
pub(super) enum Line {
    /// A line.
    Text(String),
    /// Ctrl-C, before the line's end.
    Dropped,
    /// Ctrl-D, or the end of the pipe.
    End,
}

impl Input {
    /// Standard input; the arrow keys bring `earlier` lines back.
    pub(super) fn new(earlier: impl Iterator<Item = String>) -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Ok(Self::Pipe);
        }
        // Standard output is for answers alone when it is no terminal.
        let behavior = if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
        let config = Config::builder().behavior(behavior).build();
        let mut editor = LineEditor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(LineHelp));
        for line in earlier {
            remember(&mut editor, &line)?;
        }
        Ok(Self::Terminal(Some(Box::new(editor))))
    }

    /// Whether somebody types.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line. It is read beside the main thread, which goes on listening for Ctrl-C.
    pub(super) async fn next(&mut self) -> Result<Line, Failure> {
        match self {
            Self::Pipe => match spawn_blocking(read_line).await {
                Ok(line) => line,
                Err(error) => Err(io::Error::other(error).into()),
            },
            Self::Terminal(place) => {
                let Some(mut editor) = place.take() else { return Ok(Line::End) };
                let read = spawn_blocking(move || {
                    let line = edit_line(&mut editor);
                    (editor, line)
                });
                let (editor, line) = read.await.map_err(io::Error::other)?;
                *place = Some(editor);
                line
            }
        }
    }
}

/// The editor writes what it brings back as it is, and a file or a clipboard may hold anything.
fn remember(editor: &mut LineEditor, line: &str) -> Result<(), Failure> {
    editor.add_history_entry(printable(line)).map(drop).map_err(failed)
}

fn edit_line(editor: &mut LineEditor) -> Result<Line, Failure> {
    match editor.readline("> ") {
        Ok(text) => {
            if !text.trim().is_empty() {
                remember(editor, &text)?;
            }
            Ok(Line::Text(text.replace("\\\n", "\n")))
        }
        Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
        Err(ReadlineError::Eof) => Ok(Line::End),
        Err(error) => Err(failed(error)),
    }
}

fn read_line() -> Result<Line, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(Line::End);
    }
    if bytes.len() as u64 > LONGEST_LINE {
        return Err(Failure::usage("a line is longer than 16 MiB: no model takes such a prompt"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Line::Text(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(Failure::usage(format!("a line is not UTF-8 (at its byte {at}): pipe in UTF-8")))
        }
    }
}

fn failed(error: ReadlineError) -> Failure {
    match error {
        ReadlineError::Io(error) => error.into(),
        other => io::Error::other(other).into(),
    }
}

#[cfg(test)]
mod tests {
    use rustyline::history::{History as _, SearchDirection};

    use super::*;

    #[test]
    fn what_the_arrow_keys_bring_back_holds_nothing_that_a_terminal_would_obey() {
        let mut editor = LineEditor::new().unwrap();
        remember(&mut editor, "one\x1b]0;owned\x07\u{9b}2J\ntwo").unwrap();
        let line = editor.history().get(0, SearchDirection::Forward).unwrap().unwrap();
        assert_eq!(line.entry, "one]0;owned2J\ntwo");
    }
}
