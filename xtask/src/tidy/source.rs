//! Rules about one file's text: module documentation, length, serde attributes, comments without history.

use super::Finding;
use super::scan::{has_word, line_of, scan};
use crate::workspace::is_rust;

/// Past this a file is split by what it means.
const LONGEST_FILE: usize = 500;

/// Endings of the files whose length is judged: what people write by hand.
const WRITTEN: [&str; 3] = [".rs", ".py", ".tmpl"];

/// Serde attributes that lose the place of an error and surprise when a field is added.
const REFUSED_SERDE: [&str; 2] = ["untagged", "flatten"];

/// Words that speak of what was or is to come. Matched as they stand, so that `todo!` in prose does not count.
const HISTORY: [&str; 7] = ["TODO", "FIXME", "XXX", "previously", "Previously", "used to be", "formerly"];

/// What stands before the number of an issue or a change.
const NUMBERED: [&str; 7] = ["issue ", "issue #", "issues/", "pull/", "pull request ", "PR ", "bug "];

/// Checks one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if WRITTEN.iter().any(|ending| path.ends_with(ending)) {
        findings.extend(length(path, text));
    }
    if is_rust(path) {
        let scanned = scan(text);
        findings.extend(module_documentation(path, text));
        findings.extend(serde_attributes(path, &scanned.code));
        for (line, comment) in &scanned.comments {
            findings.extend(history(comment).map(|text| Finding::new(path, *line, text)));
        }
    }
    findings
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LONGEST_FILE).then(|| {
        let what =
            format!("{lines} lines are more than {LONGEST_FILE}; split the file by what its parts mean");
        Finding::new(path, LONGEST_FILE + 1, what)
    })
}

fn module_documentation(path: &str, text: &str) -> Option<Finding> {
    // A crate's documentation is its README, which is included with an attribute.
    let begins = text.starts_with("//!") || text.starts_with("#![doc = include_str!(");
    (!begins).then(|| {
        Finding::new(path, 1, "no module documentation; begin the file with `//!` and what it is for")
    })
}

fn serde_attributes(path: &str, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("serde(") {
        let inside = balanced(&code[at + "serde".len()..]);
        // `flatten_all` or a path may hold the word's letters, and a default's name is a string and so blank here.
        for word in REFUSED_SERDE.into_iter().filter(|word| has_word(inside, word)) {
            let what = format!(
                "serde attribute `{word}`; write the fields or the enum out, so that errors name them"
            );
            findings.push(Finding::new(path, line_of(code, at), what));
        }
    }
    findings
}

/// The text up to the parenthesis that closes the first one.
fn balanced(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth <= 1 => return &text[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// What is wrong with a line of a comment, if it tells of history.
fn history(comment: &str) -> Option<String> {
    if let Some(word) = HISTORY.into_iter().find(|word| has_word(comment, word)) {
        return Some(format!("`{word}` in a comment; say what holds now, and why"));
    }
    let number = hash_number(comment).or_else(|| {
        NUMBERED.into_iter().find_map(|before| {
            let at = comment.find(before)?;
            let starts_word = !comment[..at].ends_with(char::is_alphanumeric);
            let digits = digits(&comment[at + before.len()..])?;
            starts_word.then(|| format!("{before}{digits}"))
        })
    })?;
    Some(format!("`{number}` in a comment; give the reason itself, numbers belong into the commit"))
}

/// `#12` where it means an issue: not a colour, a character reference, a link to a heading or an attribute.
fn hash_number(comment: &str) -> Option<String> {
    comment.match_indices('#').find_map(|(at, _)| {
        let free = comment[..at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || "([,".contains(before));
        let digits = digits(&comment[at + 1..])?;
        (free && digits.len() < 6).then(|| format!("#{digits}"))
    })
}

/// The number at the start of `text`, unless letters follow it.
fn digits(text: &str) -> Option<&str> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let ends_word = !text[end..].starts_with(|after: char| after.is_alphanumeric() || "_-".contains(after));
    (end > 0 && ends_word).then(|| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::{check, history};

    #[test]
    fn a_source_file_keeps_the_rules_or_is_named() {
        let begin = "//! What it is.\n";
        for (text, expected) in [
            (
                String::new(),
                vec!["a.rs:1: no module documentation; begin the file with `//!` and what it is for"],
            ),
            (
                "use std::fmt;\n//! late".to_owned(),
                vec!["a.rs:1: no module documentation; begin the file with `//!` and what it is for"],
            ),
            (begin.to_owned(), vec![]),
            ("#![doc = include_str!(\"../README.md\")]\n".to_owned(), vec![]),
            (
                format!("{begin}#[serde(\n    default,\n    flatten\n)]"),
                vec![
                    "a.rs:2: serde attribute `flatten`; write the fields or the enum out, so that errors name them",
                ],
            ),
            (
                format!("{begin}#[cfg_attr(feature = \"x\", serde(untagged))]"),
                vec![
                    "a.rs:2: serde attribute `untagged`; write the fields or the enum out, so that errors name them",
                ],
            ),
            (format!("{begin}#[serde(default)]\nfn flatten() {{}} // serde(flatten)"), vec![]),
            (format!("{begin}#[command(flatten)]\n#[serde(rename = \"flatten\")]"), vec![]),
            (
                format!("{begin}let url = \"#12 TODO\";\n// see #12"),
                vec!["a.rs:3: `#12` in a comment; give the reason itself, numbers belong into the commit"],
            ),
            (begin.repeat(500), vec![]),
            (
                begin.repeat(501),
                vec!["a.rs:501: 501 lines are more than 500; split the file by what its parts mean"],
            ),
        ] {
            assert_eq!(lines(&check("a.rs", &text)), expected, "{text}");
        }
        assert!(check("a.md", "no rust").is_empty());
    }

    #[test]
    fn comments_tell_no_history() {
        for comment in [
            "// fixed in #214, see review",
            "/// (#7)",
            "// TODO: later",
            "//! This used to be a flag.",
            "// Previously three.",
            "// as issue 12 says",
            "// see issues/12",
            "// PR 8",
        ] {
            assert!(history(comment).is_some(), "{comment}");
        }
        for comment in [
            "// colour #123456 or #fff",
            "// &#39; is a quote",
            "//! [heading](#1-first)",
            "/// # 1 and only",
            "// an issue 2x as large, tissue 3",
            "// mastodon, `todo!` is denied",
            "/// #[test]",
        ] {
            assert_eq!(history(comment), None, "{comment}");
        }
    }
}
