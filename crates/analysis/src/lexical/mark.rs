//! Where an answer says itself what it comes down to.

use super::{
    doubt,
    sentence::{Split, is_fence, is_item, without_marks},
    statement::plain,
};

/// Something that an answer says it comes down to.
#[derive(Debug)]
pub(super) struct Mark<'a> {
    pub(super) value: String,
    /// What stands behind it in its line.
    pub(super) line: &'a str,
    /// The lines after it.
    pub(super) following: &'a str,
}

/// Marks that an answer may have; one with more speaks of answers, and comes down to none.
pub(super) const MOST_MARKS: usize = 32;

/// Words that may stand before "answer", so that the sentence says what it is.
const LEADS: [&str; 13] = [
    "the",
    "so",
    "thus",
    "therefore",
    "hence",
    "my",
    "final",
    "correct",
    "right",
    "best",
    "overall",
    "short",
    "our",
];

const BOXED: &str = "\\boxed{";

/// The marks of an answer, in order; `None` where one cannot be read with certainty.
pub(super) fn marks(answer: &str) -> Option<Vec<Mark<'_>>> {
    let mut found = Vec::new();
    let (mut at, mut is_code, mut is_pending) = (0, false, false);
    let (mut is_framed, mut is_denied) = (false, false);
    for line in answer.split_inclusive('\n') {
        at += line.len();
        let (line, following) = (line.trim(), &answer[at..]);
        if is_fence(line) {
            if is_pending {
                return None;
            }
            is_code = !is_code;
        }
        if is_code || line.is_empty() || is_fence(line) {
            continue;
        }
        let has_box = line.contains(BOXED);
        let mut split = Split { rest: without_marks(line) };
        while let Some(sentence) = split.next() {
            let text = plain(sentence);
            let value = match is_pending {
                true => Some(text.trim()),
                false => mark(&text),
            };
            is_pending = false;
            // A box says itself what stands in it.
            let Some(value) = value.filter(|_| !has_box) else { continue };
            // After "people say:" and in a list it may be anybody's answer.
            if is_framed || is_item(line) {
                return None;
            }
            if value.is_empty() {
                is_pending = true;
            } else {
                found.push(Mark { value: value.to_owned(), line: split.rest, following });
            }
        }
        if has_box {
            if is_denied || is_item(line) {
                return None;
            }
            boxes(line, following, &mut found)?;
        }
        is_framed = line.trim_end_matches('*').ends_with(':') && !is_pending;
        is_denied = is_framed && doubt::limits(line);
        if found.len() > MOST_MARKS {
            break;
        }
    }
    (!is_pending).then_some(found)
}

/// Whether nothing stands behind a mark that may belong to what it says.
pub(super) fn is_last(mark: &Mark<'_>) -> bool {
    let next = mark.following.lines().next().unwrap_or_default().trim();
    let begins = mark.following.trim_start().lines().next().unwrap_or_default();
    // The bracket that closes a formula is no word.
    let is_over = !next.contains(char::is_alphabetic);
    let (line, following) = (mark.line, mark.following);
    is_over
        && !is_item(begins)
        && !doubt::holds_items(following)
        && !doubt::joins(line)
        && !doubt::takes_back(line)
        && !doubt::takes_back(following)
}

/// Whether a sentence says what the answer is.
pub(super) fn is_marked(sentence: &str) -> bool {
    sentence.contains(BOXED) || mark(&plain(sentence)).is_some()
}

/// What follows "the answer is", "answer:" and the like at the beginning of a sentence.
fn mark(sentence: &str) -> Option<&str> {
    let mut rest = sentence.trim_start_matches('*');
    for _ in 0..=LEADS.len() {
        let end = rest.find(|part: char| !part.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is = |known: &&str| word.eq_ignore_ascii_case(known);
        if LEADS.iter().any(is) {
            rest = after.strip_prefix(',').unwrap_or(after).strip_prefix(' ')?;
            continue;
        }
        if is(&"answer")
            && let Some(value) = after.trim_start().strip_prefix(':')
        {
            return Some(value.trim());
        }
        if !["answer", "option", "choice"].iter().any(is) {
            return None;
        }
        let value = after.strip_prefix(' ')?.strip_prefix("is")?;
        let value = value.strip_prefix(':').unwrap_or(value);
        return (value.is_empty() || value.starts_with(char::is_whitespace)).then(|| value.trim());
    }
    None
}

/// What stands in the boxes of a line; `None` where one is not closed, or where what stands around it belongs to it.
fn boxes<'a>(line: &'a str, following: &'a str, found: &mut Vec<Mark<'a>>) -> Option<()> {
    let mut from = 0;
    while let Some(place) = line[from..].find(BOXED) {
        let start = from + place + BOXED.len();
        let end = start + closing(&line[start..])?;
        let (before, after) = (&line[..from + place], &line[end + 1..]);
        if found.len() > MOST_MARKS || !ends_apart(before) || !begins_apart(after) {
            return None;
        }
        found.push(Mark { value: line[start..end].trim().to_owned(), line: after, following });
        from = end + 1;
    }
    Some(())
}

/// The place of the brace that closes the one before `text`.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for (at, part) in text.char_indices() {
        match part {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether a box after this text is neither part of a formula nor denied.
fn ends_apart(before: &str) -> bool {
    let text = before.trim_end_matches([' ', '$', '(', '[', '\\', '*']);
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let is_apart = match text.chars().next_back() {
        None | Some(':' | ',') => true,
        Some('=') => {
            !text.ends_with(['!', '<', '>', '~']) && !text[..text.len() - 1].ends_with(['!', '<', '>', '~'])
        }
        Some(_) => last.chars().all(char::is_alphabetic),
    };
    let clause = text.rsplit(['.', ',', ':', ';']).next().unwrap_or_default();
    is_apart && !doubt::limits(text) && !doubt::is_loose(clause)
}

/// Whether what follows a box does not belong to it, as a unit would.
fn begins_apart(after: &str) -> bool {
    let text = after.trim_start_matches([' ', '$', '\\', ')', ']', '*']);
    text.is_empty() || text.starts_with(['.', ',', ';'])
}
