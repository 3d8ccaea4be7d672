//! What an answer comes down to, where it says so or says nothing else.

use super::{
    doubt,
    mark::{MOST_MARKS, is_last, marks},
    sentence::sentences,
    statement::{Statement, plain, without_stop},
};

/// What an answer comes down to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Conclusion {
    /// An option of a multiple choice, and what stands behind its letter.
    Option { letter: char, text: String },
    /// Yes, no, true or false.
    Verdict(Verdict),
    /// Anything else that stands in one short statement.
    Statement { statement: Statement, text: String },
}

/// A verdict in one word. "Yes" may be "false": the question may ask so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Yes,
    No,
    True,
    False,
}

/// Bytes of the longest statement that an answer can come down to.
const LONGEST: usize = 300;

impl Conclusion {
    /// Finds what `answer` comes down to. `None` where it does not say it, says several things, or takes it back.
    pub(crate) fn of(answer: &str) -> Option<Self> {
        let marks = marks(answer)?;
        let Some(last) = marks.last() else { return Self::alone(answer.trim()) };
        if marks.len() > MOST_MARKS || !is_last(last) {
            return None;
        }
        let mut found = marks.iter().map(|mark| Self::read(&mark.value));
        let first = found.next()??;
        found.all(|other| other.is_some_and(|other| first.is_same(&other) == Some(true))).then_some(first)
    }

    /// Whether both come down to the same; `None` where it cannot be told.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Option { letter: one, text }, Self::Option { letter: other, text: other_text }) => {
                let is_alike = text == other_text;
                match one == other {
                    true => (is_alike || text.is_empty() || other_text.is_empty()).then_some(true),
                    // The same text under another letter is the same, and small letters may be other ones.
                    false if is_alike && !text.is_empty() => None,
                    false => (one.is_uppercase() == other.is_uppercase()).then_some(false),
                }
            }
            (Self::Verdict(one), Self::Verdict(other)) => {
                let is_truth = |verdict| matches!(verdict, Verdict::True | Verdict::False);
                (is_truth(*one) == is_truth(*other)).then_some(one == other)
            }
            (Self::Statement { statement: one, .. }, Self::Statement { statement: other, .. }) => {
                one.is_same(other)
            }
            _ => None,
        }
    }

    /// The conclusion in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Option { letter, .. } => format!("the answer is ({letter})"),
            Self::Verdict(Verdict::Yes) => "the answer is yes".to_owned(),
            Self::Verdict(Verdict::No) => "the answer is no".to_owned(),
            Self::Verdict(Verdict::True) => "the answer is true".to_owned(),
            Self::Verdict(Verdict::False) => "the answer is false".to_owned(),
            Self::Statement { text, .. } => text.clone(),
        }
    }

    /// What an answer without a mark comes down to: its first word, or all of it.
    fn alone(answer: &str) -> Option<Self> {
        let answer = plain(answer);
        if is_choice(&answer) {
            return choice(&answer);
        }
        let is_one = !answer.contains(['\n', '|', '>']) && sentences(&answer).nth(1).is_none();
        if is_one { Self::read(&answer) } else { None }
    }

    /// What one sentence comes down to.
    fn read(text: &str) -> Option<Self> {
        if is_choice(text) {
            return choice(text);
        }
        let text = without_stop(text);
        if text.len() > LONGEST {
            return None;
        }
        Some(Self::Statement { statement: Statement::of(text)?, text: text.to_owned() })
    }
}

fn is_choice(text: &str) -> bool {
    verdict(text).is_some() || option(text).is_some()
}

/// The verdict or the option that a text begins with; `None` where what follows it takes it back.
fn choice(text: &str) -> Option<Conclusion> {
    let (verdict, letter, after) = match (verdict(text), option(text)) {
        (Some((verdict, after)), _) => (Some(verdict), None, after),
        (None, Some((letter, after))) => (None, Some(letter), after),
        (None, None) => return None,
    };
    let (line, following) = after.split_once('\n').unwrap_or((after, ""));
    if doubt::takes_back(after) || doubt::joins(line) || doubt::holds_items(following) {
        return None;
    }
    let text = || without_stop(line.trim_start_matches('.')).to_owned();
    letter
        .map(|letter| Conclusion::Option { letter, text: text() })
        .or_else(|| verdict.map(Conclusion::Verdict))
}

/// The option that a text begins with, and what follows: `(B)`, `B)`, `B.` or `B` alone; also after "option".
fn option(text: &str) -> Option<(char, &str)> {
    let text = text.trim();
    let words = ["option ", "Option ", "choice ", "Choice "];
    let text = words.iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text);
    let (open, text) = match text.strip_prefix('(') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let letter = text.chars().next().filter(|letter| matches!(letter, 'A'..='H' | 'a'..='h'))?;
    let rest = &text[1..];
    let is_over = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    if let Some(rest) = rest.strip_prefix(')') {
        return (is_over(rest) || is_over(rest.strip_prefix('.')?)).then_some((letter, rest));
    }
    // A small letter is a word or a name.
    if open || letter.is_lowercase() {
        return None;
    }
    match rest.strip_prefix('.') {
        Some(rest) => is_over(rest).then_some((letter, rest)),
        None => (rest.is_empty() || rest.starts_with(['\n', '\r'])).then_some((letter, rest)),
    }
}

/// The verdict that a text begins with, where a stop follows it, and what follows.
fn verdict(text: &str) -> Option<(Verdict, &str)> {
    let text = text.trim();
    let end = text.find(|part: char| !part.is_alphabetic()).unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let words =
        [("yes", Verdict::Yes), ("no", Verdict::No), ("true", Verdict::True), ("false", Verdict::False)];
    let (_, verdict) = words.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known))?;
    let is_over = after.is_empty() || after.starts_with([',', '.', ';', ':', '!', '\n', '\r', '–', '—']);
    let is_dash = after.trim_start().starts_with(['-', '–', '—']) && after.starts_with(char::is_whitespace);
    (is_over || is_dash).then_some((verdict, after))
}
