//! Plugins: the folders, the facade's features and the README's table name the same ones, and each plugin shows that it
//! registers itself and behaves.

use std::collections::BTreeSet;

use super::Finding;
use crate::workspace::{Files, Member, Workspace};

/// A kind of plugin.
struct Kind {
    /// What comes before a plugin's name in the facade's features.
    prefix: &'static str,
    /// Where its plugins lie.
    folder: &'static str,
    /// Whether each is a module of one crate, and so a feature of that crate; else each is a crate.
    in_one_crate: bool,
}

const KINDS: [Kind; 4] = [
    Kind { prefix: "provider-", folder: "crates/providers/", in_one_crate: false },
    Kind { prefix: "strategy-", folder: "crates/strategies/", in_one_crate: false },
    Kind { prefix: "layer-", folder: "crates/layers/src/", in_one_crate: true },
    Kind { prefix: "cache-", folder: "crates/caches/", in_one_crate: false },
];

/// Plugins that are no folder's: the feature of the facade, and the crate behind it.
const ALONE: [(&str, &str); 1] = [("analysis", "crates/analysis")];

const FACADE: &str = "crates/ultraai";
const FACADE_MANIFEST: &str = "crates/ultraai/Cargo.toml";
const README: &str = "README.md";

/// The feature of the facade that turns every plugin on.
const FULL: &str = "full";

/// Checks every kind of plugin.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    let nothing = Member::default();
    let facade = workspace.members.iter().find(|member| member.folder == FACADE).unwrap_or(&nothing);
    for kind in &KINDS {
        let names = names(&workspace.files, kind);
        findings.extend(features(&workspace.files, facade, kind, &names));
        findings.extend(table(&workspace.files, kind, &names));
        findings.extend(shown(workspace, kind, &names));
    }
    findings.extend(alone(&workspace.files, facade));
    findings
}

/// The plugins that are no folder's.
fn alone(files: &Files, facade: &Member) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (feature, folder) in ALONE {
        if !files.contains_key(&format!("{folder}/Cargo.toml")) {
            continue;
        }
        if !facade.features.get(FULL).is_some_and(|full| full.iter().any(|on| on == feature)) {
            let what = format!("the feature `{FULL}` has no `{feature}` for {folder}; add it");
            findings.push(Finding::new(FACADE_MANIFEST, 1, what));
        }
        let row = format!("| `{feature}` |");
        if !files.get(README).is_some_and(|text| text.lines().any(|line| line.starts_with(&row))) {
            let what = format!("the table of plugins has no row with `{feature}`; add it");
            findings.push(Finding::new(README, 1, what));
        }
        findings.extend(behaves(files, folder));
    }
    findings
}

/// The names of the plugins that lie in the kind's folder.
fn names(files: &Files, kind: &Kind) -> BTreeSet<String> {
    let inside = files.keys().filter_map(|path| path.strip_prefix(kind.folder));
    let names = inside.filter_map(|inside| match inside.split_once('/') {
        Some((folder, "Cargo.toml")) if !kind.in_one_crate => Some(folder.to_owned()),
        Some((folder, "mod.rs")) if kind.in_one_crate => Some(folder.to_owned()),
        None if kind.in_one_crate => {
            inside.strip_suffix(".rs").filter(|name| *name != "lib").map(str::to_owned)
        }
        _ => None,
    });
    names.map(|name| name.replace('_', "-")).collect()
}

fn features(files: &Files, facade: &Member, kind: &Kind, names: &BTreeSet<String>) -> Vec<Finding> {
    let Kind { prefix, folder, .. } = kind;
    let mut findings = Vec::new();
    let line = line_of(files, FACADE_MANIFEST, prefix);
    let mut find = |what: String| findings.push(Finding::new(FACADE_MANIFEST, line, what));
    let full = facade.features.get(FULL);
    for name in names {
        let feature = format!("{prefix}{name}");
        if !facade.features.contains_key(&feature) {
            find(format!("no feature `{feature}` for the plugin `{name}` in {folder}; add it"));
        } else if full.is_some_and(|full| !full.contains(&feature)) {
            find(format!("`{feature}` is not in the feature `{FULL}`; add it there"));
        }
    }
    for feature in facade.features.keys() {
        if let Some(name) = feature.strip_prefix(prefix).filter(|name| !names.contains(*name)) {
            find(format!(
                "the feature `{feature}` has no plugin `{name}` in {folder}; remove it or add the plugin"
            ));
        }
    }
    findings
}

fn table(files: &Files, kind: &Kind, names: &BTreeSet<String>) -> Vec<Finding> {
    let Kind { prefix, folder, .. } = kind;
    let mut rows = BTreeSet::new();
    let mut findings = Vec::new();
    let readme = files.get(README).map_or("", String::as_str);
    for (index, row) in readme.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('|')) {
        for name in named_features(row, prefix) {
            if !names.contains(name) {
                let what =
                    format!("the table names `{prefix}{name}`, which {folder} has not; remove the row");
                findings.push(Finding::new(README, index + 1, what));
            }
            rows.insert(name);
        }
    }
    for name in names.iter().filter(|name| !rows.contains(name.as_str())) {
        let what = format!("the table of plugins has no row with `{prefix}{name}`; add it");
        findings.push(Finding::new(README, 1, what));
    }
    findings
}

/// The names after `prefix` in the words of a table's row that stand between backquotes.
fn named_features<'a>(row: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let plain = |name: &&str| name.chars().all(|part| part.is_ascii_alphanumeric() || part == '-');
    row.split('`').skip(1).step_by(2).filter_map(move |word| word.strip_prefix(prefix)).filter(plain)
}

/// That each crate of plugins has a conformance test and registers something.
fn shown(workspace: &Workspace, kind: &Kind, names: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if kind.in_one_crate {
        if names.is_empty() {
            return findings;
        }
        let folder = kind.folder.trim_end_matches("src/").trim_end_matches('/');
        findings.extend(behaves(&workspace.files, folder));
        let known = |name: &str| {
            let member = workspace.members.iter().find(|member| member.folder == folder);
            member.is_some_and(|member| member.features.contains_key(name))
        };
        for name in names.iter().filter(|name| !known(name)) {
            let what = format!("no feature `{name}` for the module of that name; add it");
            findings.push(Finding::new(format!("{folder}/Cargo.toml"), 1, what));
        }
    } else {
        for name in names {
            findings.extend(behaves(&workspace.files, &format!("{}{name}", kind.folder)));
        }
    }
    findings
}

fn behaves(files: &Files, folder: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let test = format!("{folder}/tests/conformance.rs");
    if !files.contains_key(&test) {
        findings.push(Finding::new(
            test,
            1,
            "no behaviour suite; add it, it looks the plugin up by its registered name",
        ));
    }
    let sources = format!("{folder}/src/");
    let registers = files.iter().any(|(path, text)| path.starts_with(&sources) && registers(text));
    if !registers {
        let what = "no `register_*!` in the crate; register the plugin, or no program finds it";
        findings.push(Finding::new(format!("{folder}/src/lib.rs"), 1, what));
    }
    findings
}

/// Whether the code calls one of core's macros that register a plugin.
fn registers(text: &str) -> bool {
    let code = super::scan::scan(text).code;
    code.match_indices("register_").any(|(at, _)| {
        let after = &code[at..];
        after
            .find(|part: char| !part.is_ascii_lowercase() && part != '_')
            .is_some_and(|end| after[end..].starts_with('!'))
    })
}

/// The line of the first feature of the kind, where a missing one belongs.
fn line_of(files: &Files, path: &str, prefix: &str) -> usize {
    let text = files.get(path).map_or("", String::as_str);
    text.lines().position(|line| line.starts_with(prefix)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::super::{lines, sketch};
    use super::{check, registers};
    use crate::workspace::Member;

    const SUITE: &str = "//! Suite.";
    const REGISTERS: &str = "ultraai_core::register_provider!(ROW);";

    fn findings(features: &[(&str, &[&str])], files: &[(&str, &str)]) -> Vec<String> {
        let features = features
            .iter()
            .map(|(name, on)| ((*name).to_owned(), on.iter().map(|feature| (*feature).to_owned()).collect()));
        let facade =
            Member { folder: "crates/ultraai".to_owned(), features: features.collect(), ..Member::default() };
        let layers = Member {
            folder: "crates/layers".to_owned(),
            features: [("retry".to_owned(), Vec::new())].into(),
            ..Member::default()
        };
        lines(&check(&sketch(vec![facade, layers], files)))
    }

    #[test]
    fn folder_feature_and_table_agree() {
        let crates = [
            ("crates/providers/mock/Cargo.toml", ""),
            ("crates/providers/mock/src/lib.rs", REGISTERS),
            ("crates/providers/mock/tests/conformance.rs", SUITE),
        ];
        let with_readme = |text: &'static str| [crates.as_slice(), &[("README.md", text)]].concat();
        let row = "| `mock` | `provider-mock` |";
        for (features, files, expected) in [
            (&[("provider-mock", [].as_slice())][..], with_readme(row), vec![]),
            (&[("provider-mock", &[]), ("full", &["provider-mock"])], with_readme(row), vec![]),
            (
                &[],
                with_readme(row),
                vec![
                    "crates/ultraai/Cargo.toml:1: no feature `provider-mock` for the plugin `mock` in crates/providers/; add it",
                ],
            ),
            (
                &[("provider-mock", &[]), ("full", &[])],
                with_readme(row),
                vec![
                    "crates/ultraai/Cargo.toml:1: `provider-mock` is not in the feature `full`; add it there",
                ],
            ),
            (
                &[("provider-mock", &[]), ("strategy-vote", &[])],
                with_readme(row),
                vec![
                    "crates/ultraai/Cargo.toml:1: the feature `strategy-vote` has no plugin `vote` in crates/strategies/; \
                 remove it or add the plugin",
                ],
            ),
            (
                &[("provider-mock", &[])],
                with_readme("`provider-mock` in prose"),
                vec!["README.md:1: the table of plugins has no row with `provider-mock`; add it"],
            ),
            (
                &[("provider-mock", &[])],
                with_readme("| `provider-mock` |\n| `provider-gone` |"),
                vec![
                    "README.md:2: the table names `provider-gone`, which crates/providers/ has not; remove the row",
                ],
            ),
            (&[("provider-mock", &[])], with_readme("| `provider-mock` | all of `provider-*` |"), vec![]),
        ] {
            assert_eq!(findings(features, &files), expected, "{features:?}");
        }
    }

    #[test]
    fn a_crate_that_stands_alone_is_a_plugin_too() {
        let files = [("crates/analysis/Cargo.toml", ""), ("crates/analysis/src/lib.rs", REGISTERS)];
        assert_eq!(
            findings(&[("full", &[])], &files),
            [
                "crates/ultraai/Cargo.toml:1: the feature `full` has no `analysis` for crates/analysis; add it",
                "README.md:1: the table of plugins has no row with `analysis`; add it",
                "crates/analysis/tests/conformance.rs:1: no behaviour suite; add it, it looks the plugin up by its registered \
                 name",
            ]
        );
    }

    #[test]
    fn a_plugin_registers_itself_and_has_a_suite() {
        let readme = ("README.md", "| `provider-mock` `layer-retry` `layer-hedge` |");
        let features: [(&str, &[&str]); 3] =
            [("provider-mock", &[]), ("layer-retry", &[]), ("layer-hedge", &[])];
        let files = [
            readme,
            ("crates/providers/mock/Cargo.toml", ""),
            ("crates/providers/mock/src/lib.rs", "// register_provider!"),
            ("crates/layers/src/lib.rs", ""),
            ("crates/layers/src/retry.rs", REGISTERS),
            ("crates/layers/src/retry/delay.rs", ""),
            ("crates/layers/src/hedge/mod.rs", ""),
        ];
        assert_eq!(
            findings(&features, &files),
            [
                "crates/providers/mock/tests/conformance.rs:1: no behaviour suite; add it, it looks the plugin up by its \
             registered name",
                "crates/providers/mock/src/lib.rs:1: no `register_*!` in the crate; register the plugin, or no program finds it",
                "crates/layers/tests/conformance.rs:1: no behaviour suite; add it, it looks the plugin up by its registered name",
                "crates/layers/Cargo.toml:1: no feature `hedge` for the module of that name; add it",
            ]
        );
    }

    #[test]
    fn a_registration_is_a_call_in_code() {
        for (code, expected) in [
            ("register_layer!(x)", true),
            ("ultraai_core::register_provider! { x }", true),
            ("fn register_provider() {}", false),
            ("// register_provider!(x)", false),
            ("// é\nregister_provider!(x)", true),
        ] {
            assert_eq!(registers(code), expected, "{code}");
        }
    }
}
