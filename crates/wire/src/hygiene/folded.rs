//! Texts as they are compared: what servers do to what they repeat is undone.

use std::iter;

/// A character of a text in the one form that both sides are compared in, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) c: char,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What is left of a text when all is undone that servers do to what they repeat: they quote it and escape it, once or
/// more, as JSON, Python, addresses and HTML do, and write it in other cases.
///
/// White space, quotes, backslashes and the letters that stand for a line's end behind them are left out.
pub(super) fn folded(text: &str) -> impl Iterator<Item = Letter> {
    // What one character becomes, the last of it first.
    let mut several: Vec<Letter> = Vec::new();
    let mut at = 0;
    iter::from_fn(move || {
        loop {
            if let Some(letter) = several.pop() {
                return Some(letter);
            }
            let letter = letter(text, at)?;
            at = letter.to;
            match letter.c {
                // Addresses say white space with a plus.
                '"' | '\'' | '+' | '\\' => {}
                c if c.is_whitespace() || c.is_control() => {}
                c if c.is_ascii() => return Some(Letter { c: c.to_ascii_lowercase(), ..letter }),
                // Some letters have a lower case of their own only behind their upper case.
                c => {
                    let lower = c.to_uppercase().flat_map(char::to_lowercase);
                    several.extend(lower.map(|c| Letter { c, ..letter }));
                    several.reverse();
                }
            }
        }
    })
}

/// The character that begins there, or that an escape there stands for.
fn letter(text: &str, from: usize) -> Option<Letter> {
    let c = text[from..].chars().next()?;
    let escaped = match c {
        '\\' => backslashed(text, from),
        '%' => percent_encoded(text, from),
        '&' => entity(text, from),
        _ => None,
    };
    let to = match (escaped, c) {
        (Some((_, to)), _) => to,
        (None, '\\') => {
            let to = past_backslashes(text, from);
            to + usize::from(text[to..].starts_with(['n', 'r', 't']))
        }
        (None, _) => from + c.len_utf8(),
    };
    Some(Letter { c: escaped.map_or(c, |(c, _)| c), from, to })
}

fn past_backslashes(text: &str, at: usize) -> usize {
    at + text.as_bytes()[at..].iter().take_while(|byte| **byte == b'\\').count()
}

/// The character that an escape with a backslash stands for, and where it ends: `\u4e2d`, a pair of those,
/// `\u{4e2d}`, `\U0001f600` or `\xe4`.
fn backslashed(text: &str, at: usize) -> Option<(char, usize)> {
    let (first, to) = code_unit(text, at)?;
    if !(0xd800..0xdc00).contains(&first) {
        // Half of a pair alone stands for nothing.
        return Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), to));
    }
    let pair = code_unit(text, to).filter(|(second, _)| (0xdc00..0xe000).contains(second));
    let pair = pair.and_then(|(second, to)| {
        Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, to))
    });
    Some(pair.unwrap_or((char::REPLACEMENT_CHARACTER, to)))
}

fn code_unit(text: &str, at: usize) -> Option<(u32, usize)> {
    let letter = past_backslashes(text, at);
    if letter == at {
        return None;
    }
    let from = letter + 1;
    let length = match text.as_bytes().get(letter)? {
        b'u' if text.as_bytes().get(from) == Some(&b'{') => {
            let length = text[from..].bytes().take(8).position(|byte| byte == b'}')?;
            return Some((hex(text, from + 1, length - 1)?, from + length + 1));
        }
        b'u' => 4,
        b'U' => 8,
        b'x' => 2,
        _ => return None,
    };
    Some((hex(text, from, length)?, from + length))
}

/// The number that `length` digits are.
fn hex(text: &str, at: usize, length: usize) -> Option<u32> {
    let digits = text.get(at..at + length).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// The character that a run such as `%E4%B8%AD` stands for, and where it ends.
fn percent_encoded(text: &str, at: usize) -> Option<(char, usize)> {
    let byte = |at: usize| {
        let mut at = text.get(at..)?.strip_prefix('%').map(|_| at + 1)?;
        // Encoded twice: `%25` is the percent sign.
        while text
            .get(at..at + 4)
            .is_some_and(|four| four.starts_with("25") && hex(text, at + 2, 2).is_some())
        {
            at += 2;
        }
        Some((u8::try_from(hex(text, at, 2)?).ok()?, at + 2))
    };
    let mut read = vec![byte(at)?];
    let length = match read[0].0 {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    };
    while read.len() < length {
        read.push(byte(read.last()?.1)?);
    }
    let bytes: Vec<u8> = read.iter().map(|(byte, _)| *byte).collect();
    Some((std::str::from_utf8(&bytes).ok()?.chars().next()?, read.last()?.1))
}

/// The character that an entity of HTML such as `&#20013;` stands for, and where it ends.
fn entity(text: &str, at: usize) -> Option<(char, usize)> {
    let mut from = at + 1;
    // Escaped twice: `&amp;` is the ampersand.
    while text[from..].starts_with("amp;") && named_or_numbered(text, from + 4).is_some() {
        from += 4;
    }
    named_or_numbered(text, from)
}

fn named_or_numbered(text: &str, from: usize) -> Option<(char, usize)> {
    let length = text[from..].bytes().take(9).position(|byte| byte == b';')?;
    let (name, to) = (text.get(from..from + length)?, from + length + 1);
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            char::from_u32(match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            })?
        }
    };
    Some((c, to))
}
