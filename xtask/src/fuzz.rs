//! `cargo xtask fuzz`: arbitrary bytes into every decoder, for a while each.
//!
//! Nothing is installed here: whoever fuzzes has what it takes, or reads what is missing. CI does not fuzz; the property tests
//! of the protocols are its share.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Step;
use crate::workspace::{self, Problem, Workspace};

/// The package of the targets, a workspace of its own.
const FOLDER: &str = "crates/protocols/fuzz";

/// What a target may do with bytes of a few kilobytes, as libFuzzer counts: no allocation of more than 64 MiB, and ten seconds
/// for one input, on a busy machine. Longer inputs find nothing that shorter ones do not.
const LIMITS: [&str; 4] = ["-malloc_limit_mb=64", "-timeout=10", "-max_len=16384", "-verbosity=0"];

/// Runs one target, or every one, for so many seconds each.
pub(crate) fn run(target: Option<&str>, seconds: u64) -> Result<(), Problem> {
    let root = workspace::root()?;
    let folder = root.join(FOLDER);
    demand(&folder)?;
    begin_lock(&root, &folder)?;
    let targets = targets(&folder, target)?;
    Step::cargo(&folder, "run --quiet --example corpus").run()?;
    for target in &targets {
        let line =
            format!("fuzz run {target} --fuzz-dir . -- -max_total_time={seconds} -print_final_stats=1");
        nightly(Step::cargo(&folder, &line).args(LIMITS)).run()?;
    }
    println!("\n{} targets ran for {seconds} seconds each, and nothing was found", targets.len());
    Ok(())
}

/// That the targets are in order, without running them.
pub(crate) fn lint(workspace: &Workspace) -> Result<(), Problem> {
    let folder = workspace.root.join(FOLDER);
    begin_lock(&workspace.root, &folder)?;
    let step = |line: &str| Step::cargo(&folder, line).env("CARGO_TARGET_DIR", &workspace.target);
    step("fmt --check").run()?;
    step("clippy --all-targets -- -D warnings").run()
}

/// What instruments is not stable yet, and the stable toolchain has it all the same.
fn nightly(step: Step) -> Step {
    step.env("RUSTC_BOOTSTRAP", "1")
}

/// Says what is missing, and how it comes.
fn demand(folder: &Path) -> Result<(), Problem> {
    if Step::cargo(folder, "fuzz --version").output().is_err() {
        return Err("`cargo fuzz` is missing: install it with `cargo install cargo-fuzz --locked`".to_owned());
    }
    // The library that `libfuzzer-sys` compiles is C++; `CXX` names a compiler of another name.
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    match Step::new(&compiler, folder).args(["--version"]).output() {
        Ok(_) => Ok(()),
        Err(_) => {
            Err("a C++ compiler is missing: install one, such as Debian's package `g++`, or name it in `CXX`"
                .to_owned())
        }
    }
}

/// Begun from the workspace's own lock the versions are the same, and there is no second lock to keep up to date.
fn begin_lock(root: &Path, folder: &Path) -> Result<(), Problem> {
    let lock: PathBuf = folder.join("Cargo.lock");
    match lock.is_file() {
        true => Ok(()),
        false => fs::copy(root.join("Cargo.lock"), &lock)
            .map(|_| ())
            .map_err(|error| format!("{} cannot be written: {error}", lock.display())),
    }
}

/// The targets that are to run: those that have a file.
fn targets(folder: &Path, only: Option<&str>) -> Result<Vec<String>, Problem> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets")).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    let Some(only) = only else { return Ok(names) };
    match names.iter().any(|name| name == only) {
        true => Ok(vec![only.to_owned()]),
        false => Err(format!("there is no target `{only}`; choose one of {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{FOLDER, targets};
    use crate::workspace;

    #[test]
    fn every_target_is_a_program_and_an_unknown_one_names_the_known() {
        let folder = workspace::root().unwrap().join(FOLDER);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let names = targets(&folder, None).unwrap();
        for name in &names {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is no [[bin]]");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), names.len());
        assert!(targets(&folder, Some("nothing")).unwrap_err().contains("lines"));
        assert_eq!(targets(&folder, Some("sse")).unwrap(), ["sse"]);
    }
}
