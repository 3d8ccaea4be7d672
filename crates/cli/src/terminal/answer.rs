//! The final answer while it is made.

use std::io::{self, Write as _};

use ultraai::Delta;

use super::{NOTE, printable, tell};

/// Writes the pieces of the final answer to a terminal.
#[derive(Debug, Default)]
pub(crate) struct LiveAnswer {
    /// Whether something was written.
    pub(crate) begun: bool,
    ends_a_line: bool,
}

impl LiveAnswer {
    /// Writes one more piece.
    pub(crate) fn push(&mut self, delta: &Delta) -> io::Result<()> {
        let (Delta::Text(text) | Delta::Refusal(text)) = delta else { return Ok(()) };
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(printable(text).as_bytes())?;
        out.flush()?;
        self.begun = true;
        self.ends_a_line = text.ends_with('\n');
        Ok(())
    }

    /// Says that what was written is void.
    pub(crate) fn discard(&mut self, reason: &str) -> io::Result<()> {
        if !self.begun {
            return Ok(());
        }
        // What follows, if anything does, begins on a line of its own.
        self.finish()?;
        tell(&void(reason));
        *self = Self::default();
        Ok(())
    }

    /// Ends the line.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.begun && !self.ends_a_line {
            self.ends_a_line = true;
            io::stdout().lock().write_all(b"\n")?;
        }
        Ok(())
    }
}

/// Another answer may follow, or none.
fn void(reason: &str) -> String {
    format!("{NOTE}note:{NOTE:#} the answer above is void: {}\n", printable(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_void_answer_promises_no_other() {
        let text = anstream::adapter::strip_str(&void("it ended early")).to_string();
        assert_eq!(text, "note: the answer above is void: it ended early\n");
    }
}
