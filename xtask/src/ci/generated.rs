//! What `new-provider` and `new-strategy` write compiles, passes its suite and keeps the rules of the house.

use std::fs;
use std::path::Path;

use crate::step::Step;
use crate::workspace::{Problem, Workspace};
use crate::{new, tidy};

/// The name of both plugins: as long as one may be, since long names break lines.
const NAME: &str = "trial-of-the-template-01234567";

/// Writes both into a copy of the tree and tests them there.
pub(super) fn run(workspace: &Workspace) -> Result<(), Problem> {
    let copy = workspace.target.join("generated");
    println!("\n==> cargo xtask new-provider and new-strategy, in {}", copy.display());
    copied(workspace, &copy).map_err(|error| format!("{} cannot be written: {error}", copy.display()))?;
    for kind in [&new::PROVIDER, &new::STRATEGY] {
        new::write(&copy, kind, NAME)?;
    }
    // A repository of its own, so that git lists its files for tidy.
    Step::new("git", &copy).args(["init", "--quiet"]).run()?;
    let (provider, strategy) = (format!("provider-{NAME}"), format!("strategy-{NAME}"));
    let packages = format!("-p ultraai-{provider} -p ultraai-{strategy}");
    Step::cargo(&copy, &format!("fmt --check {packages} -p ultraai")).run()?;
    let features = format!("--no-default-features --features ultraai/{provider},ultraai/{strategy}");
    // A target folder of its own: Cargo tells packages apart by their path within the workspace, so in a shared
    // one it would take the copy's builds for the tree's.
    let target = workspace.target.join("generated-target");
    let step = |command: &str| {
        let line = format!("{command} --offline {packages} -p ultraai {features}");
        Step::cargo(&copy, &line).env("CARGO_TARGET_DIR", &target)
    };
    step("clippy --all-targets").args(["--", "-D", "warnings"]).run()?;
    // Without the facade's documentation, whose examples want other features.
    step("test --lib --tests").run()?;
    println!("\n==> cargo xtask tidy, in {}", copy.display());
    tidy::report_of(&Workspace::load_from(copy)?)
}

fn copied(workspace: &Workspace, copy: &Path) -> std::io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    for path in workspace.files.keys() {
        let to = copy.join(path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(workspace.root.join(path), to)?;
    }
    Ok(())
}
