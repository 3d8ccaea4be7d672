//! What a crate needs before it goes to the registry: a description, a licence, and a README that is its documentation.

use super::Finding;
use crate::workspace::{Files, Member, Workspace};

/// The first words of a crate's `lib.rs`.
const INCLUDES_README: &str = "#![doc = include_str!(\"../README.md\")]";

/// Checks every published member.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace
        .members
        .iter()
        .filter(|member| member.published)
        .flat_map(|member| one(&workspace.files, member))
        .collect()
}

fn one(files: &Files, member: &Member) -> Vec<Finding> {
    let mut findings = Vec::new();
    let manifest = member.manifest();
    for (key, value) in [("description", &member.description), ("license", &member.license)] {
        if value.as_deref().is_none_or(str::is_empty) {
            findings.push(Finding::new(
                &manifest,
                1,
                format!("no `{key}`; add it, the registry asks for it"),
            ));
        }
    }
    let readme = format!("{}/README.md", member.folder);
    if member.readme.as_deref() != Some("README.md") {
        findings.push(Finding::new(&manifest, 1, "no `readme = \"README.md\"`; add it"));
    }
    if !files.contains_key(&readme) {
        findings.push(Finding::new(&readme, 1, "no README; write it, it is the crate's documentation"));
    }
    let library = format!("{}/src/lib.rs", member.folder);
    if files.get(&library).is_some_and(|text| !text.lines().any(|line| line.trim() == INCLUDES_README)) {
        let what = format!("the README is not the crate's documentation; begin with `{INCLUDES_README}`");
        findings.push(Finding::new(library, 1, what));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{lines, sketch};
    use super::{INCLUDES_README, check};
    use crate::workspace::Member;

    fn complete() -> Member {
        Member {
            name: "a".to_owned(),
            folder: "crates/a".to_owned(),
            published: true,
            description: Some("What it is.".to_owned()),
            license: Some("MIT".to_owned()),
            readme: Some("README.md".to_owned()),
            ..Member::default()
        }
    }

    #[test]
    fn a_crate_is_ready_for_the_registry() {
        let readme = ("crates/a/README.md", "# a");
        let library = ("crates/a/src/lib.rs", INCLUDES_README);
        for (member, files, expected) in [
            (complete(), vec![readme, library], vec![]),
            (Member { published: false, ..Member::default() }, vec![], vec![]),
            (complete(), vec![library], vec!["crates/a/README.md:1: no README"]),
            (
                complete(),
                vec![readme, ("crates/a/src/lib.rs", "//! a")],
                vec!["crates/a/src/lib.rs:1: the README is not"],
            ),
            (complete(), vec![readme], vec![]),
            (
                Member { license: None, ..complete() },
                vec![readme],
                vec!["crates/a/Cargo.toml:1: no `license`"],
            ),
            (
                Member { description: None, ..complete() },
                vec![readme],
                vec!["crates/a/Cargo.toml:1: no `description`"],
            ),
            (
                Member { readme: None, ..complete() },
                vec![readme],
                vec!["crates/a/Cargo.toml:1: no `readme = "],
            ),
        ] {
            let findings = lines(&check(&sketch(vec![member], &files)));
            assert_eq!(findings.len(), expected.len(), "{findings:?}");
            for (finding, expected) in findings.iter().zip(expected) {
                assert!(finding.starts_with(expected), "{finding}");
            }
        }
    }
}
