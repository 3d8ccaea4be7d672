//! How each provider gets on, one line each, kept up to date in place.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    sync::Arc,
};

use tokio::time::Instant;
use ultraai::{ErrorReport, Event, ProviderId};

use super::{BAD, DIM, GOOD, NOTE, printable};

/// Lines on standard error that are kept up to date in place.
#[derive(Debug)]
pub(crate) struct Progress {
    rows: Vec<Row>,
    /// Lines that stand on the terminal and are written anew.
    drawn: usize,
    color: bool,
}

#[derive(Debug)]
struct Row {
    provider_id: ProviderId,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    Asked { model: Option<Arc<str>>, since: Instant },
    Answered { seconds: f64, good: bool },
    Failed(String),
    Abandoned(&'static str),
    Synthesizing { since: Instant },
}

impl Progress {
    /// Lines on standard error, or `None` when that is no terminal which can keep them.
    pub(crate) fn new() -> Option<Self> {
        let plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if plain || !io::stderr().is_terminal() {
            return None;
        }
        let color = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        Some(Self { rows: Vec::new(), drawn: 0, color })
    }

    /// Takes note of what happened.
    pub(crate) fn on(&mut self, event: &Event) {
        match event {
            Event::Started { candidates, .. } => {
                for id in candidates {
                    self.set(id, State::Waiting);
                }
            }
            Event::Asked { provider_id, model } => {
                self.set(provider_id, State::Asked { model: model.clone(), since: Instant::now() });
            }
            Event::Answered { provider_id, duration_seconds, good } => {
                self.set(provider_id, State::Answered { seconds: *duration_seconds, good: *good });
            }
            Event::Failed { provider_id, error } => {
                self.set(provider_id, State::Failed(failure(error)));
            }
            Event::Abandoned { provider_id, reason } => {
                self.set(provider_id, State::Abandoned(reason.as_str()));
            }
            Event::Synthesizing { provider_id } => {
                let state = State::Synthesizing { since: Instant::now() };
                self.rows.push(Row { provider_id: provider_id.clone(), state });
            }
            _ => {}
        }
    }

    fn set(&mut self, id: &ProviderId, state: State) {
        match self.rows.iter_mut().find(|row| row.provider_id == *id) {
            Some(row) => row.state = state,
            None => self.rows.push(Row { provider_id: id.clone(), state }),
        }
    }

    /// Writes the lines anew.
    pub(crate) fn draw(&mut self) {
        let mut out = String::new();
        if self.drawn > 0 {
            let _ = write!(out, "\x1b[{}A", self.drawn);
        }
        // A line that wrapped would take two, and the next drawing would miss one: no wrapping meanwhile.
        out.push_str("\x1b[?7l");
        for row in &self.rows {
            let line = row.line();
            let line = if self.color { line } else { anstream::adapter::strip_str(&line).to_string() };
            let _ = writeln!(out, "\x1b[2K{line}");
        }
        // Rows that were taken out leave their old lines below the others.
        out.push_str("\x1b[J\x1b[?7h");
        self.drawn = self.rows.len();
        // Nobody is left to be told when this fails.
        let _ = io::stderr().lock().write_all(out.as_bytes());
    }

    /// Leaves the lines that say how something ended; what comes next stands below them. The others are taken away:
    /// nobody keeps them up to date any more, and they would look as if it still went on.
    pub(crate) fn leave(&mut self) {
        if !self.rows.is_empty() {
            self.rows.retain(|row| row.state.is_over());
            self.draw();
            self.drawn = 0;
            self.rows.clear();
        }
    }
}

/// The error in a line: what is wrong, its status, and the delay that the provider asked for.
fn failure(error: &ErrorReport) -> String {
    let mut text = printable(&error.message).replace('\n', " ");
    if let Some(status) = error.status {
        let _ = write!(text, " (HTTP {status})");
    }
    if let Some(seconds) = error.retry_after_seconds {
        let _ = write!(text, ": asks to wait {} s", seconds.ceil().max(1.0));
    }
    text
}

impl State {
    /// Whether nothing more comes of it.
    fn is_over(&self) -> bool {
        match self {
            Self::Answered { .. } | Self::Failed(_) | Self::Abandoned(_) => true,
            Self::Waiting | Self::Asked { .. } | Self::Synthesizing { .. } => false,
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let id = &self.provider_id;
        let since = |since: &Instant| since.elapsed().as_secs_f64();
        match &self.state {
            State::Waiting => format!("{DIM}  {id}{DIM:#}"),
            State::Asked { model, since: start } => {
                let model = model.as_deref().map(|model| format!(" ({model})")).unwrap_or_default();
                format!("… {id}{DIM}{model} {:.1} s{DIM:#}", since(start))
            }
            State::Answered { seconds, good: true } => {
                format!("{GOOD}✓{GOOD:#} {id} {DIM}answered in {seconds:.1} s{DIM:#}")
            }
            State::Answered { seconds, good: false } => {
                format!("{NOTE}~{NOTE:#} {id} gave no good answer {DIM}in {seconds:.1} s{DIM:#}")
            }
            State::Failed(message) => {
                format!("{BAD}✗{BAD:#} {id}: {message}")
            }
            State::Abandoned(reason) => {
                format!("{DIM}- {id} was given up: {}{DIM:#}", reason.replace('_', " "))
            }
            State::Synthesizing { since: start } => {
                format!("… {id} writes the synthesis {DIM}{:.1} s{DIM:#}", since(start))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ultraai::{Error, ErrorKind};

    use super::*;

    #[test]
    fn each_provider_has_one_line() {
        let id = |name: &str| ProviderId::new(name).unwrap();
        let mut progress = Progress { rows: Vec::new(), drawn: 0, color: false };
        let started = Event::Started { strategy: "simple".into(), candidates: vec![id("fast"), id("slow")] };
        progress.on(&started);
        progress.on(&Event::Asked { provider_id: id("fast"), model: Some("m".into()) });
        progress.on(&Event::Answered { provider_id: id("fast"), duration_seconds: 1.25, good: true });
        let lines: Vec<_> =
            progress.rows.iter().map(|row| anstream::adapter::strip_str(&row.line()).to_string()).collect();
        assert_eq!(lines, ["✓ fast answered in 1.2 s", "  slow"]);

        let busy = Error::new(ErrorKind::RateLimited, "slow\ndown")
            .with_status(429)
            .with_retry_after(Duration::from_millis(6500));
        progress.on(&Event::Failed { provider_id: id("slow"), error: (&busy).into() });
        let line = anstream::adapter::strip_str(&progress.rows[1].line()).to_string();
        assert_eq!(line, "✗ slow: slow down (HTTP 429): asks to wait 7 s");
    }

    #[test]
    fn only_what_has_ended_is_left_behind() {
        let now = Instant::now();
        for (state, is_over) in [
            (State::Waiting, false),
            (State::Asked { model: None, since: now }, false),
            (State::Synthesizing { since: now }, false),
            (State::Answered { seconds: 1.0, good: true }, true),
            (State::Failed("no".into()), true),
            (State::Abandoned("enough_answers"), true),
        ] {
            assert_eq!(state.is_over(), is_over, "{state:?}");
        }
    }
}
