//! Statements, compared word by word.

use std::borrow::Cow;

use super::{doubt, number::Number};

/// What a statement says: its words as they are written, with a mark in place of each number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) skeleton: String,
    numbers: Vec<Number>,
    /// Words with letters in it.
    pub(crate) words: usize,
    /// Whether another number in its place contradicts it.
    is_certain: bool,
}

/// Stands in a skeleton for a number; control characters of a text never get into one.
const NUMBER: char = '\u{1}';

/// Words after which a number says how much something is.
const COPULAS: [&str; 5] = ["is", "was", "are", "were", "equals"];

/// Signs that may stand directly before and after a number.
const BEFORE: [char; 6] = ['(', '-', '$', '€', '£', '¥'];
const AFTER: [char; 5] = [')', ',', ';', ':', '%'];

impl Statement {
    /// Reads a statement; `None` where it says nothing.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = without_stop(text);
        // Space matters in code, and so does all else.
        if text.contains('`') {
            let skeleton = text.chars().map(shown).collect();
            return Some(Self { skeleton, numbers: Vec::new(), words: 0, is_certain: false });
        }
        let text = plain(text);
        let mut statement = Self {
            skeleton: String::new(),
            numbers: Vec::new(),
            words: 0,
            is_certain: !doubt::is_loose(&text),
        };
        let (mut before, mut tokens) = ("", 0);
        for token in text.split_whitespace() {
            if !statement.skeleton.is_empty() {
                statement.skeleton.push(' ');
            }
            let core = token.trim_start_matches(BEFORE).trim_end_matches(AFTER);
            if let Some(number) = Number::read(core) {
                let (sign, rest) = token.split_at(token.len() - token.trim_start_matches(BEFORE).len());
                statement.skeleton.push_str(sign);
                statement.skeleton.push(NUMBER);
                statement.skeleton.push_str(&rest[core.len()..]);
                statement.numbers.push(number);
                statement.is_certain &= tokens == 0 || COPULAS.contains(&before);
            } else {
                statement.skeleton.extend(token.chars().map(shown));
                statement.words += usize::from(token.contains(char::is_alphabetic));
                statement.is_certain &= is_word(token);
            }
            before = token;
            tokens += 1;
        }
        let begins = statement.skeleton.trim_start_matches(BEFORE).starts_with(NUMBER);
        // Whatever else is said of a number that begins is said of it: "7 is a prime".
        statement.is_certain &= statement.numbers.len() == 1 && (!begins || tokens <= 2);
        (tokens > 0).then_some(statement)
    }

    /// Whether both say the same: yes where words and numbers are equal, no where one number says how much it is and is
    /// another, and `None` where it cannot be told.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        if self.skeleton != other.skeleton {
            return None;
        }
        if self.is_certain
            && let ([one], [other]) = (&self.numbers[..], &other.numbers[..])
        {
            return one.is_same(other);
        }
        (self.numbers == other.numbers).then_some(true)
    }

    /// The words, with an ellipsis for each number.
    pub(crate) fn pattern(&self) -> String {
        self.skeleton.replace(NUMBER, "…")
    }
}

/// A statement without the stop that ends it.
pub(super) fn without_stop(text: &str) -> &str {
    let text = text.trim();
    match text.strip_suffix(['.', '。']) {
        Some(rest) if !rest.ends_with(['.', '。']) => rest.trim_end(),
        _ => text,
    }
}

/// Whether a token is a word, and no formula, code or name with a number in it.
fn is_word(token: &str) -> bool {
    let token = token.trim_start_matches('(').trim_end_matches(AFTER);
    let is_sign = |part: char| matches!(part, '-' | '\'' | '’' | '°');
    token.contains(char::is_alphabetic)
        && !token.starts_with('-')
        && token.chars().all(|part| part.is_alphabetic() || is_sign(part))
}

fn shown(part: char) -> char {
    if part.is_control() { char::REPLACEMENT_CHARACTER } else { part }
}

/// A text without the double stars that stand in pairs around words; one that holds code stays as it is.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains("**") || text.contains('`') {
        return Cow::Borrowed(text);
    }
    let parts: Vec<&str> = text.split("**").collect();
    let is_outside = |part: Option<char>| part.is_none_or(|part| !part.is_alphanumeric() && part != '*');
    let is_inside = |part: Option<char>| part.is_some_and(|part| !part.is_whitespace() && part != '*');
    let mut is_kept = vec![true; parts.len()];
    let mut open = None;
    for (place, sides) in parts.windows(2).enumerate() {
        // Four stars in a row are no emphasis.
        let before = if sides[0].is_empty() && place > 0 { Some('*') } else { sides[0].chars().next_back() };
        let is_last = place + 2 == parts.len();
        let after = if sides[1].is_empty() && !is_last { Some('*') } else { sides[1].chars().next() };
        match open {
            Some(other) if is_inside(before) && is_outside(after) => {
                is_kept[other] = false;
                is_kept[place] = false;
                open = None;
            }
            None if is_outside(before) && is_inside(after) => open = Some(place),
            _ => {}
        }
    }
    let mut out = String::with_capacity(text.len());
    for (place, part) in parts.iter().enumerate() {
        out.push_str(part);
        if is_kept[place] && place + 1 < parts.len() {
            out.push_str("**");
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> Option<bool> {
        let read = |text| Statement::of(text).unwrap_or_else(|| panic!("{text} says something"));
        read(one).is_same(&read(other))
    }

    #[test]
    fn what_is_written_otherwise_is_unknown() {
        for (one, other, expected) in [
            ("It is Paris.", "It is  **Paris**", Some(true)),
            ("It is 1,000,000 km", "It is 1000000 km.", Some(true)),
            ("The sum is 5", "The sum is 6.", Some(false)),
            ("It costs $5.", "It costs $5", Some(true)),
            ("The sum is $5.", "The sum is $6", Some(false)),
            ("5 km", "6 km", Some(false)),
            ("It costs $5.", "It costs €5", None),
            ("It is 5 km", "It is 5 m", None),
            ("It is 5", "It is not 5", None),
            ("It is not 5", "It is not 6", None),
            ("Paris", "paris", None),
            ("5 MW", "5 mW", None),
            ("6'", "6\"", None),
            ("f'(x)", "f(x)", None),
            ("z*", "z", None),
            ("__init__", "init", None),
            ("`String`", "`string`", None),
            ("`a  b`", "`a b`", None),
            ("`42`", "42", None),
            ("1,234", "1234", None),
            ("- 5", "5", None),
            ("-5 degrees", "5 degrees", None),
            ("5!", "5", None),
            ("Take (B).", "Take (C).", None),
            ("On 2024-05-01 it rained", "On 2024-05-02 it rained", None),
            ("2*3", "2 3", None),
            ("是 5", "是 6", None),
        ] {
            assert_eq!(same(one, other), expected, "{one} | {other}");
            assert_eq!(same(other, one), expected, "{other} | {one}");
        }
    }

    #[test]
    fn numbers_that_may_both_be_right_contradict_nothing() {
        for (one, other) in [
            ("The roots are 2 and 3.", "The roots are 3 and 2."),
            ("2, 3", "3, 2"),
            ("{1, 2}", "{2, 1}"),
            ("2 * 3 = 6", "3 * 2 = 6"),
            ("\\frac{0}{2}", "\\frac{0}{3}"),
            ("approximately 3.14", "approximately 3.1416"),
            ("In 2019 sales were 5 million.", "In 2020 sales were 6 million."),
            ("In 2019 sales were 5 million.", "In 2020 sales were 5 million."),
            ("There are at least 5 such cases.", "There are at least 3 such cases."),
            ("Here are 5 ways to save money:", "Here are 3 ways to save money:"),
            ("For example, 7 is a prime.", "For example, 11 is a prime."),
            ("7 is a prime.", "11 is a prime."),
            ("You can use port 8080 here.", "You can use port 9090 here."),
            ("Room 5 is empty.", "Room 6 is empty."),
            ("The height is, e.g., 5 m.", "The height is, e.g., 6 m."),
        ] {
            assert_eq!(same(one, other), None, "{one} | {other}");
        }
    }

    #[test]
    fn only_pairs_of_stars_around_words_are_emphasis() {
        for (text, expected) in [
            ("**a** b **c d**", "a b c d"),
            ("**Answer:** 5", "Answer: 5"),
            ("a ** b ** c", "a ** b ** c"),
            ("2**3**4", "2**3**4"),
            ("f(**a, **b)", "f(**a, **b)"),
            ("****x****", "****x****"),
            ("***x***", "***x***"),
            ("**x", "**x"),
            ("z** and **y", "z** and **y"),
            ("é**é** **é**", "é**é** é"),
            ("**`x`**", "**`x`**"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn marks_cannot_be_written_by_an_answer() {
        assert_eq!(same("It is \u{1} high", "It is 5 high"), None);
        assert_eq!(Statement::of(" \n"), None);
    }

    #[test]
    fn a_pattern_shows_where_the_numbers_stand() {
        assert_eq!(Statement::of("It boils at 99.5 °C.").unwrap().pattern(), "It boils at … °C");
    }
}
