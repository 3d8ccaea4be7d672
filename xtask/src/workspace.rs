//! What the tasks know about the repository: its packages as Cargo sees them, and its files as git sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Something a task cannot go on after: what is wrong and what to do, as a lowercase fragment.
pub(crate) type Problem = String;

/// The repository: Cargo's view of it and the text of every file that is or would be committed.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder that holds the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Where Cargo builds.
    pub(crate) target: PathBuf,
    /// Every file tracked or about to be, by its path from the root.
    pub(crate) files: Files,
    /// The workspace's members.
    pub(crate) members: Vec<Member>,
    /// Every package of the resolved graph with its licence, members left out.
    pub(crate) foreign: Vec<Foreign>,
}

/// File texts by path from the root, with forward slashes. A file that is not UTF-8 has an empty text.
pub(crate) type Files = BTreeMap<String, String>;

/// Whether the path is that of a Rust source file.
pub(crate) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// One package of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder from the root, without a slash at the end.
    pub(crate) folder: String,
    /// Whether it is for the registry.
    pub(crate) published: bool,
    /// `description`, `license` and `readme` as the manifest has them.
    pub(crate) description: Option<String>,
    /// The licence expression.
    pub(crate) license: Option<String>,
    /// The README's path from the package's folder.
    pub(crate) readme: Option<String>,
    /// What it depends on, of every kind.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features with what each turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    /// Whether it builds a binary.
    pub(crate) has_binary: bool,
}

impl Member {
    /// The manifest's path from the root.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// One line of a manifest's dependencies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dependency {
    /// The package's own name.
    pub(crate) package: String,
    /// The name it has in the manifest, which a rename makes another one.
    pub(crate) key: String,
    /// Normal, development or build.
    pub(crate) kind: Kind,
}

/// For what a dependency is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Development,
    Build,
}

/// A package from outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Foreign {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
}

impl Workspace {
    /// Asks Cargo and git about the repository that this program was built in.
    pub(crate) fn load() -> Result<Self, Problem> {
        Self::load_from(root()?)
    }

    /// Asks Cargo and git about the repository at `root`.
    pub(crate) fn load_from(root: PathBuf) -> Result<Self, Problem> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .exec()
            .map_err(|error| format!("cargo metadata failed, so no rule can be checked: {error}"))?;
        let files = read_files(&root)?;
        let (members, foreign) = packages(&metadata);
        let target = metadata.target_directory.clone().into_std_path_buf();
        Ok(Self { root, target, files, members, foreign })
    }
}

/// The repository's folder. Cargo sets the variable for whatever it runs.
pub(crate) fn root() -> Result<PathBuf, Problem> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.ancestors()
        .find(|folder| folder.join("xtask").is_dir() && folder.join("Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            "no workspace around this program: run it as `cargo xtask` inside the repository".to_owned()
        })
}

fn packages(metadata: &Metadata) -> (Vec<Member>, Vec<Foreign>) {
    let mut members = Vec::new();
    let mut foreign = Vec::new();
    for package in &metadata.packages {
        if metadata.workspace_members.contains(&package.id) {
            members.push(member(metadata, package));
        } else {
            foreign.push(Foreign {
                name: package.name.to_string(),
                version: package.version.to_string(),
                license: package.license.clone(),
            });
        }
    }
    members.sort_by(|one, other| one.folder.cmp(&other.folder));
    (members, foreign)
}

fn member(metadata: &Metadata, package: &Package) -> Member {
    let folder = package
        .manifest_path
        .parent()
        .and_then(|folder| folder.strip_prefix(&metadata.workspace_root).ok())
        .map(|folder| folder.as_str().replace('\\', "/"))
        .unwrap_or_default();
    let dependencies = package.dependencies.iter().map(|dependency| Dependency {
        package: dependency.name.clone(),
        key: dependency.rename.clone().unwrap_or_else(|| dependency.name.clone()),
        kind: match dependency.kind {
            DependencyKind::Development => Kind::Development,
            DependencyKind::Build => Kind::Build,
            _ => Kind::Normal,
        },
    });
    Member {
        name: package.name.to_string(),
        folder,
        published: package.publish.as_ref().is_none_or(|registries| !registries.is_empty()),
        description: package.description.clone(),
        license: package.license.clone(),
        readme: package.readme.as_ref().map(ToString::to_string),
        dependencies: dependencies.collect(),
        features: package.features.clone(),
        has_binary: package.targets.iter().any(cargo_metadata::Target::is_bin),
    }
}

fn read_files(root: &Path) -> Result<Files, Problem> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git cannot list the files, install it: {error}"))?;
    if !listed.status.success() {
        return Err(format!("git cannot list the files: {}", String::from_utf8_lossy(&listed.stderr).trim()));
    }
    let mut files = Files::new();
    for path in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|path| !path.is_empty()) {
        // A file deleted but not yet committed is still listed.
        if let Ok(bytes) = std::fs::read(root.join(path)) {
            files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
        }
    }
    Ok(files)
}
