//! `cargo xtask ci`: everything that must hold before a change lands, apart from `cargo test`, which `.ci/run` calls.
//!
//! The steps that build use the same features as the tests wherever they can, so that dependencies are built once.

use std::path::Path;

use crate::step::Step;
use crate::workspace::{Files, Member, Problem, Workspace, is_rust};
use crate::{live, tidy, workspace};

/// The package of benches.
const BENCHES: &str = "ultraai-benches";

/// The example that shows how little a provider from elsewhere takes.
const THIRD_PARTY: &str = "examples/third-party-provider";

/// Lines that are not blank, its test included.
const THIRD_PARTY_LIMIT: usize = 70;

/// What an application with one provider and one strategy asks for.
const SMALL_FEATURES: &str = "provider-mock,strategy-fallback";

/// The crates of ours that it gets, and no more. The facade itself comes first.
const SMALL_TREE: [&str; 4] =
    ["ultraai", "ultraai-core", "ultraai-provider-mock", "ultraai-strategy-fallback"];

/// Runs every step and stops at the first that fails.
pub(crate) fn run() -> Result<(), Problem> {
    let root = workspace::root()?;
    Step::cargo(&root, "fmt --all --check").run()?;
    tidy()?;
    Step::cargo(&root, "clippy --workspace --all-targets --all-features --locked -- -D warnings").run()?;
    Step::cargo(&root, "doc --workspace --no-deps --all-features --locked")
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    features(&root)?;
    small_application(&root)?;
    let workspace = Workspace::load()?;
    package(&workspace)?;
    examples(&workspace)?;
    if workspace.members.iter().any(|member| member.name == BENCHES) {
        // A bench that is run as a test makes each measurement once.
        Step::cargo(&root, "test --workspace --all-features --locked --bench *").run()?;
    }
    println!("\n==> cargo xtask live");
    live::test()?;
    println!("\nevery step passed");
    Ok(())
}

fn tidy() -> Result<(), Problem> {
    println!("\n==> cargo xtask tidy");
    tidy::report()
}

fn features(root: &Path) -> Result<(), Problem> {
    if Step::cargo(root, "hack --version").output().is_err() {
        Step::cargo(root, "install cargo-hack --locked").run()?;
    }
    Step::cargo(root, "hack check --each-feature --no-dev-deps -p ultraai").run()
}

/// That what was not enabled is not linked.
fn small_application(root: &Path) -> Result<(), Problem> {
    let line = format!(
        "tree -p ultraai --no-default-features --features {SMALL_FEATURES} -e normal --prefix none --locked"
    );
    let tree = Step::cargo(root, &line).output()?;
    let packages: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    println!("{}", tree.lines().filter(|line| line.starts_with("ultraai")).collect::<Vec<_>>().join("\n"));
    judge_tree(&packages)
}

fn judge_tree(packages: &[&str]) -> Result<(), Problem> {
    if let Some(missing) = SMALL_TREE.into_iter().find(|package| !packages.contains(package)) {
        return Err(format!(
            "`{missing}` is not in the tree of {SMALL_FEATURES}; a feature turns on too little"
        ));
    }
    let extra = |package: &&&str| {
        **package == "reqwest" || (package.starts_with("ultraai") && !SMALL_TREE.contains(*package))
    };
    match packages.iter().find(extra) {
        Some(extra) => {
            Err(format!("`{extra}` is in the tree of {SMALL_FEATURES}; a feature turns on too much"))
        }
        None => Ok(()),
    }
}

fn package(workspace: &Workspace) -> Result<(), Problem> {
    let unpublished = workspace.members.iter().filter(|member| !member.published);
    let exclusions = unpublished.flat_map(|member| ["--exclude", &member.name]);
    // A developer runs this before the commit; CI has a clean tree anyway.
    Step::cargo(&workspace.root, "package --workspace --no-verify --allow-dirty --locked --quiet")
        .args(exclusions)
        .run()
}

fn examples(workspace: &Workspace) -> Result<(), Problem> {
    let inside = workspace.members.iter().filter(|member| member.folder.starts_with("examples/"));
    for Member { name, .. } in inside.filter(|member| member.has_binary) {
        Step::cargo(&workspace.root, &format!("run --quiet --locked -p {name}")).run()?;
    }
    for manifest in outside(&workspace.files) {
        outside_example(workspace, manifest)?;
    }
    third_party_lines(&workspace.files)
}

/// The manifests under `examples/` that are workspaces of their own.
fn outside(files: &Files) -> impl Iterator<Item = &str> {
    files.iter().filter_map(|(path, text)| {
        let is_manifest = path.starts_with("examples/") && path.ends_with("/Cargo.toml");
        (is_manifest && text.lines().any(|line| line.trim() == "[workspace]")).then_some(path.as_str())
    })
}

fn outside_example(workspace: &Workspace, manifest: &str) -> Result<(), Problem> {
    let folder = manifest.trim_end_matches("Cargo.toml");
    let has = |name: &str| workspace.files.contains_key(&format!("{folder}{name}"));
    let locked = if has("Cargo.lock") { " --locked" } else { "" };
    let step = |command: &str| {
        Step::cargo(&workspace.root, &format!("{command}{locked} --manifest-path {manifest}"))
            .env("CARGO_TARGET_DIR", workspace.root.join("target"))
    };
    step("clippy --all-targets").args(["--", "-D", "warnings"]).run()?;
    step("test").run()?;
    if has("src/main.rs") { step("run --quiet").run() } else { Ok(()) }
}

fn third_party_lines(files: &Files) -> Result<(), Problem> {
    let sources = files.iter().filter(|(path, _)| path.starts_with(THIRD_PARTY) && is_rust(path));
    let lines: usize =
        sources.map(|(_, text)| text.lines().filter(|line| !line.trim().is_empty()).count()).sum();
    println!(
        "\n{THIRD_PARTY}: {lines} lines that are not blank, fewer than {THIRD_PARTY_LIMIT} are promised"
    );
    match lines {
        0 => Err(format!("no source in {THIRD_PARTY}; the promise about its length cannot be shown")),
        _ if lines >= THIRD_PARTY_LIMIT => {
            Err(format!("{THIRD_PARTY} is too long; make the interface simpler"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{judge_tree, outside, third_party_lines};
    use crate::workspace::Files;

    const COMPLETE: [&str; 5] =
        ["ultraai", "ultraai-core", "ultraai-provider-mock", "ultraai-strategy-fallback", "serde"];

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_small_application_links_what_it_asked_for() {
        assert_eq!(judge_tree(&COMPLETE), Ok(()));
        for (packages, named) in [
            (COMPLETE[..3].to_vec(), "`ultraai-strategy-fallback` is not in the tree"),
            ([&COMPLETE[..], &["reqwest"]].concat(), "`reqwest` is in the tree"),
            ([&COMPLETE[..], &["ultraai-wire"]].concat(), "`ultraai-wire` is in the tree"),
            (
                [&COMPLETE[..], &["ultraai-provider-openai"]].concat(),
                "`ultraai-provider-openai` is in the tree",
            ),
        ] {
            assert!(judge_tree(&packages).unwrap_err().starts_with(named), "{packages:?}");
        }
    }

    #[test]
    fn examples_outside_the_workspace_have_their_own_table() {
        let files = files(&[
            ("examples/basic/Cargo.toml", "[package]"),
            ("examples/apart/Cargo.toml", "[package]\n\n[workspace]\n"),
            ("examples/apart/src/main.rs", "[workspace]"),
            ("Cargo.toml", "[workspace]"),
        ]);
        assert_eq!(outside(&files).collect::<Vec<_>>(), ["examples/apart/Cargo.toml"]);
    }

    #[test]
    fn the_third_party_example_is_short() {
        let path = "examples/third-party-provider/src/lib.rs";
        for (lines, short) in [(0, false), (1, true), (69, true), (70, false)] {
            let text = "code\n\n".repeat(lines);
            assert_eq!(third_party_lines(&files(&[(path, &text)])).is_ok(), short, "{lines}");
        }
    }
}
