//! `cargo xtask prices`: the price file from the Python package `genai-prices`, and that every cost comes out the same.
//!
//! The package lives in a virtual environment under `target/`. What it computes is compared by a test of the crate of
//! prices; when that fails, the old file is put back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Step;
use crate::workspace::{self, Problem};

/// The crate that holds the file.
const CRATE: &str = "crates/prices";

/// The variable by which its test finds the costs that the package computed.
const EXPECTED: &str = "ULTRAAI_EXPECTED_COSTS";

/// Its tests, which need no network.
const TESTS: &str = "test -p ultraai-prices";

/// Checks the file that is there.
pub(crate) fn check() -> Result<(), Problem> {
    Step::cargo(&workspace::root()?, TESTS).run()
}

/// Writes the file from that version of the package, or from the newest one.
pub(crate) fn write(version: Option<&str>) -> Result<(), Problem> {
    let root = workspace::root()?;
    let folder = root.join("target/prices");
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let python = install(&folder, version)?;
    let (made, expected, licence) =
        (folder.join("prices.txt"), folder.join("expected.tsv"), folder.join("LICENSE"));
    Step::new(&python, &root)
        .args([&root.join("xtask/prices/generate.py"), &made, &expected, &licence])
        .run()?;

    let prices = root.join(CRATE).join("src/prices.txt");
    let old = fs::read(&prices).ok();
    copy(&made, &prices)?;
    let compared = Step::cargo(&root, TESTS).env(EXPECTED, &expected).run();
    if let (Err(problem), Some(old)) = (&compared, old) {
        fs::write(&prices, old).map_err(|error| cannot_write(&prices, &error))?;
        return Err(format!("{problem}; the old prices are back, the new ones are in {}", made.display()));
    }
    compared?;
    copy(&licence, &root.join(CRATE).join("LICENSE-genai-prices"))
}

/// Installs the package and returns the interpreter that finds it.
fn install(folder: &Path, version: Option<&str>) -> Result<PathBuf, Problem> {
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    if !python.is_file() {
        Step::new("python3", folder).args(["-m", "venv"]).args([&environment]).run()?;
    }
    Step::new(&python, folder)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--upgrade"])
        .args([requirement(version)])
        .run()?;
    Ok(python)
}

fn requirement(version: Option<&str>) -> String {
    version.map_or_else(|| "genai-prices".to_owned(), |version| format!("genai-prices=={version}"))
}

fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    fs::copy(from, to).map(drop).map_err(|error| cannot_write(to, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Problem {
    format!("{} cannot be written: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::requirement;

    #[test]
    fn a_version_is_asked_for_exactly() {
        assert_eq!(requirement(None), "genai-prices");
        assert_eq!(requirement(Some("0.2.3")), "genai-prices==0.2.3");
    }
}
