//! Texts split into sentences.

/// Words that a full stop follows without ending the sentence.
const ABBREVIATIONS: [&str; 34] = [
    "al", "approx", "apr", "aug", "ca", "cf", "dec", "dr", "e.g", "eg", "etc", "feb", "fig", "i.e", "ie",
    "inc", "jan", "jr", "jul", "jun", "ltd", "mar", "mr", "mrs", "ms", "no", "nov", "oct", "p", "pp", "prof",
    "sep", "st", "vs",
];

/// What may stand between the end of a sentence and the space after it.
const CLOSING: [char; 8] = ['"', '”', '\'', '’', ')', ']', '*', '_'];

/// The sentences of a text, without the marks of lists and headings. A line break ends a sentence; blocks of code, rows of
/// tables and quotations are left out.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    let lines = text.lines().map(str::trim).filter(move |line| {
        let is_fence = is_fence(line);
        is_code ^= is_fence;
        !is_code && !is_fence && !line.starts_with(['|', '>'])
    });
    lines.flat_map(|line| Split { rest: without_marks(line) }).filter(|sentence| !sentence.is_empty())
}

/// Whether a line begins or ends a block of code.
pub(super) fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

/// Whether a line is an item of a list.
pub(super) fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|part: char| part.is_ascii_digit());
    let is_numbered = rest.len() < line.len() && rest.starts_with(['.', ')']);
    is_numbered
        || line.strip_prefix(['-', '*', '+', '•']).is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

/// A line without the bullet, the number or the sign of a heading before it. What stands before a number may belong to it.
pub(super) fn without_marks(line: &str) -> &str {
    let mut line = line.trim();
    loop {
        let rest = line.trim_start_matches('#');
        let rest = rest.strip_prefix(['-', '*', '+', '•']).unwrap_or(rest);
        let digits = rest.len() - rest.trim_start_matches(|part: char| part.is_ascii_digit()).len();
        let rest = match rest[digits..].strip_prefix(['.', ')']) {
            Some(item) if (1..=3).contains(&digits) => item,
            _ => rest,
        };
        let item = rest.trim_start();
        if rest.len() == line.len() || item.len() == rest.len() || item.starts_with(char::is_numeric) {
            return line;
        }
        line = item;
    }
}

/// Splits a line into sentences.
pub(super) struct Split<'a> {
    /// What was not split yet.
    pub(super) rest: &'a str,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = self.rest;
        let ends = rest.match_indices(['.', '!', '?', '…', '。', '！', '？']);
        let end = ends.map(|(at, stop)| (at, at + stop.len())).find(|(at, after)| is_end(rest, *at, *after));
        let (sentence, rest) = match end {
            Some((_, after)) => {
                let closing = rest[after..].trim_start_matches(CLOSING);
                rest.split_at(rest.len() - closing.len())
            }
            None => (rest, ""),
        };
        self.rest = rest.trim_start();
        Some(sentence.trim())
    }
}

/// Whether the stop between `at` and `after` ends a sentence.
fn is_end(text: &str, at: usize, after: usize) -> bool {
    if matches!(&text[at..after], "。" | "！" | "？") {
        return true;
    }
    let follows = text[after..].trim_start_matches(CLOSING);
    if !follows.starts_with(char::is_whitespace) {
        return false;
    }
    // Who goes on in small letters is not done.
    if follows.trim_start().starts_with(char::is_lowercase) {
        return false;
    }
    if &text[at..after] != "." {
        return true;
    }
    let before = text[..at].rsplit([' ', '\t', '(', '\u{a0}']).next().unwrap_or_default();
    let is_initial = before.chars().count() == 1 && before.starts_with(char::is_uppercase);
    let is_dotted = before.contains('.') && before.split('.').all(|part| part.chars().count() == 1);
    let is_abbreviation = before.len() <= 6 && ABBREVIATIONS.contains(&before.to_ascii_lowercase().as_str());
    !(is_initial || is_dotted || is_abbreviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_reader_would_end_them() {
        for (text, expected) in [
            ("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"][..]),
            (
                "It is 3.14 here. Like e.g. Dr. J. Smith of the U.S. Army.",
                &["It is 3.14 here.", "Like e.g. Dr. J. Smith of the U.S. Army."],
            ),
            ("See Fig. 3 and No. 5. Then go.", &["See Fig. 3 and No. 5.", "Then go."]),
            (
                "- **One.** Two\n2) Three\n## Four\n\n- 5. Five\n> He said",
                &["**One.**", "Two", "Three", "Four", "- 5.", "Five"],
            ),
            ("- 5 degrees\n3. 4 is it\n5. - 6 is it", &["- 5 degrees", "3.", "4 is it", "- 6 is it"]),
            ("Before\n```rust\nlet x = 5. ;\n```\nAfter\n| a | b |", &["Before", "After"]),
            ("一。二！", &["一。", "二！"]),
            ("He said \"Go.\" Then left.", &["He said \"Go.\"", "Then left."]),
            ("", &[]),
            ("1. ", &["1."]),
            ("...", &["..."]),
            ("5.5 is a number", &["5.5 is a number"]),
        ] {
            assert_eq!(sentences(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
