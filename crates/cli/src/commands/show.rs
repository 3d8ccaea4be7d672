//! `ultraai show`.

use std::path::Path;

use ultraai::{ChatRequest, Message, Role};

use crate::{
    arguments::Show,
    exit::Exit,
    failure::Failure,
    keep::{self, OUTCOME},
    output::{self, Kept},
    terminal::{DIM, printable, tell},
};

/// Enough of a prompt to know it again.
const GLIMPSE: usize = 100;

/// Prints an outcome that was kept.
pub(crate) fn show(show: &Show) -> Result<Exit, Failure> {
    let kept: Kept = keep::read(Path::new(&show.file), &OUTCOME)?;
    let flags = show.output;
    if !flags.quiet && !flags.json {
        tell(&format!("{DIM}asked: {}{DIM:#}\n", printable(&glimpse(&kept.request))));
    }
    Ok(output::outcome(flags, &kept.outcome, &kept.stats, false)?)
}

/// The beginning of what was asked last, in one line.
fn glimpse(request: &ChatRequest) -> String {
    let last = request.messages.iter().rev().find(|message| message.role == Role::User);
    let text = last.map(Message::text).unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(GLIMPSE) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
