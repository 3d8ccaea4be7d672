//! Findings in a few words, for a reader and for a synthesis.

use std::fmt::Write as _;

use ultraai_core::prompt::shortened;

/// Points that a summary names.
const MOST_POINTS: usize = 5;

/// Bytes of a statement in a summary.
const LONGEST_POINT: usize = 160;

/// Bytes of a summary that a model wrote.
const LONGEST_SUMMARY: usize = 1200;

/// Bytes of a statement among the details.
const LONGEST_DETAIL: usize = 500;

/// Begins a summary of what was found without a model.
pub(crate) fn lexical(fell_back: bool) -> String {
    match fell_back {
        true => {
            "The analyst gave no comparison that can be used; the answers were compared by their words alone."
                .to_owned()
        }
        false => "The answers were compared by their words alone.".to_owned(),
    }
}

/// Ends it where nothing was found.
pub(crate) fn nothing(summary: &mut String) {
    summary.push_str(" Whether they agree cannot be told so.");
}

/// Adds what answers, by place, say: each point on a line, and no more than a reader takes in.
pub(crate) fn points<'a>(
    summary: &mut String,
    lines: impl Iterator<Item = Vec<(&'a [usize], impl AsRef<str>)>>,
) {
    for positions in lines.take(MOST_POINTS) {
        summary.push_str("\n- ");
        for (number, (places, says)) in positions.iter().enumerate().take(MOST_POINTS) {
            let _ = write!(
                summary,
                "{}{}: {}",
                if number == 0 { "" } else { "; " },
                named(places),
                shortened(says.as_ref(), LONGEST_POINT).replace('\n', " ")
            );
        }
    }
}

/// A model's own summary, shortened.
pub(crate) fn of_model(text: &str) -> String {
    shortened(text, LONGEST_SUMMARY).into_owned()
}

/// A statement as it stands in the details.
pub(crate) fn detail(text: &str) -> String {
    shortened(text, LONGEST_DETAIL).into_owned()
}

/// Answers in the words of a prompt: "answers 1, 3".
fn named(places: &[usize]) -> String {
    let mut numbers = String::new();
    for place in places {
        let separator = if numbers.is_empty() { "" } else { ", " };
        let _ = write!(numbers, "{separator}{}", place + 1);
    }
    match places.len() {
        1 => format!("answer {numbers}"),
        _ => format!("answers {numbers}"),
    }
}
