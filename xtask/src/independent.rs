//! `cargo xtask independent`: installs mock servers that others wrote, for the test that our providers talk to them.
//!
//! They are a package of npm and one of Python, which a folder under `target/` keeps from one run to the next. The test starts
//! them itself, and says that it was skipped where they are not there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Step;
use crate::workspace::{self, Problem};

/// Speaks the protocols of OpenAI, Anthropic, Google, AWS, Ollama and Cohere; it needs no other package.
const AIMOCK: &str = "@copilotkit/aimock@1.43.0";

/// `LLMock` and all that it needs, each of one version.
const REQUIREMENTS: &str = "xtask/independent/requirements.txt";

/// Installs what can be installed here, and says what cannot.
pub(crate) fn install() -> Result<(), Problem> {
    let root = workspace::root()?;
    let folder = root.join("target/independent");
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut missing = Vec::new();
    missing.extend(once(&folder.join("aimock"), AIMOCK, aimock).err());
    let wanted = root.join(REQUIREMENTS);
    let text =
        fs::read_to_string(&wanted).map_err(|error| format!("{REQUIREMENTS} cannot be read: {error}"))?;
    missing.extend(once(&folder.join("llmock"), &text, |folder| llmock(folder, &wanted)).err());
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("; ")),
    }
}

/// Installs into `folder` unless the same is there.
fn once(folder: &Path, wanted: &str, install: impl Fn(&Path) -> Result<(), Problem>) -> Result<(), Problem> {
    let marker = folder.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let cannot = |path: &Path| {
        let path: PathBuf = path.to_owned();
        move |error: std::io::Error| format!("{} cannot be written: {error}", path.display())
    };
    fs::create_dir_all(folder).map_err(cannot(folder))?;
    install(folder)?;
    fs::write(&marker, wanted).map_err(cannot(&marker))
}

fn aimock(folder: &Path) -> Result<(), Problem> {
    // A folder above may be a package of its own, which npm would install into.
    let step = Step::new("npm", folder).args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
    step.args(["--no-package-lock", "--no-save", "--prefix", ".", AIMOCK]).run()
}

fn llmock(folder: &Path, requirements: &Path) -> Result<(), Problem> {
    Step::new("python3", folder).args(["-m", "venv", "--clear", "."]).run()?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "-r"];
    Step::new(folder.join("bin/python"), folder).args(pip).args([requirements]).run()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::once;

    #[test]
    fn what_is_there_is_not_installed_again_and_another_version_is() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("server");
        let install = |_: &std::path::Path| Err("nobody is to install".to_owned());
        assert!(once(&place, "1", install).is_err());
        once(&place, "1", |_| Ok(())).unwrap();
        once(&place, "1", install).unwrap();
        assert!(once(&place, "2", install).is_err());
        assert_eq!(fs::read_to_string(place.join("installed")).unwrap(), "1");
    }
}
