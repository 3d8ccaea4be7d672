//! Texts with variables.

use std::fmt::Write as _;

use crate::{Error, ErrorKind, Result, nearest};

/// A variable that a template may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name, as it stands between `{{` and `}}`.
    pub name: &'static str,
    /// Whether a template without it makes no sense.
    pub is_required: bool,
}

impl Variable {
    /// A variable that must be there.
    pub const fn required(name: &'static str) -> Self {
        Self { name, is_required: true }
    }

    /// A variable that may be left out.
    pub const fn optional(name: &'static str) -> Self {
        Self { name, is_required: false }
    }
}

/// A text with variables such as `{{answers}}`. A `{{` that is none is written `{{{{`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(&'static str),
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

impl Template {
    /// Reads a template that may have `variables`.
    ///
    /// # Errors
    /// `Config`: a variable that is not known, with its place and the nearest one that is; a `{{` that is not closed; a
    /// required variable that is missing.
    pub fn parse(text: &str, variables: &[Variable]) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(OPEN) {
            let open = at + found;
            literal.push_str(&text[at..open]);
            let inside = open + OPEN.len();
            if text[inside..].starts_with(OPEN) {
                literal.push_str(OPEN);
                at = inside + OPEN.len();
                continue;
            }
            let end = text[inside..].find(CLOSE).map(|length| inside + length);
            // A variable stands on one line, so that an unclosed one is found where it begins.
            let end = end.filter(|end| !text[inside..*end].contains(['\n', '{'])).ok_or_else(|| {
                wrong(format!(
                    "the `{{{{` at {} is not closed by `}}}}`; one that opens no variable is written `{{{{{{{{`",
                    place(text, open)
                ))
            })?;
            let name = text[inside..end].trim();
            let known = variables.iter().find(|variable| variable.name == name);
            let known = known.ok_or_else(|| unknown(name, &place(text, open), variables))?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Variable(known.name));
            at = end + CLOSE.len();
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        let template = Self { pieces };
        match variables.iter().find(|variable| variable.is_required && template.uses(variable.name) == 0) {
            Some(missing) => {
                Err(wrong(format!("`{{{{{}}}}}` is missing: without it nothing is shown", missing.name)))
            }
            None => Ok(template),
        }
    }

    /// How often the variable `name` stands in it.
    pub fn uses(&self, name: &str) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Variable(used) if *used == name)).count()
    }

    /// The text with what `value` gives for each variable. What is put in is not read again.
    pub fn render<'a>(&self, value: impl Fn(&str) -> &'a str) -> String {
        let mut out = String::new();
        self.render_into(&mut out, value);
        out
    }

    pub(super) fn render_into<'a>(&self, out: &mut String, value: impl Fn(&str) -> &'a str) {
        for piece in &self.pieces {
            out.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Variable(name) => value(name),
            });
        }
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Line and column, counted from 1.
fn place(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

fn unknown(name: &str, place: &str, variables: &[Variable]) -> Error {
    let names = || variables.iter().map(|variable| variable.name);
    let shown: String = name.chars().take(40).collect();
    let mut message = format!("no variable `{{{{{shown}}}}}` ({place}): ");
    match nearest(name, names()) {
        Some(near) => {
            let _ = write!(message, "did you mean `{{{{{near}}}}}`?");
        }
        None => {
            let known: Vec<_> = names().map(|name| format!("`{{{{{name}}}}}`")).collect();
            let _ = write!(message, "known are {}", known.join(", "));
        }
    }
    wrong(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &[Variable] = &[Variable::required("answers"), Variable::optional("question")];

    fn rendered(text: &str) -> String {
        let template = Template::parse(text, KNOWN).unwrap();
        template.render(|name| if name == "answers" { "{{question}} {{{{" } else { "why?" })
    }

    #[test]
    fn variables_are_filled_in_and_what_is_put_in_is_not_read_again() {
        for (text, expected) in [
            ("{{answers}}", "{{question}} {{{{"),
            ("{{ question }}: {{answers}}!", "why?: {{question}} {{{{!"),
            ("{{{{answers}} {{answers}}", "{{answers}} {{question}} {{{{"),
            ("{ } }} {\"a\": {\"b\": 1}} {{answers}}", "{ } }} {\"a\": {\"b\": 1}} {{question}} {{{{"),
            ("é{{answers}}é", "é{{question}} {{{{é"),
        ] {
            assert_eq!(rendered(text), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("{{anwsers}}", "no variable `{{anwsers}}` (line 1, column 1): did you mean `{{answers}}`?"),
            (
                "one\n é {{x}} {{answers}}",
                "no variable `{{x}}` (line 2, column 4): known are `{{answers}}`, `{{question}}`",
            ),
            ("", "`{{answers}}` is missing: without it nothing is shown"),
            ("{{question}}", "`{{answers}}` is missing: without it nothing is shown"),
            (
                "{{answers",
                "the `{{` at line 1, column 1 is not closed by `}}`; one that opens no variable is written `{{{{`",
            ),
            (
                "a {{answers\n}}",
                "the `{{` at line 1, column 3 is not closed by `}}`; one that opens no variable is written `{{{{`",
            ),
        ] {
            let error = Template::parse(text, KNOWN).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Config, expected));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_once_its_braces_are_doubled(text in "[a-z{} \n]{0,40}") {
            let doubled = text.replace("{{", "{{{{");
            // A single brace before doubled ones shifts the pairs: such texts say so, and never panic.
            if let Ok(template) = Template::parse(&format!("{doubled} {{{{answers}}}}"), KNOWN)
                && !text.contains("{{{") && !text.ends_with('{')
            {
                prop_assert_eq!(template.render(|_| "X"), format!("{text} X"));
            }
        }
    }
}
