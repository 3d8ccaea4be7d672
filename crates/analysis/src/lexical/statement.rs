//! Statements without what does not matter, so that they can be compared.

use super::number::Number;

/// What a statement says: its words in order, with a mark in place of each number and option, and these values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Statement {
    pub(crate) skeleton: String,
    pub(crate) values: Vec<Value>,
    /// Words among it, which are no number, option or sign.
    pub(crate) words: usize,
}

/// What two statements of the same words may differ in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Number(Number),
    /// An option of a multiple choice, such as `(B)`.
    Option(char),
}

/// Stand in a skeleton for values; control characters of a text never get into one.
const NUMBER: char = '\u{1}';
const OPTION: char = '\u{2}';

/// Marks of emphasis and quotation.
const EMPHASIS: [char; 2] = ['*', '_'];
const QUOTES: [char; 10] = ['"', '“', '”', '„', '«', '»', '\'', '‘', '’', '‚'];

impl Statement {
    /// Reads a statement; `None` where it has no words, numbers or signs.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut reader = Reader::default();
        reader.read(text);
        let statement = reader.statement;
        (!statement.skeleton.is_empty()).then_some(statement)
    }

    /// Whether both say the same: yes where words and values are equal, no where only values are unequal, and `None` where
    /// it cannot be told.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        if self.skeleton != other.skeleton {
            return None;
        }
        let mut all = Some(true);
        for (one, other) in self.values.iter().zip(&other.values) {
            let same = match (one, other) {
                (Value::Number(one), Value::Number(other)) => one.is_same(other),
                _ => Some(one == other),
            };
            match same {
                Some(false) => return Some(false),
                None => all = None,
                Some(true) => {}
            }
        }
        all
    }

    /// The words, with an ellipsis for each value.
    pub(crate) fn pattern(&self) -> String {
        self.skeleton.replace([NUMBER, OPTION], "…")
    }
}

#[derive(Default)]
struct Reader {
    statement: Statement,
    before: Option<char>,
    is_line_start: bool,
}

impl Reader {
    fn read(&mut self, text: &str) {
        self.is_line_start = true;
        let mut rest = text;
        while let Some(part) = rest.chars().next() {
            let after = self.take(part, rest);
            let taken = &rest[..rest.len() - after.len()];
            self.is_line_start = taken.ends_with('\n') || (self.is_line_start && taken.trim().is_empty());
            self.before = taken.chars().next_back();
            rest = after;
        }
    }

    /// Takes what begins with `part` off `rest`.
    fn take<'a>(&mut self, part: char, rest: &'a str) -> &'a str {
        let after = &rest[part.len_utf8()..];
        let next = after.chars().next();
        if part.is_whitespace() || part.is_control() || QUOTES.contains(&part) {
            return after;
        }
        if part == '`' {
            return self.code(after);
        }
        let is_sign = matches!(part, '-' | '−')
            && self.before.is_none_or(|before| before.is_whitespace() || "(=$€£¥*_".contains(before));
        if part.is_ascii_digit() || (is_sign && next.is_some_and(|next| next.is_ascii_digit())) {
            return self.number(rest);
        }
        if part.is_alphanumeric() {
            return self.word(rest);
        }
        if let Some((option, after)) =
            option(rest).filter(|_| !self.before.is_some_and(char::is_alphanumeric))
        {
            self.push_value(OPTION, Value::Option(option));
            return after;
        }
        if self.is_line_start && matches!(part, '-' | '*' | '+' | '•' | '#' | '>') {
            let item = after.trim_start_matches('#');
            if item.starts_with([' ', '\t']) {
                return item;
            }
        }
        if EMPHASIS.contains(&part) {
            let after = rest.trim_start_matches(EMPHASIS);
            let is_word = |part: Option<char>| part.is_some_and(char::is_alphanumeric);
            let is_space = |part: Option<char>| part.is_none_or(char::is_whitespace);
            let next = after.chars().next();
            let is_sign =
                (is_word(self.before) && is_word(next)) || (is_space(self.before) && is_space(next));
            if !is_sign {
                return after;
            }
        }
        let ends = next.is_none_or(|next| {
            next.is_whitespace() || next == ')' || QUOTES.contains(&next) || EMPHASIS.contains(&next)
        });
        let is_stop = matches!(part, '.' | ',' | ';' | ':' | '。' | '、' | '，')
            // After a number it may be a factorial.
            || (part == '!' && self.before.is_some_and(char::is_alphabetic));
        if !(is_stop && ends) {
            self.push_token(|skeleton| {
                skeleton.push(if matches!(part, '–' | '—' | '−') { '-' } else { part });
            });
        }
        after
    }

    /// Code in a line: a number or a word, else kept as it is.
    fn code<'a>(&mut self, rest: &'a str) -> &'a str {
        let rest = rest.trim_start_matches('`');
        let line = rest.find('\n').unwrap_or(rest.len());
        let Some(end) = rest[..line].find('`') else { return rest };
        let inside = rest[..end].trim();
        match Number::read(inside) {
            Some((number, "")) => self.push_value(NUMBER, Value::Number(number)),
            _ if inside.chars().all(char::is_alphanumeric) => {
                self.word(inside);
            }
            _ => self.push_token(|skeleton| {
                skeleton.push('`');
                skeleton.extend(inside.chars().filter(|part| !part.is_control()));
            }),
        }
        rest[end..].trim_start_matches('`')
    }

    fn number<'a>(&mut self, rest: &'a str) -> &'a str {
        if let Some((number, after)) = Number::read(rest) {
            self.push_value(NUMBER, Value::Number(number));
            return after;
        }
        // A date, a range, a version: compared as it is written.
        let mut end = 0;
        for (at, part) in rest.char_indices() {
            let inner = matches!(part, '.' | ',' | '/' | ':' | '-' | '–' | '−')
                && rest[at + part.len_utf8()..].starts_with(|next: char| next.is_ascii_digit());
            if !part.is_numeric() && !inner {
                break;
            }
            end = at + part.len_utf8();
        }
        let (written, after) = rest.split_at(end);
        self.push_token(|skeleton| skeleton.push_str(written));
        after
    }

    fn word<'a>(&mut self, rest: &'a str) -> &'a str {
        let mut end = 0;
        for (at, part) in rest.char_indices() {
            let inner =
                matches!(part, '\'' | '’') && rest[at + part.len_utf8()..].starts_with(char::is_alphanumeric);
            if !part.is_alphanumeric() && !inner {
                break;
            }
            end = at + part.len_utf8();
        }
        let (word, after) = rest.split_at(end);
        self.statement.words += 1;
        self.push_token(|skeleton| {
            let letters = word.chars().map(|part| if part == '’' { '\'' } else { part });
            skeleton.extend(letters.flat_map(char::to_lowercase));
        });
        after
    }

    fn push_value(&mut self, mark: char, value: Value) {
        self.push_token(|skeleton| skeleton.push(mark));
        self.statement.values.push(value);
    }

    fn push_token(&mut self, write: impl FnOnce(&mut String)) {
        let skeleton = &mut self.statement.skeleton;
        if !skeleton.is_empty() {
            skeleton.push(' ');
        }
        write(skeleton);
    }
}

/// The option at the beginning of a text, such as `(B)`. A small `i` is a Roman one.
pub(crate) fn option(text: &str) -> Option<(char, &str)> {
    let mut parts = text.chars();
    let (open, letter, close) = (parts.next()?, parts.next()?, parts.next()?);
    let is_letter = matches!(letter, 'A'..='J' | 'a'..='h');
    (open == '(' && is_letter && close == ')').then(|| (letter.to_ascii_uppercase(), parts.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> Option<bool> {
        let read = |text| Statement::of(text).unwrap_or_else(|| panic!("{text} says something"));
        read(one).is_same(&read(other))
    }

    #[test]
    fn form_does_not_matter_and_unequal_values_contradict() {
        for (one, other, expected) in [
            ("It is Paris.", "it is **Paris**", Some(true)),
            ("- \"It’s 1,000 km!\"", "It's 1000km", Some(true)),
            ("# The sum is 5", "The sum is 6.", Some(false)),
            ("It costs $5.", "It costs $ 5", Some(true)),
            ("It costs $5.", "It costs €5", None),
            ("It is 5 km", "It is 5 m", None),
            ("It is 5", "It is not 5", None),
            ("Paris", "London", None),
            ("Take (B).", "Take (C).", Some(false)),
            ("On 2024-05-01 it rained", "On 2024-05-02 it rained", None),
            ("It is 1.000 m", "It is 1000 m", None),
            ("It is `42`", "It is 42", Some(true)),
            ("Use `a_b`", "Use `a*b`", None),
            ("5!", "5", None),
            ("a + b", "a - b", None),
            ("2*3", "2 3", None),
            ("(a+b)c", "a+bc", None),
            ("-5 degrees", "5 degrees", Some(false)),
            ("ÄRGER ist 3", "ärger ist 3", Some(true)),
            ("是 5", "是 6", Some(false)),
        ] {
            assert_eq!(same(one, other), expected, "{one} | {other}");
            assert_eq!(same(other, one), expected, "{other} | {one}");
        }
    }

    #[test]
    fn marks_cannot_be_written_by_an_answer() {
        assert_eq!(same("is \u{1} 5", "is 5"), Some(true));
        assert_eq!(Statement::of("\u{1} * . ").map(|statement| statement.values.len()), Some(0));
        assert_eq!(Statement::of(" \n..."), Statement::of("..."));
    }

    #[test]
    fn a_pattern_shows_where_the_values_stand() {
        assert_eq!(Statement::of("It boils at 99.5 °C.").unwrap().pattern(), "it boils at … ° c");
    }
}
