//! What may lie at the top of the repository.

use std::collections::BTreeSet;

use super::Finding;
use crate::workspace::Files;

/// Folders of packages, the README, and files that a tool or a licence wants exactly here.
const ALLOWED: [&str; 15] = [
    ".cargo",
    ".ci",
    ".gitattributes",
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "crates",
    "examples",
    "rustfmt.toml",
    "xtask",
];

/// Finds what is at the top and does not belong there.
pub(super) fn check(files: &Files) -> Vec<Finding> {
    let names: BTreeSet<_> = files.keys().filter_map(|path| path.split('/').next()).collect();
    names
        .into_iter()
        .filter(|name| !ALLOWED.contains(name))
        .map(|name| {
            Finding::new(
                name,
                1,
                "does not belong at the top; move it into crates/, examples/, benches/ or xtask/",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{lines, sketch};
    use super::check;

    #[test]
    fn only_known_names_lie_at_the_top() {
        let files =
            ["crates/core/src/lib.rs", "xtask/a", "README.md", "notes.md", "scripts/a.sh", "scripts/b.sh"];
        let files = sketch(Vec::new(), &files.map(|path| (path, ""))).files;
        let what = "does not belong at the top; move it into crates/, examples/, benches/ or xtask/";
        assert_eq!(lines(&check(&files)), [format!("notes.md:1: {what}"), format!("scripts:1: {what}")]);
    }
}
