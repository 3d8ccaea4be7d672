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
