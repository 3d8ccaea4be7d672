//! Finds the line of a manifest that a finding is about.

use crate::workspace::{Files, Member};

/// The line, counted from one, on which `key` is set in `member`'s manifest; the first line when it is not found.
pub(super) fn line_of_key(files: &Files, member: &Member, key: &str) -> usize {
    files.get(&member.manifest()).map_or(1, |text| find(text, key))
}

fn find(manifest: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start().trim_matches('[');
        let name = line.rsplit_once("dependencies.").map_or(line, |(_, name)| name);
        let name = name.trim_start_matches('"');
        name.strip_prefix(key).is_some_and(|after| after.starts_with([' ', '=', '.', ']', '"']))
    };
    manifest.lines().position(sets).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_line_that_sets_a_key_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nserde_json = \"1\"\nserde.workspace = true\n\
                        [dev-dependencies.tokio]\nversion = \"1\"";
        for (key, line) in [("serde", 5), ("serde_json", 4), ("tokio", 6), ("absent", 1), ("name", 2)] {
            assert_eq!(find(manifest, key), line, "{key}");
        }
    }
}
