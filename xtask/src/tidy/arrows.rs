//! The arrows between the crates: who may depend on whom, and where the heavy packages from outside may stand.

use super::Finding;
use super::manifests::line_of_key;
use crate::workspace::{Dependency, Kind, Member, Workspace};

/// A kind of folder and what its packages may need.
struct Group {
    /// The package's folder, or the folder of folders when it ends with a slash.
    folder: &'static str,
    /// Which workspace packages a normal or build dependency may name, by their group's folder.
    may_need: &'static [&'static str],
    /// Packages from outside that would break the sentence that `why` gives.
    never: &'static [&'static str],
    /// The sentence that stays true.
    why: &'static str,
}

/// What stands in for every folder.
const ANYTHING: &[&str] = &["*"];

const CORE: &str = "crates/core";
const FACADE: &str = "crates/ultraai";
const WIRE: &str = "crates/wire";
/// Before the protocols themselves, since the first group that fits counts.
const PROTOCOL_COMMON: &str = "crates/protocols/common";
const SIMULATION: &str = "crates/simulation";
const BENCHES: &str = "benches";

const GROUPS: &[Group] = &[
    Group {
        folder: CORE,
        may_need: &[],
        never: &["http", "hyper", "reqwest", "url"],
        why: "core knows no HTTP, no vendor and no strategy",
    },
    Group { folder: WIRE, may_need: &[CORE], never: &[], why: "wire knows no vendor" },
    Group {
        folder: PROTOCOL_COMMON,
        may_need: &[CORE],
        never: &["hyper", "reqwest", "tokio"],
        why: "what protocols share does no I/O",
    },
    Group {
        folder: "crates/protocols/",
        may_need: &[CORE, PROTOCOL_COMMON],
        never: &["hyper", "reqwest", "tokio"],
        why: "a protocol does no I/O",
    },
    Group {
        folder: "crates/providers/",
        may_need: &[CORE, WIRE, "crates/protocols/"],
        never: &["hyper"],
        why: "a provider is a protocol at an address",
    },
    Group { folder: "crates/layers", may_need: &[CORE], never: &[], why: "a layer knows no vendor" },
    Group {
        folder: "crates/strategies/",
        may_need: &[CORE],
        never: &[],
        why: "a strategy asks, it sends nothing",
    },
    Group { folder: "crates/analysis", may_need: &[CORE], never: &[], why: "analysis knows answers only" },
    Group {
        folder: "crates/routing",
        may_need: &[CORE],
        never: &[],
        why: "a selector knows candidates only",
    },
    Group { folder: "crates/prices", may_need: &[CORE], never: &[], why: "prices know models only" },
    Group { folder: "crates/tokens", may_need: &[CORE], never: &[], why: "a tokenizer knows texts only" },
    Group {
        folder: "crates/caches/",
        may_need: &[CORE],
        never: &[],
        why: "a cache knows requests and answers only",
    },
    Group {
        folder: SIMULATION,
        may_need: &[CORE],
        never: &["http", "hyper", "reqwest", "url"],
        why: "a simulation opens no socket and knows no vendor",
    },
    Group {
        folder: "crates/testkit",
        may_need: &[CORE, SIMULATION, WIRE],
        never: &[],
        why: "testkit serves authors of any plugin",
    },
    Group {
        folder: "crates/settings",
        may_need: &[CORE, WIRE],
        never: &[],
        why: "settings name plugins, they link none",
    },
    Group {
        folder: FACADE,
        may_need: &[
            CORE,
            "crates/protocols/",
            "crates/providers/",
            "crates/layers",
            "crates/strategies/",
            "crates/analysis",
            "crates/routing",
            "crates/prices",
            "crates/tokens",
            "crates/caches/",
        ],
        never: &[],
        why: "the facade re-exports and decides nothing",
    },
    Group { folder: "crates/eval", may_need: FACES_NEED, never: &[], why: FACE },
    Group { folder: "crates/gateway", may_need: FACES_NEED, never: &[], why: FACE },
    Group { folder: "crates/cli", may_need: FACES_NEED, never: &[], why: FACE },
    Group { folder: "examples/", may_need: ANYTHING, never: &[], why: "" },
    Group { folder: BENCHES, may_need: ANYTHING, never: &[], why: "" },
    Group { folder: "xtask", may_need: ANYTHING, never: &[], why: "" },
];

/// The faces reach plugins through the facade; the command also starts the other two.
const FACES_NEED: &[&str] = &[
    CORE,
    WIRE,
    FACADE,
    "crates/settings",
    SIMULATION,
    "crates/protocols/",
    "crates/eval",
    "crates/gateway",
];

const FACE: &str = "a face decides nothing a library user could not";

/// Who may depend on the facade, in whatever way.
const ABOVE_THE_FACADE: [&str; 6] =
    ["crates/cli", "crates/gateway", "crates/eval", "examples/", BENCHES, "xtask"];

/// Packages from outside that have one home, with the folders where a normal dependency on them may stand.
const HOMES: [(&str, &[&str]); 1] = [("reqwest", &[BENCHES])];

/// Checks each member's dependencies.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &workspace.members {
        let Some(group) = group(&member.folder) else {
            let what = "no rule for this folder; put the package where the design has a place for it";
            findings.push(Finding::new(member.manifest(), 1, what));
            continue;
        };
        for dependency in &member.dependencies {
            if let Some(what) = wrong(workspace, member, group, dependency) {
                let line = line_of_key(&workspace.files, member, &dependency.key);
                findings.push(Finding::new(member.manifest(), line, what));
            }
        }
    }
    findings
}

fn group(folder: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| {
        if group.folder.ends_with('/') { folder.starts_with(group.folder) } else { folder == group.folder }
    })
}

fn wrong(workspace: &Workspace, member: &Member, group: &Group, dependency: &Dependency) -> Option<String> {
    let name = &dependency.package;
    if name == "criterion" && group.folder != BENCHES {
        return Some("`criterion` is for benches/ alone; move the measurement there".to_owned());
    }
    let target = workspace.members.iter().find(|member| member.name == *name);
    let target_group = target.and_then(|target| self::group(&target.folder)).map(|group| group.folder);
    if target_group == Some(FACADE) && !ABOVE_THE_FACADE.contains(&group.folder) {
        return Some(format!(
            "`{}` depends on the facade; depend on the crate that has what it needs",
            member.name
        ));
    }
    if dependency.kind == Kind::Development {
        return None;
    }
    if let Some(target) = target_group {
        let allowed = group.may_need == ANYTHING || group.may_need.contains(&target);
        let why = group.why;
        return (!allowed).then(|| format!("`{name}` is against the arrows: {why}; drop the dependency"));
    }
    if group.never.contains(&name.as_str()) {
        return Some(format!("`{name}` has no place here: {}; drop the dependency", group.why));
    }
    let (_, homes) = HOMES.iter().find(|(package, _)| package == name)?;
    let what = || format!("`{name}` is for {} alone; go through it", homes[0]);
    (!homes.contains(&group.folder)).then(what)
}

#[cfg(test)]
mod tests {
    use super::super::{lines, sketch};
    use super::check;
    use crate::workspace::{Dependency, Kind, Member};

    const FOLDERS: [&str; 13] = [
        "crates/core",
        "crates/wire",
        "crates/protocols/openai-chat",
        "crates/providers/mock",
        "crates/strategies/simple",
        "crates/layers",
        "crates/settings",
        "crates/simulation",
        "crates/testkit",
        "crates/ultraai",
        "crates/cli",
        "benches",
        "examples/basic",
    ];

    /// One member per folder, named by it, the one at `folder` with one dependency.
    fn findings(folder: &str, kind: Kind, package: &str) -> Vec<String> {
        let member = |at: &str| {
            let dependency = Dependency { package: package.to_owned(), key: package.to_owned(), kind };
            let dependencies = if at == folder { vec![dependency] } else { Vec::new() };
            Member { name: at.to_owned(), folder: at.to_owned(), dependencies, ..Member::default() }
        };
        let manifest = format!("{folder}/Cargo.toml");
        let text = format!("[dependencies]\n{package} = \"1\"");
        lines(&check(&sketch(FOLDERS.map(member).to_vec(), &[(&manifest, &text)])))
    }

    #[test]
    fn arrows_point_one_way() {
        use Kind::{Build, Development, Normal};
        for (folder, kind, package, allowed) in [
            ("crates/core", Normal, "crates/wire", false),
            ("crates/core", Development, "crates/testkit", true),
            ("crates/core", Development, "crates/ultraai", false),
            ("crates/core", Normal, "url", false),
            ("crates/core", Normal, "serde", true),
            ("crates/wire", Normal, "crates/core", true),
            ("crates/wire", Normal, "reqwest", false),
            ("crates/wire", Normal, "crates/providers/mock", false),
            ("crates/protocols/openai-chat", Normal, "crates/wire", false),
            ("crates/protocols/openai-chat", Build, "crates/wire", false),
            ("crates/protocols/openai-chat", Normal, "tokio", false),
            ("crates/protocols/openai-chat", Development, "tokio", true),
            ("crates/providers/mock", Normal, "crates/protocols/openai-chat", true),
            ("crates/providers/mock", Normal, "reqwest", false),
            ("crates/providers/mock", Development, "reqwest", true),
            ("crates/strategies/simple", Normal, "crates/core", true),
            ("crates/strategies/simple", Normal, "crates/layers", false),
            ("crates/layers", Normal, "crates/wire", false),
            ("crates/settings", Normal, "crates/wire", true),
            ("crates/settings", Normal, "crates/ultraai", false),
            ("crates/simulation", Normal, "crates/core", true),
            ("crates/simulation", Normal, "crates/wire", false),
            ("crates/simulation", Normal, "crates/settings", false),
            ("crates/simulation", Development, "crates/layers", true),
            ("crates/testkit", Normal, "crates/simulation", true),
            ("crates/testkit", Normal, "crates/wire", true),
            ("crates/ultraai", Normal, "crates/layers", true),
            ("crates/ultraai", Normal, "crates/settings", false),
            ("crates/cli", Normal, "crates/ultraai", true),
            ("crates/cli", Normal, "crates/providers/mock", false),
            ("crates/cli", Normal, "crates/simulation", true),
            ("crates/cli", Development, "criterion", false),
            ("benches", Normal, "criterion", true),
            ("benches", Normal, "reqwest", true),
            ("examples/basic", Normal, "crates/ultraai", true),
            ("examples/basic", Normal, "crates/providers/mock", true),
        ] {
            let findings = findings(folder, kind, package);
            assert_eq!(findings.is_empty(), allowed, "{folder} → {package}: {findings:?}");
        }
    }

    #[test]
    fn a_finding_names_the_line_and_the_reason() {
        assert_eq!(
            findings("crates/core", Kind::Normal, "reqwest"),
            [
                "crates/core/Cargo.toml:2: `reqwest` has no place here: core knows no HTTP, no vendor and no strategy; \
             drop the dependency"
            ]
        );
    }

    #[test]
    fn a_folder_without_a_rule_is_named() {
        let member = Member { folder: "crates/misc".to_owned(), ..Member::default() };
        assert_eq!(
            lines(&check(&sketch(vec![member], &[]))),
            [
                "crates/misc/Cargo.toml:1: no rule for this folder; put the package where the design has a place for it"
            ]
        );
    }
}
