//! `cargo xtask new-provider` and `new-strategy`: a crate that compiles and passes its suite, registered wherever the
//! workspace lists its plugins.
//!
//! All texts are made before the first is written, so that a place that cannot be found leaves the tree as it was.

mod insert;
mod name;

use std::fs;
use std::path::Path;

use crate::workspace::{self, Problem};
use insert::{array_item, line, paragraph, row};

/// What kind of plugin is made.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The word in package and feature names.
    word: &'static str,
    /// The folder of the kind's crates.
    folder: &'static str,
    /// Whether each has an orchestrator that the facade names.
    has_orchestrator: bool,
    /// Paths inside the crate and their texts.
    templates: &'static [(&'static str, &'static str)],
}

/// `crates/providers/NAME`.
pub(crate) const PROVIDER: Kind = Kind {
    word: "provider",
    folder: "crates/providers",
    has_orchestrator: false,
    templates: &[
        ("Cargo.toml", include_str!("../../templates/provider/Cargo.toml.tmpl")),
        ("README.md", include_str!("../../templates/provider/README.md.tmpl")),
        ("src/lib.rs", include_str!("../../templates/provider/lib.rs.tmpl")),
        ("tests/conformance.rs", include_str!("../../templates/provider/conformance.rs.tmpl")),
    ],
};

/// `crates/strategies/NAME`.
pub(crate) const STRATEGY: Kind = Kind {
    word: "strategy",
    folder: "crates/strategies",
    has_orchestrator: true,
    templates: &[
        ("Cargo.toml", include_str!("../../templates/strategy/Cargo.toml.tmpl")),
        ("README.md", include_str!("../../templates/strategy/README.md.tmpl")),
        ("src/lib.rs", include_str!("../../templates/strategy/lib.rs.tmpl")),
        ("tests/conformance.rs", include_str!("../../templates/strategy/conformance.rs.tmpl")),
    ],
};

/// Writes the crate `name` and lists it.
pub(crate) fn run(kind: &Kind, name: &str) -> Result<(), Problem> {
    let root = workspace::root()?;
    for path in write(&root, kind, name)? {
        println!("{path}");
    }
    println!(
        "now say in its README and its summaries what it is for, and `cargo test -p ultraai-{}-{name}`",
        kind.word
    );
    Ok(())
}

/// Writes below `root` and returns the paths.
pub(crate) fn write(root: &Path, kind: &Kind, name: &str) -> Result<Vec<String>, Problem> {
    name::check(name)?;
    let folder = format!("{}/{name}", kind.folder);
    if root.join(&folder).exists() {
        return Err(format!("{folder} exists; choose another name"));
    }
    let mut texts = Vec::new();
    for (path, edit) in EDITS {
        let text =
            fs::read_to_string(root.join(path)).map_err(|error| format!("{path} cannot be read: {error}"))?;
        let text = edit(&text, kind, name).map_err(|problem| format!("{path}: {problem}"))?;
        texts.push(((*path).to_owned(), text));
    }
    for (path, template) in kind.templates {
        texts.push((format!("{folder}/{path}"), filled(template, name)));
    }
    for (path, text) in &texts {
        let path = root.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(texts.into_iter().map(|(path, _)| path).collect())
}

/// The template with the plugin's name in the spellings it needs.
fn filled(template: &str, name: &str) -> String {
    template
        .replace("{{name}}", name)
        .replace("{{snake}}", &name.replace('-', "_"))
        .replace("{{Pascal}}", &name::pascal(name))
}

type Edit = fn(&str, &Kind, &str) -> Result<String, Problem>;

/// The lists that name every plugin.
const EDITS: &[(&str, Edit)] = &[
    ("Cargo.toml", |text, kind, name| {
        let prefix = format!("ultraai-{}-", kind.word);
        let version = version(text)?;
        let path = kind.folder;
        line(
            text,
            &prefix,
            &format!("{prefix}{name} = {{ path = \"{path}/{name}\", version = \"{version}\" }}"),
        )
    }),
    ("crates/ultraai/Cargo.toml", |text, kind, name| {
        let word = kind.word;
        let package = format!("ultraai-{word}-");
        let feature = format!("{word}-");
        let text =
            line(text, &package, &format!("{package}{name} = {{ workspace = true, optional = true }}"))?;
        let text = line(&text, &feature, &format!("{feature}{name} = [\"dep:{package}{name}\"]"))?;
        array_item(&text, "full", &feature, &format!("{feature}{name}"))
    }),
    ("crates/ultraai/src/lib.rs", |text, kind, name| {
        let Kind { word, .. } = kind;
        let snake = name.replace('-', "_");
        // Inside the module of the kind, and so indented.
        let prefix = format!("    #[cfg(feature = \"{word}-");
        let lines = format!("{prefix}{name}\")]\n    pub use ultraai_{word}_{snake} as {snake};");
        let text = paragraph(text, &prefix, &lines)?;
        if !kind.has_orchestrator {
            return Ok(text);
        }
        let prefix = prefix.trim_start();
        let pascal = name::pascal(name);
        let lines = format!("{prefix}{name}\")]\npub use ultraai_{word}_{snake}::{pascal}Orchestrator;");
        paragraph(&text, prefix, &lines)
    }),
    ("crates/ultraai/src/features.rs", |text, kind, name| {
        let prefix = format!("    hint(\"{}\", ", kind.word);
        row(text, &prefix, &format!("{prefix}\"{name}\", \"{}-{name}\"),", kind.word))
    }),
    ("README.md", |text, kind, name| {
        let Kind { word, .. } = kind;
        let feature = format!("`{word}-{name}`");
        row(text, &format!("| `{word}-"), &format!("| {feature} | `{name}` | |"))
    }),
];

/// The version that the workspace's packages share.
fn version(manifest: &str) -> Result<&str, Problem> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "[workspace.package]");
    let version = lines.find_map(|line| line.strip_prefix("version = \""));
    version
        .and_then(|version| version.strip_suffix('"'))
        .ok_or_else(|| "no `version` under [workspace.package]".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{PROVIDER, STRATEGY, write};

    fn read(root: &Path, path: &str) -> String {
        fs::read_to_string(root.join(path)).unwrap()
    }

    /// A workspace with one provider and no strategy.
    fn small() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("crates/ultraai/src")).unwrap();
        for (path, text) in [
            (
                "Cargo.toml",
                "[workspace.package]\nversion = \"0.3.0\"\n[workspace.dependencies]\nultraai-provider-mock = { path = \"x\" }\n",
            ),
            (
                "crates/ultraai/Cargo.toml",
                "[features]\nfull = [\"provider-mock\"]\nprovider-mock = [\"dep:ultraai-provider-mock\"]\n\
                 [dependencies]\nultraai-provider-mock = { optional = true }\n",
            ),
            (
                "crates/ultraai/src/lib.rs",
                "pub mod providers {\n    #[cfg(feature = \"provider-mock\")]\n    pub use ultraai_provider_mock as mock;\n}\n",
            ),
            (
                "crates/ultraai/src/features.rs",
                "[\n    hint(\"provider\", \"mock\", \"provider-mock\"),\n];\n",
            ),
            ("README.md", "| feature | name | what |\n| --- | --- | --- |\n| `provider-mock` | `mock` | |\n"),
        ] {
            fs::write(root.path().join(path), text).unwrap();
        }
        root
    }

    #[test]
    fn a_new_plugin_is_listed_wherever_the_others_are() {
        let root = small();
        let root = root.path();
        write(root, &PROVIDER, "acme-cloud").unwrap();
        assert!(read(root, "Cargo.toml").contains(
            "ultraai-provider-acme-cloud = { path = \"crates/providers/acme-cloud\", version = \"0.3.0\" }\nultraai-provider-mock"
        ));
        let facade = read(root, "crates/ultraai/Cargo.toml");
        for line in [
            "full = [\"provider-acme-cloud\", \"provider-mock\"]",
            "provider-acme-cloud = [\"dep:ultraai-provider-acme-cloud\"]\nprovider-mock",
            "ultraai-provider-acme-cloud = { workspace = true, optional = true }\nultraai-provider-mock",
        ] {
            assert!(facade.contains(line), "{line}\n{facade}");
        }
        assert!(read(root, "crates/ultraai/src/lib.rs").contains(
            "{\n    #[cfg(feature = \"provider-acme-cloud\")]\n    pub use ultraai_provider_acme_cloud as acme_cloud;\n    #[cfg"
        ));
        assert!(
            read(root, "crates/ultraai/src/features.rs").starts_with(
                "[\n    hint(\"provider\", \"acme-cloud\", \"provider-acme-cloud\"),\n    hint("
            )
        );
        assert!(
            read(root, "README.md")
                .contains("\n| `provider-acme-cloud` | `acme-cloud` | |\n| `provider-mock`")
        );
        let crate_text = read(root, "crates/providers/acme-cloud/src/lib.rs");
        assert!(crate_text.contains("AcmeCloud") && !crate_text.contains("{{"), "{crate_text}");
        let again = write(root, &PROVIDER, "acme-cloud").unwrap_err();
        assert_eq!(again, "crates/providers/acme-cloud exists; choose another name");
    }

    #[test]
    fn what_cannot_be_listed_is_not_written() {
        let root = small();
        let before = read(root.path(), "Cargo.toml");
        let problem = write(root.path(), &STRATEGY, "vote").unwrap_err();
        assert!(problem.starts_with("Cargo.toml: "), "{problem}");
        assert_eq!(read(root.path(), "Cargo.toml"), before);
        assert!(!root.path().join("crates/strategies").exists());
    }
}
