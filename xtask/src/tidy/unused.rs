//! Dependencies that no code of their package names.
//!
//! rustc's own lint wants `use x as _` for every development dependency of every test; a look for the word costs
//! nothing and errs only where another item has the package's name.

use super::Finding;
use super::manifests::line_of_key;
use super::scan::{has_word, scan};
use crate::workspace::{Dependency, Files, Kind, Member, Workspace, is_rust};

/// Checks every member's dependencies.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.members.iter().flat_map(|member| unused(&workspace.files, member)).collect()
}

fn unused(files: &Files, member: &Member) -> Vec<Finding> {
    let texts = Texts::of(files, member);
    let is_unused = |dependency: &&Dependency| {
        let word = dependency.key.replace('-', "_");
        let text = match dependency.kind {
            Kind::Normal => &texts.sources,
            Kind::Build => &texts.build,
            Kind::Development => &texts.everything,
        };
        !has_word(text, &word)
    };
    let found = member.dependencies.iter().filter(is_unused).map(|dependency| {
        let what = format!("no code of `{}` names `{}`; remove the dependency", member.name, dependency.key);
        Finding::new(member.manifest(), line_of_key(files, member, &dependency.key), what)
    });
    found.collect()
}

/// Where the names of a package's dependencies may stand.
#[derive(Default)]
struct Texts {
    /// Code under `src`, without comments.
    sources: String,
    /// The build script.
    build: String,
    /// All code with its comments, and the README: examples in documentation are tests too.
    everything: String,
}

impl Texts {
    fn of(files: &Files, member: &Member) -> Self {
        let mut texts = Self::default();
        let folder = format!("{}/", member.folder);
        for (path, text) in files {
            let Some(inside) = path.strip_prefix(&folder) else { continue };
            if inside == "README.md" || is_rust(inside) {
                texts.everything.push_str(text);
            }
            if inside == "build.rs" {
                texts.build.push_str(text);
            } else if inside.starts_with("src/") && is_rust(inside) {
                texts.sources.push_str(&scan(text).code);
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::super::{lines, sketch};
    use super::check;
    use crate::workspace::{Dependency, Kind, Member};

    #[test]
    fn a_dependency_is_named_by_the_code_it_is_for() {
        use Kind::{Build, Development, Normal};
        for (kind, key, path, text, used) in [
            (Normal, "serde-json", "src/lib.rs", "use serde_json::Value;", true),
            (Normal, "serde-json", "src/lib.rs", "// serde_json", false),
            (Normal, "serde", "src/lib.rs", "use serde_json::Value;", false),
            (Normal, "renamed", "src/a/b.rs", "renamed::f()", true),
            (Normal, "tokio", "tests/a.rs", "tokio::main", false),
            (Development, "tokio", "tests/a.rs", "#[tokio::test]", true),
            (Development, "tokio", "README.md", "tokio::main", true),
            (Development, "tokio", "Cargo.toml", "tokio = 1", false),
            (Build, "cc", "src/lib.rs", "cc::f()", false),
            (Build, "cc", "build.rs", "cc::f()", true),
        ] {
            let dependency = Dependency { package: "original".to_owned(), key: key.to_owned(), kind };
            let member = Member {
                name: "a".to_owned(),
                folder: "crates/a".to_owned(),
                dependencies: vec![dependency],
                ..Member::default()
            };
            let path = format!("crates/a/{path}");
            let findings = lines(&check(&sketch(vec![member], &[(&path, text)])));
            let expected =
                format!("crates/a/Cargo.toml:1: no code of `a` names `{key}`; remove the dependency");
            assert_eq!(findings, if used { vec![] } else { vec![expected] }, "{kind:?} {key} {path}");
        }
    }
}
