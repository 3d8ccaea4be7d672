//! What kind of task a request is, told by cheap rules.

mod search;
mod words;

use serde::{Deserialize, Serialize};
use ultraai_core::{ChatRequest, Message, Part, ResponseFormat, Role};

use self::search::{List, search};

/// Bytes that are looked at from the beginning of the last user message, where the instruction mostly stands.
const HEAD: usize = 3_072;

/// Bytes that are looked at from its end, where the instruction stands when a document comes first.
const TAIL: usize = 1_024;

/// The kind of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Programs are read or written.
    Code,
    /// A number or a proof is wanted.
    Arithmetic,
    /// Something is taken out of a text that is given.
    Extraction,
    /// One of several given answers is wanted.
    Choice,
    /// Anything else.
    Open,
}

impl Kind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 5] = [Self::Code, Self::Arithmetic, Self::Extraction, Self::Choice, Self::Open];

    /// The name as it stands in the state file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Arithmetic => "arithmetic",
            Self::Extraction => "extraction",
            Self::Choice => "choice",
            Self::Open => "open",
        }
    }
}

/// How much is asked, by the bytes of all texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// Up to 500 bytes.
    Short,
    /// Up to 8,000 bytes.
    Medium,
    /// More.
    Long,
}

impl Length {
    fn of(request: &ChatRequest) -> Self {
        let bytes: usize = request.parts().filter_map(Part::as_text).map(str::len).sum();
        match bytes {
            0..=500 => Self::Short,
            501..=8_000 => Self::Medium,
            _ => Self::Long,
        }
    }

    /// The name as it stands in the trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }
}

/// The form that the answer must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Free text.
    Text,
    /// JSON, with a schema or without.
    Json,
    /// A call of a tool, or an answer after one.
    Tools,
}

impl Format {
    fn of(request: &ChatRequest) -> Self {
        let tools = |part: &Part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_));
        if !request.tools.is_empty() || request.parts().any(tools) {
            return Self::Tools;
        }
        match request.response_format {
            None | Some(ResponseFormat::Text) => Self::Text,
            Some(_) => Self::Json,
        }
    }

    /// The name as it stands in the trace.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Tools => "tools",
        }
    }
}

/// What is known of a request before anybody is asked. A heuristic: it reads no more than 4 kB, and it errs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// The kind.
    pub kind: Kind,
    /// What the kind was told by, without a word of the request.
    pub sign: &'static str,
    /// The length.
    pub length: Length,
    /// The wanted format.
    pub format: Format,
}

impl Task {
    /// Looks at the last user message and at the fields of `request`.
    pub fn of(request: &ChatRequest) -> Self {
        let format = Format::of(request);
        let (kind, sign) = match request.messages.iter().rev().find(|message| message.role == Role::User) {
            Some(message) => kind_of(&excerpt(message), format),
            None => (Kind::Open, "nothing was asked by a user"),
        };
        Self { kind, sign, length: Length::of(request), format }
    }
}

/// The beginning and the end of the message's texts, in lower case.
fn excerpt(message: &Message) -> String {
    let mut head = String::new();
    let mut tail = String::new();
    for text in message.content.iter().filter_map(Part::as_text) {
        let taken = text.floor_char_boundary(HEAD.saturating_sub(head.len()));
        head.push_str(&text[..taken]);
        head.push('\n');
        let rest = &text[taken..];
        if !rest.is_empty() {
            let from = rest.ceil_char_boundary(rest.len().saturating_sub(TAIL));
            // Only the last part's end counts: what comes before it is the middle of the message.
            rest[from..].clone_into(&mut tail);
        }
    }
    head.push_str(&tail);
    head.to_lowercase()
}

fn kind_of(text: &str, format: Format) -> (Kind, &'static str) {
    if option_lines(text) >= 2 {
        return (Kind::Choice, "it lists answers to choose from");
    }
    let found = search(text);
    if text.contains("```") || found.marks() >= 2 {
        return (Kind::Code, "it holds a piece of a program");
    }
    if found.has(List::Code) {
        return (Kind::Code, "it speaks of programs");
    }
    if found.has(List::Extraction) {
        return (Kind::Extraction, "it asks to take something out of a text");
    }
    if found.has(List::Choice) {
        return (Kind::Choice, "it asks to choose");
    }
    if operators(text) {
        return (Kind::Arithmetic, "it holds a formula");
    }
    if found.has(List::Amount) && numbers(text) >= 2 {
        return (Kind::Arithmetic, "it holds numbers and asks for one");
    }
    if found.has(List::Mathematics) {
        return (Kind::Arithmetic, "it speaks of mathematics");
    }
    if format == Format::Json {
        return (Kind::Extraction, "it wants JSON");
    }
    (Kind::Open, "nothing says otherwise")
}

/// Lines that begin with the next letter of a list, as in `A.`, `b)` and `(C)`.
fn option_lines(text: &str) -> usize {
    let mut next = b'a';
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '\t', '(', '*', '-', '[']);
        let mut bytes = line.bytes();
        let is_letter = bytes.next() == Some(next);
        if is_letter && matches!(bytes.next(), Some(b'.' | b')' | b':' | b']')) && next < b'z' {
            next += 1;
        }
    }
    usize::from(next - b'a')
}

/// Numbers in the text, in any script.
fn numbers(text: &str) -> usize {
    let mut count = 0;
    let mut inside = false;
    for letter in text.chars() {
        let digit = letter.is_numeric();
        count += usize::from(digit && !inside);
        // `1,000` and `3.5` are one number.
        inside = digit || (inside && matches!(letter, ',' | '.'));
    }
    count
}

/// Whether a number, an operator and a number stand next to each other. A hyphen alone is none: dates have it.
fn operators(text: &str) -> bool {
    let mut before = false;
    let mut operator = false;
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        match letter {
            '+' | '*' | '×' | '÷' | '^' | '·' => operator = before,
            letter if letter.is_numeric() => {
                if operator {
                    return true;
                }
                before = true;
            }
            _ => (before, operator) = (false, false),
        }
    }
    false
}

#[cfg(test)]
mod tests;
