//! Puts a plugin into sorted lists in texts that people keep by hand, and touches nothing else of them.

use crate::workspace::Problem;

/// Inserts `new` among the lines that begin with `prefix`, in their order.
pub(crate) fn line(text: &str, prefix: &str, new: &str) -> Result<String, Problem> {
    entry(text, prefix, new, ends_value)
}

/// Inserts `new` among the lines that begin with `prefix`, each of which is an entry of its own.
pub(crate) fn row(text: &str, prefix: &str, new: &str) -> Result<String, Problem> {
    entry(text, prefix, new, |_| true)
}

/// Inserts two lines, the first of which begins with `prefix`, among their like.
pub(crate) fn paragraph(text: &str, prefix: &str, new: &str) -> Result<String, Problem> {
    entry(text, prefix, new, |line| line.trim_end().ends_with(';'))
}

/// A value that is spread over lines ends where its bracket closes at the margin.
fn ends_value(line: &str) -> bool {
    !line.trim_end().ends_with(['[', '{']) && !line.starts_with([' ', '\t'])
}

fn entry(text: &str, prefix: &str, new: &str, ends: fn(&str) -> bool) -> Result<String, Problem> {
    let lines: Vec<_> = text.lines().collect();
    let like: Vec<_> = (0..lines.len()).filter(|index| lines[*index].starts_with(prefix)).collect();
    let Some(last) = like.last() else {
        return Err(format!(
            "no line begins with `{prefix}`, so the place for `{}` is unknown; add it by hand",
            first(new)
        ));
    };
    let before = like.iter().copied().find(|index| lines[*index] > first(new));
    let after_last =
        || (*last..lines.len()).find(|index| ends(lines[*index])).map_or(lines.len(), |index| index + 1);
    let at = before.unwrap_or_else(after_last);
    let mut lines = lines;
    lines.splice(at..at, new.lines());
    Ok(lines.join("\n") + "\n")
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Inserts the string `new` into the array `key`, among the items that begin with `prefix`.
pub(crate) fn array_item(text: &str, key: &str, prefix: &str, new: &str) -> Result<String, Problem> {
    let unknown =
        || format!("no array `{key}` with `{prefix}…`, so the place for `{new}` is unknown; add it by hand");
    let opening = format!("\n{key} = [");
    let start = text.find(&opening).ok_or_else(unknown)? + opening.len();
    let end = start + text[start..].find(']').ok_or_else(unknown)?;
    let items: Vec<_> =
        text[start..end].match_indices(&format!("\"{prefix}")).map(|(at, _)| start + at).collect();
    let last = *items.last().ok_or_else(unknown)?;
    let content = |at: usize| text[at + 1..end].split('"').next().unwrap_or_default();
    // The white space before an item tells whether each has a line of its own.
    let space = text[..last].rfind(|part: char| !part.is_whitespace()).map_or("", |at| &text[at + 1..last]);
    let space = if space.is_empty() { " " } else { space };
    let (at, inserted) = match items.iter().copied().find(|at| content(*at) > new) {
        Some(at) => (at, format!("\"{new}\",{space}")),
        None => (last + content(last).len() + 2, format!(",{space}\"{new}\"")),
    };
    Ok(format!("{}{inserted}{}", &text[..at], &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::{array_item, line, paragraph, row};

    #[test]
    fn a_line_finds_its_place() {
        for (text, new, expected) in [
            ("p-b = 1\nq = 2\n", "p-a = 0", "p-a = 0\np-b = 1\nq = 2\n"),
            ("p-b = 1\nq = 2\n", "p-c = 0", "p-b = 1\np-c = 0\nq = 2\n"),
            ("p-b = [\n    1,\n]\nq = 2\n", "p-c = 0", "p-b = [\n    1,\n]\np-c = 0\nq = 2\n"),
            ("p-a = 1\np-c = 1", "p-b = 0", "p-a = 1\np-b = 0\np-c = 1\n"),
        ] {
            assert_eq!(line(text, "p-", new).as_deref(), Ok(expected), "{text}");
        }
        let problem = line("q = 1", "p-", "p-a = 0").unwrap_err();
        assert_eq!(
            problem,
            "no line begins with `p-`, so the place for `p-a = 0` is unknown; add it by hand"
        );
    }

    #[test]
    fn a_row_may_be_indented() {
        assert_eq!(
            row("[\n    r-a,\n];\n", "    r-", "    r-b,").as_deref(),
            Ok("[\n    r-a,\n    r-b,\n];\n")
        );
    }

    #[test]
    fn a_pair_of_lines_stays_together() {
        let text = "#[a(\"b\")]\npub use b;\n\nfn f() {}\n";
        assert_eq!(
            paragraph(text, "#[a(\"", "#[a(\"c\")]\npub use c;").as_deref(),
            Ok("#[a(\"b\")]\npub use b;\n#[a(\"c\")]\npub use c;\n\nfn f() {}\n")
        );
        assert_eq!(
            paragraph(text, "#[a(\"", "#[a(\"a\")]\npub use a;").as_deref(),
            Ok("#[a(\"a\")]\npub use a;\n#[a(\"b\")]\npub use b;\n\nfn f() {}\n")
        );
    }

    #[test]
    fn an_array_keeps_its_shape() {
        for (text, new, expected) in [
            ("\nfull = [\"p-b\", \"q\"]\n", "p-a", "\nfull = [\"p-a\", \"p-b\", \"q\"]\n"),
            ("\nfull = [\"p-b\", \"q\"]\n", "p-c", "\nfull = [\"p-b\", \"p-c\", \"q\"]\n"),
            (
                "\nfull = [\n    \"p-b\",\n    \"q\",\n]\n",
                "p-a",
                "\nfull = [\n    \"p-a\",\n    \"p-b\",\n    \"q\",\n]\n",
            ),
            ("\nfull = [\n    \"p-b\",\n]\n", "p-c", "\nfull = [\n    \"p-b\",\n    \"p-c\",\n]\n"),
        ] {
            assert_eq!(array_item(text, "full", "p-", new).as_deref(), Ok(expected), "{text}");
        }
        assert!(array_item("\nfull = [\"q\"]\n", "full", "p-", "p-a").is_err());
        assert!(array_item("\nother = [\"p-b\"]\n", "full", "p-", "p-a").is_err());
    }
}
