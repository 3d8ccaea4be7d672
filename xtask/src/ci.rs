//! `cargo xtask ci`: everything that must hold before a change lands, apart from `cargo test`, which `.ci/run` calls.
//!
//! The steps that build use the same features as the tests wherever they can, so that dependencies are built once.

mod examples;
mod generated;

use std::path::Path;

use crate::step::Step;
use crate::workspace::{Problem, Workspace};
use crate::{fuzz, live, soak, tidy};

/// The package of benches.
const BENCHES: &str = "ultraai-benches";

/// What an application with one provider and one strategy asks for.
const SMALL_FEATURES: &str = "provider-mock,strategy-fallback";

/// The crates of ours that it gets, and no more. The facade itself comes first.
const SMALL_TREE: [&str; 4] =
    ["ultraai", "ultraai-core", "ultraai-provider-mock", "ultraai-strategy-fallback"];

/// A step by its name.
type NamedStep = (&'static str, fn(&Workspace) -> Result<(), Problem>);

/// Every step, those that fail most often first.
const STEPS: [NamedStep; 12] = [
    ("format", |workspace| Step::cargo(&workspace.root, "fmt --all --check").run()),
    ("tidy", tidy),
    ("lint", |workspace| {
        let line = "clippy --workspace --all-targets --all-features --locked -- -D warnings";
        Step::cargo(&workspace.root, line).run()
    }),
    ("fuzz", fuzz::lint),
    ("docs", |workspace| {
        Step::cargo(&workspace.root, "doc --workspace --no-deps --all-features --locked")
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()
    }),
    ("features", |workspace| {
        features(&workspace.root)?;
        small_application(&workspace.root)
    }),
    ("package", package),
    ("examples", examples::run),
    ("generated", generated::run),
    ("benches", benches),
    ("soak", |_| {
        println!("\n==> cargo xtask soak --seconds {}", soak::SHORT_SECONDS);
        soak::run(soak::SHORT_SECONDS)
    }),
    ("live", |_| {
        println!("\n==> cargo xtask live");
        live::test()
    }),
];

/// Runs every step, or the one of that name, and stops at the first that fails.
pub(crate) fn run(only: Option<&str>) -> Result<(), Problem> {
    let wanted = |(name, _): &&NamedStep| only.is_none_or(|only| only == *name);
    let steps: Vec<_> = STEPS.iter().filter(wanted).collect();
    if let (Some(only), true) = (only, steps.is_empty()) {
        let names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no step `{only}`; choose one of {}", names.join(", ")));
    }
    let workspace = Workspace::load()?;
    for (name, step) in &steps {
        step(&workspace).map_err(|problem| format!("the step `{name}` failed: {problem}"))?;
    }
    match steps.len() {
        1 => println!("\nthe step passed"),
        count => println!("\nall {count} steps passed"),
    }
    Ok(())
}

fn tidy(workspace: &Workspace) -> Result<(), Problem> {
    println!("\n==> cargo xtask tidy");
    tidy::report_of(workspace)
}

fn benches(workspace: &Workspace) -> Result<(), Problem> {
    // A bench that is run as a test makes each measurement once.
    let has_benches = workspace.members.iter().any(|member| member.name == BENCHES);
    let step = Step::cargo(&workspace.root, "test --workspace --all-features --locked --bench *");
    if has_benches { step.run() } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::{judge_tree, run};

    const COMPLETE: [&str; 5] =
        ["ultraai", "ultraai-core", "ultraai-provider-mock", "ultraai-strategy-fallback", "serde"];

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
    fn an_unknown_step_is_told_the_known_ones() {
        let problem = run(Some("test")).unwrap_err();
        assert!(problem.starts_with("there is no step `test`; choose one of format, tidy, "), "{problem}");
    }
}
