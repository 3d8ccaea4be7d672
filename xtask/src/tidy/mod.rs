//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows.
//!
//! A rule is a function from the repository's description to findings; it reads no file and runs no command, so that
//! its tests are tables of strings.

mod arrows;
mod licences;
mod manifests;
mod plugins;
mod published;
mod scan;
mod source;
mod top;
mod unused;

use std::fmt;

use crate::workspace::{Problem, Workspace};

/// One breach of one rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
}

impl Finding {
    /// `text` says what is wrong and, after a semicolon, what to do.
    fn new(path: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.into(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Prints every finding, one to a line.
pub(crate) fn report() -> Result<(), Problem> {
    report_of(&Workspace::load()?)
}

/// The same of this repository.
pub(crate) fn report_of(workspace: &Workspace) -> Result<(), Problem> {
    let findings = check(workspace);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => Err(format!("tidy has {count} findings; each line above says what to do")),
    }
}

/// Checks the repository and returns every finding, sorted by place.
fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &workspace.files {
        findings.extend(source::check(path, text));
    }
    findings.extend(top::check(&workspace.files));
    findings.extend(arrows::check(workspace));
    findings.extend(plugins::check(workspace));
    findings.extend(published::check(workspace));
    findings.extend(unused::check(workspace));
    findings.extend(licences::check(workspace));
    findings.sort();
    findings.dedup();
    findings
}

/// The repository that a rule's test describes in strings.
#[cfg(test)]
fn sketch(members: Vec<crate::workspace::Member>, files: &[(&str, &str)]) -> Workspace {
    Workspace {
        root: std::path::PathBuf::new(),
        target: std::path::PathBuf::new(),
        files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
        members,
        foreign: Vec::new(),
    }
}

/// What the findings say, one line each.
#[cfg(test)]
fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::Workspace;

    #[test]
    fn the_house_rules_hold() {
        let findings = check(&Workspace::load().unwrap());
        let report: Vec<_> = findings.iter().map(|finding| format!("\n{finding}")).collect();
        assert!(findings.is_empty(), "{} findings:{}", findings.len(), report.concat());
    }
}
