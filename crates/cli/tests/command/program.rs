//! Runs the program in an empty environment.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The program in a folder of its own, with no variable set and no local server to find.
pub(crate) struct Program {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    stdin: Vec<u8>,
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        let nobody = ("OLLAMA_HOST", "127.0.0.1:1".to_owned());
        let variables = vec![nobody, ("LLAMA_ARG_PORT", "1".to_owned())];
        Self { folder: tempfile::tempdir().unwrap(), variables, stdin: Vec::new() }
    }

    /// With these settings as `ultraai.toml`.
    pub(crate) fn with_settings(settings: &str) -> Self {
        Self::new().file("ultraai.toml", settings.as_bytes())
    }

    /// With one provider `near`, of the type `compatible`, at `url`.
    pub(crate) fn with_server(url: &str) -> Self {
        Self::with_settings(&near(url))
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn stdin(mut self, content: &[u8]) -> Self {
        self.stdin = content.to_vec();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // It may end without having read everything.
        let _ = child.stdin.take().unwrap().write_all(&self.stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran { code: status.code(), out: text(stdout), err: text(stderr) };
        assert!(!ran.err.contains("panicked") && !ran.err.contains("stack backtrace"), "{ran:?}");
        ran
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ultraai"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Settings of one provider `near`, of the type `compatible`, at `url`.
pub(crate) fn near(url: &str) -> String {
    format!("[providers.near]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{url}/v1\"\n")
}

/// Asserts that it failed with this code and one clear error that holds all of `parts`.
pub(crate) fn assert_error(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.out, "", "{ran:?}");
    assert_eq!(ran.err.matches("error: ").count(), 1, "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "no `{part}` in {ran:?}");
    }
}
