//! What kept a command from its end, told in one line and its causes.

use std::{fmt, io};

use ultraai::{Error, ErrorKind};
use ultraai_settings::ProviderSummary;

use crate::{exit::Exit, report, terminal};

/// What kept a command from its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error, with the providers it may speak of.
    Error(Box<Error>, Vec<ProviderSummary>),
    /// It is told already, or was printed as JSON.
    Told(Exit),
    /// Nobody reads the output any more, as in `ultraai … | head`.
    OutputClosed,
    /// Ctrl-C.
    Interrupted,
}

impl Failure {
    /// What the user did not mean.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message).into()
    }

    /// An error of which the settings can say more.
    pub(crate) fn of(error: Error, providers: Vec<ProviderSummary>) -> Self {
        Self::Error(Box::new(error), providers)
    }

    /// The same where nobody wrote a flag: what was typed is in the message.
    pub(crate) fn without_flag(self) -> Self {
        match self {
            Self::Error(error, providers) => {
                let message = error.message();
                match message.strip_prefix("argument --provider: ").map(str::to_owned) {
                    Some(message) => Self::of(error.with_message(message), providers),
                    None => Self::Error(error, providers),
                }
            }
            other => other,
        }
    }

    /// Tells it on standard error.
    pub(crate) fn tell(&self) -> Exit {
        match self {
            Self::Error(error, providers) => {
                terminal::tell(&report::text(error, providers));
                Exit::from(&**error)
            }
            Self::Told(exit) => *exit,
            Self::OutputClosed => Exit::Answer,
            Self::Interrupted => {
                terminal::tell("interrupted\n");
                Exit::Interrupted
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error, _) => error.fmt(f),
            Self::Told(_) => f.write_str("told already"),
            Self::OutputClosed => f.write_str("the output was closed"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::of(error, Vec::new())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Error::new(ErrorKind::Exhausted, "reading or writing failed").with_source(error).into(),
        }
    }
}
