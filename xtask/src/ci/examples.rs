//! Every example runs to its end.

use std::fs;

use crate::step::Step;
use crate::workspace::{Files, Problem, Workspace, is_rust};

/// The examples that show how little a plugin from elsewhere takes, with the lines that are promised: those that are
/// not blank, its tests included, are fewer.
const THIRD_PARTY: [(&str, usize); 2] =
    [("examples/third-party-provider", 70), ("examples/third-party-strategy", 100)];

/// Builds and runs the examples.
pub(super) fn run(workspace: &Workspace) -> Result<(), Problem> {
    // With `--examples` Cargo unites features as it does for tests, so that what the tests built is used again;
    // `cargo run -p` of each would build the dependencies once more for each.
    Step::cargo(&workspace.root, "build --workspace --all-features --bins --examples --locked").run()?;
    let inside = workspace.members.iter().filter(|member| member.folder.starts_with("examples/"));
    for member in inside.filter(|member| member.has_binary) {
        Step::new(workspace.target.join("debug").join(&member.name), &workspace.root).run()?;
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
    let root = &workspace.root;
    // Begun from the workspace's own lock the versions are the same, and there is no second lock to keep up to date.
    let lock = root.join(folder).join("Cargo.lock");
    fs::copy(root.join("Cargo.lock"), &lock)
        .map_err(|error| format!("{} cannot be written: {error}", lock.display()))?;
    let step = |command: &str| {
        Step::cargo(root, &format!("{command} --manifest-path {manifest}"))
            .env("CARGO_TARGET_DIR", &workspace.target)
    };
    step("fmt --check").run()?;
    step("clippy --all-targets").args(["--", "-D", "warnings"]).run()?;
    step("test").run()?;
    let is_program = workspace.files.contains_key(&format!("{folder}src/main.rs"));
    if is_program { step("run --quiet").run() } else { Ok(()) }
}

fn third_party_lines(files: &Files) -> Result<(), Problem> {
    for (folder, limit) in THIRD_PARTY {
        let sources = files.iter().filter(|(path, _)| path.starts_with(folder) && is_rust(path));
        let lines: usize =
            sources.map(|(_, text)| text.lines().filter(|line| !line.trim().is_empty()).count()).sum();
        println!("\n{folder}: {lines} lines that are not blank, fewer than {limit} are promised");
        match lines {
            0 => return Err(format!("no source in {folder}; the promise about its length cannot be shown")),
            _ if lines >= limit => {
                return Err(format!("{folder} is too long; make the interface simpler"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{outside, third_party_lines};
    use crate::workspace::Files;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
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
    fn the_third_party_examples_are_short() {
        let lengths =
            [(0, 0, false), (1, 0, false), (1, 1, true), (69, 99, true), (70, 99, false), (69, 100, false)];
        for (provider, strategy, short) in lengths {
            let files = files(&[
                ("examples/third-party-provider/src/lib.rs", &"code\n\n".repeat(provider)),
                ("examples/third-party-strategy/tests/conformance.rs", &"code\n\n".repeat(strategy)),
            ]);
            assert_eq!(third_party_lines(&files).is_ok(), short, "{provider} and {strategy}");
        }
    }
}
