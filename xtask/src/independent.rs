//! `cargo xtask independent`: installs what others wrote: mock servers, for the test that our providers talk to them, and SDKs,
//! for the test that they talk to the gateway.
//!
//! They are packages of npm and of Python, which a folder under `target/` keeps from one run to the next. The tests start them
//! themselves, and say that they were skipped where they are not there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step::Step;
use crate::workspace::{self, Problem};

/// Speaks the protocols of OpenAI, Anthropic, Google, AWS, Ollama and Cohere; it needs no other package.
const AIMOCK: &str = "@copilotkit/aimock@1.43.0";

/// `LLMock` and all that it needs, each of one version.
const REQUIREMENTS: &str = "xtask/independent/requirements.txt";

/// The SDKs of Python, and what checks what they read; likewise.
const SDKS: &str = "xtask/independent/sdks.txt";

/// The SDKs of npm, as `package.json` and `package-lock.json`.
const PACKAGES: &str = "xtask/independent/sdks";

/// Installs what can be installed here, and says what cannot.
pub(crate) fn install() -> Result<(), Problem> {
    let root = workspace::root()?;
    let folder = root.join("target/independent");
    fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut missing = Vec::new();
    let read = |name: &str| {
        fs::read_to_string(root.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
    };
    missing.extend(once(&folder.join("aimock"), AIMOCK, aimock).err());
    for (name, requirements) in [("llmock", REQUIREMENTS), ("sdks-python", SDKS)] {
        let wanted = root.join(requirements);
        missing
            .extend(once(&folder.join(name), &read(requirements)?, |folder| python(folder, &wanted)).err());
    }
    let locked = read(&format!("{PACKAGES}/package-lock.json"))?;
    let packages = root.join(PACKAGES);
    missing.extend(once(&folder.join("sdks-javascript"), &locked, |folder| npm(folder, &packages)).err());
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

/// Exactly what the lock file says.
fn npm(folder: &Path, packages: &Path) -> Result<(), Problem> {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(packages.join(name), folder.join(name))
            .map_err(|error| format!("{name} cannot be copied to {}: {error}", folder.display()))?;
    }
    let step = Step::new("npm", folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    step.args(["--loglevel", "error"]).run()
}

fn python(folder: &Path, requirements: &Path) -> Result<(), Problem> {
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
