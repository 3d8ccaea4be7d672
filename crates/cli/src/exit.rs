//! How the program ends.

use std::process::ExitCode;

use ultraai::{Error, ErrorKind};

/// How the program ends, as a shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// There is an answer, or what was asked for was done.
    Answer = 0,
    /// No answer: the candidates failed.
    NoAnswer = 1,
    /// The arguments, the settings or the prompt are wrong; nothing was asked.
    Usage = 2,
    /// No answer in time.
    Deadline = 3,
    /// There is an answer, and it was cut off.
    Incomplete = 4,
    /// No answer within the budget.
    Budget = 5,
    /// Ctrl-C, as shells count it: 128 and the signal's number.
    Interrupted = 130,
}

/// The part of the help that documents [`Exit`].
pub(crate) const HELP: &str = "\
Exit codes:
  0    an answer
  1    no answer: the candidates failed, or too few answered; or it could not be kept
  2    wrong arguments, settings or prompt: nothing was asked
  3    no answer in time: every candidate that was asked met a limit of time
  4    an answer that was cut off, by --max-tokens or the model's own limit
  5    no answer within the budget: nobody could be asked any more for what is left of it
  130  Ctrl-C";

/// The part of the help of `models` that documents its exit codes.
pub(crate) const MODELS_HELP: &str = "\
Exit codes:
  0    a list, of one provider at least
  1    no list: every provider that was asked failed
  2    wrong arguments or settings, or a provider of --provider that lists no models
  3    no list in time
  130  Ctrl-C";

/// The part of the help of `embed` that documents its exit codes.
pub(crate) const EMBED_HELP: &str = "\
Exit codes:
  0    the vectors of all texts
  1    no vectors: the provider failed
  2    wrong arguments, settings or texts: nothing was asked
  3    no vectors in time
  130  Ctrl-C";

/// The part of the help of `serve` that documents its exit codes.
pub(crate) const SERVE_HELP: &str = "\
Exit codes:
  0    it was told to stop, and did; --check found nothing wrong; or the server of --probe is well
  1    the server of --probe is not, or there is none
  2    wrong arguments or settings, an address that it cannot or must not listen at, or a state folder that is in use";

/// The part of the help of `keys` that documents its exit codes.
pub(crate) const KEYS_HELP: &str = "\
Exit codes:
  0    done
  1    not done: the running server or the disk failed
  2    wrong arguments or settings, no such key, or keys that cannot be opened
  130  Ctrl-C";

/// The part of the help of `chat` that tells what can be typed, and how it ends.
pub(crate) fn chat_help() -> String {
    format!(
        "Commands:\n{}\nExit codes:\n  Those of `ultraai ask`, for the last line, where standard input is no terminal; else 0",
        crate::commands::chat_commands()
    )
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        let causes = error.causes();
        let late = |error: &Error| error.kind() == ErrorKind::Timeout;
        let costly =
            |error: &Error| matches!(error.kind(), ErrorKind::BudgetExceeded | ErrorKind::PriceUnknown);
        match error.kind() {
            ErrorKind::Config | ErrorKind::InvalidRequest => Self::Usage,
            ErrorKind::Timeout => Self::Deadline,
            _ if costly(error) => Self::Budget,
            ErrorKind::Exhausted if nothing_was_asked(error) => Self::Usage,
            _ if !causes.is_empty() && causes.iter().all(late) => Self::Deadline,
            // Who failed before the money was at its end is no other reason: with more of it there might be an answer.
            _ if causes.iter().any(costly) => Self::Budget,
            _ => Self::NoAnswer,
        }
    }
}

/// Whether the options wanted more than the candidates could give: it was refused before anybody was asked.
fn nothing_was_asked(error: &Error) -> bool {
    error.causes().is_empty() && error.report().is_some_and(|report| report.ledger.rows.is_empty())
}

#[cfg(test)]
mod tests {
    use ErrorKind::{BudgetExceeded, PriceUnknown, ServerError, Timeout};

    use super::*;

    #[test]
    fn the_limit_that_ended_a_request_tells_how_the_program_ends() {
        let error = |kind| Error::new(kind, "no");
        let all = |kinds: &[ErrorKind]| {
            let causes = kinds.iter().map(|kind| error(*kind)).collect();
            Exit::from(&error(ErrorKind::Exhausted).with_causes(causes))
        };
        assert_eq!(Exit::from(&error(BudgetExceeded)), Exit::Budget);
        assert_eq!(Exit::from(&error(PriceUnknown)), Exit::Budget);
        assert_eq!(all(&[BudgetExceeded, PriceUnknown]), Exit::Budget);
        assert_eq!(all(&[ServerError, BudgetExceeded]), Exit::Budget);
        assert_eq!(all(&[Timeout, Timeout]), Exit::Deadline);
        assert_eq!(all(&[Timeout, ServerError]), Exit::NoAnswer);
    }
}
