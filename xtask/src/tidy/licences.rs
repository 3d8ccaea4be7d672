//! The licences of every package from outside, judged by their SPDX expressions.

use super::Finding;
use crate::workspace::{Foreign, Workspace};

/// Licences that ask for no more than naming the authors, or (MPL) for changes to their own files.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Exceptions that only give more freedom.
const ALLOWED_EXCEPTIONS: [&str; 1] = ["LLVM-exception"];

/// Checks every package of the resolved graph that is not ours.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let lock = workspace.files.get("Cargo.lock").map_or("", String::as_str);
    workspace.foreign.iter().filter_map(|package| finding(lock, package)).collect()
}

fn finding(lock: &str, package: &Foreign) -> Option<Finding> {
    let Foreign { name, version, license } = package;
    let what = match license {
        None => format!("`{name}` {version} names no licence; use another package"),
        Some(expression) if !is_allowed(expression) => {
            format!(
                "`{name}` {version} is under `{expression}`; use another package or, if it is free enough, allow it"
            )
        }
        Some(_) => return None,
    };
    let line =
        lock.lines().position(|line| line == format!("name = \"{name}\"")).map_or(1, |index| index + 1);
    Some(Finding::new("Cargo.lock", line, what))
}

/// Whether one of the alternatives that `expression` gives is allowed in full. What cannot be read is not allowed.
fn is_allowed(expression: &str) -> bool {
    // Old manifests separate alternatives by a slash.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    alternatives(&mut words).unwrap_or(false) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn alternatives(words: &mut Words<'_>) -> Option<bool> {
    let mut allowed = together(words)?;
    while words.next_if_eq(&"OR").is_some() {
        allowed |= together(words)?;
    }
    Some(allowed)
}

fn together(words: &mut Words<'_>) -> Option<bool> {
    let mut allowed = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        allowed &= one(words)?;
    }
    Some(allowed)
}

fn one(words: &mut Words<'_>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let allowed = alternatives(words)?;
        return (words.next() == Some(")")).then_some(allowed);
    }
    let mut allowed = ALLOWED.contains(&word);
    if words.next_if_eq(&"WITH").is_some() {
        allowed &= ALLOWED_EXCEPTIONS.contains(&words.next()?);
    }
    Some(allowed)
}

#[cfg(test)]
mod tests {
    use super::{finding, is_allowed};
    use crate::workspace::Foreign;

    #[test]
    fn one_allowed_alternative_is_enough() {
        for (expression, expected) in [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("GPL-3.0-only AND MIT OR ISC", true),
            ("GPL-3.0-only AND (MIT OR ISC)", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0 WITH Other-exception", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT Apache-2.0", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression), expected, "{expression}");
        }
    }

    #[test]
    fn a_package_is_named_with_its_line_in_the_lock_file() {
        let package = |license: Option<&str>| Foreign {
            name: "b".to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
        };
        let lock = "[[package]]\nname = \"a\"\n[[package]]\nname = \"b\"";
        let found = |license| finding(lock, &package(license)).map(|finding| finding.to_string());
        assert_eq!(found(Some("MIT")), None);
        assert_eq!(
            found(None).as_deref(),
            Some("Cargo.lock:4: `b` 1.0.0 names no licence; use another package")
        );
        assert!(
            found(Some("AGPL-3.0-only"))
                .unwrap()
                .starts_with("Cargo.lock:4: `b` 1.0.0 is under `AGPL-3.0-only`")
        );
    }
}
