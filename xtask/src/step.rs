//! One command of a task: announced, run, and named when it fails.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::workspace::Problem;

/// A command together with what is shown of it.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    shown: String,
}

impl Step {
    /// `program` in `folder`.
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut command = Command::new(program.as_ref());
        command.current_dir(folder);
        // Cargo tells this program about its own package; a package it runs is told about that one.
        command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        Self { command, shown: program.as_ref().display().to_string() }
    }

    /// Cargo with the arguments that `line` separates by spaces.
    pub(crate) fn cargo(folder: &Path, line: &str) -> Self {
        Self::new("cargo", folder).args(line.split(' '))
    }

    /// More arguments.
    pub(crate) fn args<Argument: AsRef<OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(&argument.as_ref().display().to_string());
            self.command.arg(argument);
        }
        self
    }

    /// A variable that the command finds.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{name}={:?} {}", value.as_ref().display().to_string(), self.shown);
        self.command.env(name, value);
        self
    }

    /// Runs the command in the foreground.
    pub(crate) fn run(mut self) -> Result<(), Problem> {
        println!("\n==> {}", self.shown);
        let status = self.command.stdin(Stdio::null()).status().map_err(|error| self.cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status}); see above", self.shown)) }
    }

    /// Runs the command and returns what it printed.
    pub(crate) fn output(mut self) -> Result<String, Problem> {
        println!("\n==> {}", self.shown);
        let output = self.command.stdin(Stdio::null()).output().map_err(|error| self.cannot_start(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!(
            "`{}` failed ({}): {}",
            self.shown,
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }

    fn cannot_start(&self, error: &std::io::Error) -> Problem {
        format!("`{}` cannot start, install the program: {error}", self.shown)
    }
}
