//! A script of cases, as a child of the test: it says what came of each, one JSON object a line.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Where the package's tests, or the repository's own files, lie.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where packages of others are installed, when that was done to its end.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let folder = root().join("target/independent").join(name);
    folder.join("installed").is_file().then_some(folder)
}

/// Runs the script, tells which cases passed, and complains of all that is wrong at once. A case that `gaps` names must fail
/// still.
///
/// # Panics
/// When a case failed that is no gap, when a gap has closed, and when the script broke off.
pub(crate) fn run(mut command: Command, gaps: &[(&str, &str)]) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut complaints = Vec::new();
    let mut seen = Vec::new();
    let mut ended = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Ok(told) = serde_json::from_str::<Value>(&line) else {
            println!("{line}");
            continue;
        };
        ended |= told["ended"] == true;
        let Some(case) = told["case"].as_str() else { continue };
        seen.push(case.to_owned());
        let gap = gaps.iter().find(|(gap, _)| *gap == case).map(|(_, why)| why);
        match (told["wrong"].as_str(), gap) {
            (None, None) => println!("ok {case}"),
            (Some(_), Some(why)) => println!("gap {case}: {why}"),
            (Some(wrong), None) => {
                println!("WRONG {case}");
                complaints.push(format!("{case}: {wrong}"));
            }
            (None, Some(_)) => complaints.push(format!("{case}: works: take it out of the gaps")),
        }
    }
    let status = child.wait().unwrap();
    if !ended || !status.success() {
        complaints.push(format!("the script broke off: {status}"));
    }
    let only = std::env::var_os("ULTRAAI_SDKS_ONLY").is_some();
    let unknown = gaps.iter().filter(|(gap, _)| !only && !seen.iter().any(|case| case == gap));
    complaints.extend(unknown.map(|(gap, _)| format!("there is no case `{gap}`")));
    let passed = seen.len().saturating_sub(complaints.len());
    println!("{passed} of {} cases as expected", seen.len());
    assert!(complaints.is_empty(), "{} complaints:\n\n{}", complaints.len(), complaints.join("\n\n"));
}
