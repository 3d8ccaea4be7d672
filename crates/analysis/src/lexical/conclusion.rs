//! What an answer comes down to, where it says so or says nothing else.

use super::{
    sentence::{sentences, without_marks},
    statement::{Statement, option},
};

/// What an answer comes down to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Conclusion {
    /// An option of a multiple choice.
    Option(char),
    /// Yes or no, true or false.
    Verdict(bool),
    /// Anything else that stands in one short statement.
    Statement { statement: Statement, text: String },
}

/// Bytes of the longest statement that an answer can come down to.
const LONGEST: usize = 300;

/// Bytes after a mark that are looked at: more than a conclusion has, so that a longer one is known as such.
const LOOKED_AT: usize = 2 * LONGEST;

/// Marks that an answer may have; one with more speaks of answers, and comes down to none.
const MOST_MARKS: usize = 32;

/// What may stand around a conclusion.
const AROUND: [char; 8] = ['*', '_', '`', '"', '“', '”', ' ', '\t'];

impl Conclusion {
    /// Finds what `answer` comes down to. `None` where it does not say it, or says several things.
    pub(crate) fn of(answer: &str) -> Option<Self> {
        let marked: Vec<_> = marked(answer).take(MOST_MARKS + 1).collect();
        if marked.len() > MOST_MARKS {
            return None;
        }
        let mut marked = marked.into_iter().filter_map(|text| Self::read(text, true));
        if let Some(first) = marked.next() {
            let agree = marked.all(|other| first.is_same(&other) == Some(true));
            return agree.then_some(first);
        }
        Self::read(answer, false)
    }

    /// Whether both come down to the same; `None` where it cannot be told.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Option(one), Self::Option(other)) => Some(one == other),
            (Self::Verdict(one), Self::Verdict(other)) => Some(one == other),
            (Self::Statement { statement: one, .. }, Self::Statement { statement: other, .. }) => {
                one.is_same(other)
            }
            _ => None,
        }
    }

    /// The conclusion in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Option(letter) => format!("the answer is ({letter})"),
            Self::Verdict(true) => "the answer is yes".to_owned(),
            Self::Verdict(false) => "the answer is no".to_owned(),
            Self::Statement { text, .. } => text.clone(),
        }
    }

    fn read(text: &str, is_marked: bool) -> Option<Self> {
        let text = text.trim();
        let bare = without_marks(text).trim_matches(AROUND);
        if let Some(letter) = option_of(bare).filter(|letter| is_marked || is_only_option(bare, *letter)) {
            return Some(Self::Option(letter));
        }
        if let Some(verdict) = verdict(bare) {
            return Some(Self::Verdict(verdict));
        }
        let mut all = sentences(text);
        let first = all.next().filter(|first| first.len() <= LONGEST)?;
        // A marked conclusion ends with its sentence; an answer that says more does not come down to its beginning.
        if !is_marked && (all.next().is_some() || text.contains("```") || text.contains('\n')) {
            return None;
        }
        let statement = Statement::of(first)?;
        Some(Self::Statement { statement, text: said(first).to_owned() })
    }
}

/// A statement without what stands around it.
fn said(text: &str) -> &str {
    text.trim_matches(AROUND).trim_end_matches(['.', '。']).trim_end_matches(AROUND)
}

/// Whether a sentence says what the answer is.
pub(crate) fn is_marked(sentence: &str) -> bool {
    marked(sentence).next().is_some()
}

/// What follows each "answer is", "answer:" and the like, to the end of the line, or on the next line.
fn marked(text: &str) -> impl Iterator<Item = &str> {
    // The same length, so that places are the same.
    let lower = text.to_ascii_lowercase();
    let near = |at: usize| &text[at..text.floor_char_boundary(at + LOOKED_AT)];
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (word, needs_is) in [("answer", false), ("option", true), ("choice", true)] {
        for (at, _) in lower.match_indices(word) {
            let is_inner = text[..at].ends_with(char::is_alphanumeric);
            let after = near(at + word.len()).trim_start_matches(AROUND);
            let said = match strip_is(after) {
                Some(said) => Some(said),
                None if needs_is => None,
                None => after.strip_prefix(':'),
            };
            if let Some(said) = said.filter(|_| !is_inner) {
                found.push((at, line_of(said)));
            }
        }
    }
    for (at, word) in lower.match_indices("\\boxed{") {
        let inside = near(at + word.len());
        let end = inside.find('}').unwrap_or(0);
        found.push((at, &inside[..end]));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, said)| said).filter(|said| !said.trim().is_empty())
}

fn strip_is(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("is").or_else(|| text.strip_prefix("IS"))?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    rest.starts_with(|next: char| next.is_whitespace() || AROUND.contains(&next)).then_some(rest)
}

/// The rest of the line, or the next line where nothing is left of it.
fn line_of(text: &str) -> &str {
    let text = text.trim_start_matches(AROUND).trim_start();
    // A formula says itself what it is.
    let line = text.lines().next().unwrap_or_default();
    if line.contains("\\boxed{") { "" } else { line }
}

/// The option that a text begins with: `(B)`, `B)`, `B.`, `B:`, or `B` alone; also after "option".
fn option_of(text: &str) -> Option<char> {
    let text = ["option ", "Option ", "choice ", "Choice "]
        .iter()
        .find_map(|word| text.strip_prefix(word))
        .unwrap_or(text)
        .trim_start_matches(AROUND);
    if let Some((letter, _)) = option(text) {
        return Some(letter);
    }
    let mut parts = text.chars();
    let letter = parts.next().filter(|letter| matches!(letter, 'A'..='J'))?;
    let after = parts.as_str().trim_start_matches(['*', '_', '`']);
    let next = after.chars().next();
    let ends = next.is_none_or(|next| matches!(next, ')' | ':' | ',' | '\n'))
        || (next == Some('.') && !after[1..].starts_with(char::is_alphanumeric));
    // "I" alone is a word.
    (ends && (letter != 'I' || next == Some(')'))).then_some(letter)
}

/// Whether no other option stands anywhere in an answer, so that its first one is what it chooses.
fn is_only_option(text: &str, letter: char) -> bool {
    let labels = text.match_indices('(').filter_map(|(at, _)| option(&text[at..]));
    let mut lines = text.lines().skip(1).filter_map(|line| option_of(line.trim()));
    labels.map(|(other, _)| other).all(|other| other == letter) && lines.all(|other| other == letter)
}

/// Yes or no at the beginning of a text, where a stop follows it.
fn verdict(text: &str) -> Option<bool> {
    let end = text.find(|part: char| !part.is_alphabetic()).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let verdict = match word.len() {
        2..=5 => match word.to_ascii_lowercase().as_str() {
            "yes" | "true" => true,
            "no" | "false" => false,
            _ => return None,
        },
        _ => return None,
    };
    let after = after.trim_start_matches(['*', '_', '"', '”', ' ']);
    let ends = after.is_empty() || after.starts_with([',', '.', ';', ':', '!', '-', '–', '—', '\n', '\r']);
    ends.then_some(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> Option<bool> {
        Conclusion::of(one)?.is_same(&Conclusion::of(other)?)
    }

    #[test]
    fn options_numbers_and_verdicts_are_found() {
        for (one, other, expected) in [
            ("(B)", "B) Paris", Some(true)),
            ("**B**", "Answer: B", Some(true)),
            ("B.", "The correct option is C.", Some(false)),
            ("Let me think. 3 + 4 = 7. So the final answer is **7**.", "7", Some(true)),
            ("**Final Answer:** 1,000", "#### Answer\nis it? The answer is: 1000 because of it", None),
            ("**Final Answer:** 1,000", "The answer is: 1000.", Some(true)),
            ("Thus \\boxed{42}.", "The answer is 41.", Some(false)),
            ("**Answer**:\n42", "42", Some(true)),
            ("Yes, because it is.", "No. It is not.", Some(false)),
            ("Yes, because it is.", "TRUE", Some(true)),
            ("No one knows.", "No.", None),
            ("A dog is an animal.", "A", None),
            ("I. Introduction", "(I)", None),
            ("A) red\nB) blue", "A", None),
            ("The answer is 5, or the answer is 6.", "5", None),
            ("Paris", "paris.", Some(true)),
            ("Paris", "London", None),
            ("It is 5. And more.", "It is 6. And more.", None),
            ("The answer is 5 km.", "The answer is 5 m.", None),
            ("", "5", None),
            ("Answerable: no", "no", None),
        ] {
            assert_eq!(same(one, other), expected, "{one} | {other}");
        }
    }
}
