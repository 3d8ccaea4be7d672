//! Where a value comes from.

use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};

/// Where a value comes from. `Display` says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a settings file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// An argument of the command, such as `--max-retries`.
    Argument(String),
    /// Nobody set it, and it is what this provider usually has.
    Usual(String),
    /// It was found: a key in the environment, a server of this machine.
    Discovered(String),
}

impl Origin {
    /// Puts the origin before what is wrong there; of what nobody set, nothing can be said.
    pub(crate) fn before(&self, message: &str) -> String {
        match self {
            Self::Default => message.to_owned(),
            Self::File { path, line, column } => format!("{}:{line}:{column}: {message}", path.display()),
            _ => format!("{self}: {message}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Argument(flag) => write!(f, "argument {flag}"),
            Self::Usual(what) => f.write_str(what),
            Self::Discovered(how) => write!(f, "discovered: {how}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One value in force, ready to be shown: no entry holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// `orchestrator`, or `providers.` and the provider's id.
    pub table: String,
    /// The key.
    pub key: String,
    /// The value as it would stand in a file, or words about it in parentheses.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_said_in_words() {
        let file = Origin::File { path: "ultraai.toml".into(), line: 4, column: 7 };
        assert_eq!(file.to_string(), "ultraai.toml:4");
        assert_eq!(Origin::Variable("ULTRAAI_STRATEGY".into()).to_string(), "variable ULTRAAI_STRATEGY");
        assert_eq!(Origin::Default.before("wrong"), "wrong");
        assert_eq!(file.before("wrong"), "ultraai.toml:4:7: wrong");
    }
}
