//! Tells comments, strings and code apart in Rust source, as far as the rules need it.

/// A source text taken apart.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// The text with comments and the contents of strings blanked out, line by line as it was.
    pub(crate) code: String,
    /// Every line of a comment, with its line number counted from one.
    pub(crate) comments: Vec<(usize, String)>,
}

/// Takes `source` apart. Unfinished strings and comments end with the text.
pub(crate) fn scan(source: &str) -> Scanned {
    let mut scanner = Scanner { rest: source, line: 1, scanned: Scanned::default() };
    while let Some(next) = scanner.rest.chars().next() {
        scanner.step(next);
    }
    scanner.scanned
}

struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    scanned: Scanned,
}

impl Scanner<'_> {
    fn step(&mut self, next: char) {
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(length);
        } else if self.rest.starts_with("/*") {
            self.comment(block_comment(self.rest));
        } else if next == '"' {
            self.blank(string(self.rest));
        } else if let Some(length) = self.at_word_start().then(|| raw_string(self.rest)).flatten() {
            self.blank(length);
        } else if next == '\'' {
            self.blank(char_literal(self.rest));
        } else {
            self.keep(next.len_utf8());
        }
    }

    /// `r"` begins a raw string only where no longer word ends in `r`.
    fn at_word_start(&self) -> bool {
        !self.scanned.code.ends_with(|before: char| before.is_alphanumeric() || before == '_')
    }

    fn comment(&mut self, length: usize) {
        for (offset, text) in self.rest[..length].lines().enumerate() {
            self.scanned.comments.push((self.line + offset, text.to_owned()));
        }
        self.blank(length);
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        for character in gone.chars() {
            self.scanned.code.push(if character == '\n' { '\n' } else { ' ' });
        }
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.scanned.code.push_str(kept);
        self.line += kept.matches('\n').count();
        self.rest = rest;
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&closing).map_or(text.len(), |end| start + end + closing.len()))
}

/// The length of a character literal, or of the quote alone when a lifetime or a label begins here.
fn char_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            let after = escaped + text[escaped..].chars().next().map_or(1, char::len_utf8);
            text[after..].find('\'').map_or(text.len(), |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Whether `word` stands in `text` with no letter, digit or underscore beside it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

/// The line of `text`, counted from one, in which the byte `at` stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::{has_word, scan};

    #[test]
    fn comments_and_strings_are_told_from_code() {
        for (source, code, comments) in [
            ("let a = 1; // why", "let a = 1;       ", vec![(1, "// why")]),
            ("//! doc\nfn a() {}", "       \nfn a() {}", vec![(1, "//! doc")]),
            ("a /* b\n/* c */ d */ e", "a     \n             e", vec![(1, "/* b"), (2, "/* c */ d */")]),
            (r#"f("// not \" one") // one"#, "f(               )       ", vec![(1, "// one")]),
            ("r#\"// \" no\"# + 1", "             + 1", vec![]),
            ("for\"//\"", "for    ", vec![]),
            ("'\"' // x", "        ", vec![(1, "// x")]),
            ("fn a<'a>(b: &'a str) // x", "fn a< a>(b: & a str)     ", vec![(1, "// x")]),
            (r"'\'' 'a' '\u{41}'", r"                 ", vec![]),
        ] {
            let found = scan(source);
            assert_eq!(found.code, code, "{source}");
            let found: Vec<_> = found.comments.iter().map(|(line, text)| (*line, text.as_str())).collect();
            assert_eq!(found, comments, "{source}");
        }
    }

    #[test]
    fn a_word_has_nothing_beside_it() {
        for (text, word, expected) in [
            ("use serde::Serialize;", "serde", true),
            ("use serde_json::Value;", "serde", false),
            ("my_serde", "serde", false),
            ("my_serde and serde", "serde", true),
        ] {
            assert_eq!(has_word(text, word), expected, "{text}");
        }
    }
}
