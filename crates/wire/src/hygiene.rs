//! Keeps keys and prompts out of what a server's error texts say.

use std::collections::HashMap;

use ultraai_core::{ChatRequest, Error, Part, Secret};

/// Longest message that is passed on, in characters.
const MESSAGE_CHARS: usize = 300;

/// Texts of a request shorter than this are words, and a server may well say them itself. In bytes, because a script
/// that takes more bytes for a character says more with it: four Chinese characters are a sentence.
const SHORTEST_ECHO: usize = 12;

/// A run of so many bytes of the request is no accident.
const ECHO_BYTES: usize = 24;

/// What is looked at of a message before it is shortened, in bytes: escapes make it longer.
const MESSAGE_BYTES: usize = 4096;

/// Takes the key and the texts of the request out of the message, and then control characters and what is too long.
pub(crate) fn cleaned(error: Error, request: &ChatRequest, secret: Option<&Secret>) -> Error {
    cleaned_by(error, secret, |message| request.parts().for_each(|part| remove_echoes(message, part)))
}

/// As [`cleaned`], of a request that holds these texts.
pub(crate) fn cleaned_of<'a>(
    error: Error,
    texts: impl Iterator<Item = &'a str>,
    secret: Option<&Secret>,
) -> Error {
    cleaned_by(error, secret, |message| texts.for_each(|text| remove_echo(message, text)))
}

fn cleaned_by(error: Error, secret: Option<&Secret>, remove: impl FnOnce(&mut String)) -> Error {
    let mut message = error.message().to_owned();
    // A key of a few characters, as local servers get, would take words apart.
    if let Some(secret) = secret.map(Secret::expose).filter(|secret| secret.len() >= 4) {
        message = message.replace(secret, "[key]");
    }
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
    remove(&mut message);
    error.with_message(shortened(&message))
}

fn remove_echoes(message: &mut String, part: &Part) {
    match part {
        Part::Text { text, .. } | Part::Refusal { text, .. } => remove_echo(message, text),
        Part::Reasoning(reasoning) => remove_echo(message, &reasoning.text),
        Part::ToolCall(call) => remove_echo(message, &call.arguments),
        Part::ToolResult(result) => result.content.iter().for_each(|part| remove_echoes(message, part)),
        _ => {}
    }
}

/// Replaces what the message repeats of `text`: all of it, or any run of [`ECHO_BYTES`].
///
/// Takes time in proportion to the text: what is looked up is made of the message, which is bounded.
fn remove_echo(message: &mut String, text: &str) {
    let mut asked: Vec<char> = folded(text).into_iter().map(|letter| letter.c).collect();
    let bytes: usize = asked.iter().map(|c| c.len_utf8()).sum();
    if bytes < SHORTEST_ECHO {
        return;
    }
    let letters = folded(message);
    let mut said: Vec<char> = letters.iter().map(|letter| letter.c).collect();
    let mut echoed = vec![false; said.len()];
    mark_echoes(&said, &asked, bytes.min(ECHO_BYTES), &mut echoed);
    if asked.len() < bytes {
        // Runs of characters of many bytes need not end where the echo does, but read backwards they begin there.
        asked.reverse();
        said.reverse();
        echoed.reverse();
        mark_echoes(&said, &asked, bytes.min(ECHO_BYTES), &mut echoed);
        echoed.reverse();
    }
    // From behind, so that the places before stay right.
    let mut end = echoed.len();
    while let Some(last) = echoed[..end].iter().rposition(|echoed| *echoed) {
        let first = echoed[..last].iter().rposition(|echoed| !echoed).map_or(0, |before| before + 1);
        message.replace_range(letters[first].from..letters[last].to, "[text of the request]");
        end = first;
    }
}

/// Marks what is said of the runs of what was asked.
fn mark_echoes(said: &[char], asked: &[char], bytes: usize, echoed: &mut [bool]) {
    let mut places: HashMap<&[char], Vec<usize>> = HashMap::new();
    for (at, run) in runs(said, bytes) {
        places.entry(run).or_default().push(at);
    }
    for (_, run) in runs(asked, bytes) {
        if places.is_empty() {
            break;
        }
        for at in places.remove(run).unwrap_or_default() {
            echoed[at..at + run.len()].fill(true);
        }
    }
}

/// The shortest run of at least `bytes` from each character on, where there is one, with its place.
fn runs(chars: &[char], bytes: usize) -> impl Iterator<Item = (usize, &[char])> {
    let (mut end, mut held) = (0, 0);
    (0..chars.len()).map_while(move |at| {
        while held < bytes {
            held += chars.get(end)?.len_utf8();
            end += 1;
        }
        held -= chars[at].len_utf8();
        Some((at, &chars[at..end]))
    })
}

/// A character of a text in the one form that both sides are compared in, and where it stands.
#[derive(Clone, Copy, Debug)]
struct Letter {
    c: char,
    from: usize,
    to: usize,
}

/// What is left of a text when all is undone that servers do to what they repeat: they quote it and escape it, once or
/// more, as JSON, Python, addresses and HTML do, and write it in other cases.
///
/// White space, quotes, backslashes and the letters that stand for a line's end behind them are left out.
fn folded(text: &str) -> Vec<Letter> {
    let mut folded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let from = at;
        let escaped = match c {
            '\\' => backslashed(text, from),
            '%' => percent_encoded(text, from),
            '&' => entity(text, from),
            _ => None,
        };
        at = match (escaped, c) {
            (Some((_, to)), _) => to,
            (None, '\\') => {
                let to = past_backslashes(text, from);
                to + usize::from(text[to..].starts_with(['n', 'r', 't']))
            }
            (None, _) => from + c.len_utf8(),
        };
        push(&mut folded, Letter { c: escaped.map_or(c, |(c, _)| c), from, to: at });
    }
    folded
}

/// Adds a character in lower case, unless it is one of those that are left out.
fn push(folded: &mut Vec<Letter>, letter: Letter) {
    match letter.c {
        // Addresses say white space with a plus.
        '"' | '\'' | '+' | '\\' => {}
        c if c.is_whitespace() || c.is_control() => {}
        c if c.is_ascii() => folded.push(Letter { c: c.to_ascii_lowercase(), ..letter }),
        // Some letters have a lower case of their own only behind their upper case.
        c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase).map(|c| Letter { c, ..letter })),
    }
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

fn shortened(message: &str) -> String {
    let mut plain =
        message.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut text = plain.next().unwrap_or_default().to_owned();
    for word in plain {
        text.push(' ');
        text.push_str(word);
    }
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use ultraai_core::ErrorKind;

    use super::*;

    fn clean(message: &str, prompt: &str) -> String {
        let error = Error::new(ErrorKind::Rejected, message).with_status(400);
        let key = Secret::new("sk-hunter2").unwrap();
        let error = cleaned(error, &ChatRequest::from_prompt(prompt), Some(&key));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(400)));
        error.message().to_owned()
    }

    #[test]
    fn keys_and_prompts_do_not_come_back() {
        let prompt = "my secret diary of the year nineteen eighty-four";
        assert_eq!(clean("wrong key sk-hunter2!", prompt), "wrong key [key]!");
        assert_eq!(clean(&format!("cannot read '{prompt}'"), prompt), "cannot read '[text of the request]'");
        let cut = format!("cannot read '{}...'", &prompt[..30]);
        assert_eq!(clean(&cut, prompt), "cannot read '[text of the request]...'");
        let long = format!("{} {prompt}", "x".repeat(290));
        assert!(!clean(&long, prompt).contains("my secret"));
    }

    #[test]
    fn echoes_are_found_behind_quotes_and_escapes_and_from_the_middle() {
        let prompt = "Here is my diary of 1984.\nMy \"password\" is hunter-three, and I like \\ a lot.";
        let once = serde_json::to_string(prompt).unwrap();
        let twice = serde_json::to_string(&once).unwrap();
        for echo in [format!("{prompt:?}"), once, twice, prompt[20..].to_owned()] {
            let cleaned = clean(&format!("1 validation error: input_value={echo}"), prompt);
            assert!(!cleaned.contains("hunter-three") && cleaned.contains("validation error"), "{cleaned}");
        }
    }

    fn json_escaped(text: &str) -> String {
        let units = text.encode_utf16().map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        });
        units.collect()
    }

    fn percent_escaped(text: &str) -> String {
        let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    }

    #[test]
    fn echoes_in_any_script_and_in_any_escape_are_found() {
        for prompt in [
            "我的银行密码是一二三四五六",
            "我爱北京天安门 & <\"friends\">, 100% + more",
            "Мой секретный дневник 1984 года",
            "Größe und Straße sind geheim",
            "the 😀 of my 👩‍👩‍👧 is a secret + 5% <b>",
        ] {
            let html = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
            let numbers = |text: &str| -> String {
                text.chars()
                    .flat_map(|c| format!("&#x{:x};", u32::from(c)).into_bytes())
                    .map(char::from)
                    .collect()
            };
            for echo in [
                json_escaped(prompt),
                json_escaped(prompt).replace('\\', "\\\\"),
                json_escaped(&serde_json::to_string(prompt).unwrap()),
                prompt.chars().flat_map(char::escape_unicode).collect(),
                prompt.to_uppercase(),
                percent_escaped(prompt),
                percent_escaped(prompt).replace("%20", "+").to_lowercase(),
                percent_escaped(prompt).replace('%', "%25"),
                html(prompt),
                html(&html(prompt)),
                numbers(prompt),
            ] {
                let said = clean(&format!("invalid input: {echo} (at 3)"), prompt);
                let left = said.replace("[text of the request]", "");
                assert!(left.len() <= "invalid input: \"\" (at 3)".len() + 2, "{echo}: {said}");
                assert!(said.starts_with("invalid input: ") && said.ends_with(" (at 3)"), "{echo}: {said}");
            }
        }
    }

    #[test]
    fn short_sentences_of_a_dense_script_are_found_whole_and_in_part() {
        assert_eq!(clean("bad: 我爱北京", "我爱北京"), "bad: [text of the request]");
        let diary = "今天我去了医院，医生说我的病情很严重。";
        assert_eq!(clean("bad: 医生说我的病情很…", diary), "bad: [text of the request]…");
        assert_eq!(clean("请求太多", "请求"), "请求太多");
    }

    #[test]
    fn odd_escapes_are_passed_over() {
        let prompt = "nothing of this is repeated";
        for odd in [
            "\\",
            "\\u",
            "\\u{",
            "\\u{}",
            "\\ud83d\\u0041",
            "\\x4",
            "%",
            "%4",
            "%ä",
            "%FF%FE",
            "&",
            "&#;",
            "&#xZ;",
            "&ä;",
            "\\uä12",
        ] {
            assert_eq!(clean(odd, prompt), odd);
            assert_eq!(clean("all is well", odd), "all is well");
        }
    }

    #[test]
    fn a_long_prompt_is_compared_in_time_in_proportion_to_it() {
        for prompt in ["a".repeat(1 << 20), "ab 中".repeat(1 << 18)] {
            let started = std::time::SystemTime::now();
            let said = clean(&format!("no: {}", &prompt[..3600]), &prompt);
            assert_eq!(said, "no: [text of the request]");
            assert!(started.elapsed().unwrap().as_secs() < 20);
        }
    }

    #[test]
    fn short_words_of_the_request_may_be_said() {
        assert_eq!(clean("no such model", "model"), "no such model");
    }

    #[test]
    fn messages_are_one_line_and_not_too_long() {
        assert_eq!(clean("a\r\n\u{1b}[31mb\t c", "hello there you"), "a [31mb c");
        let long = clean(&"ä".repeat(1000), "hello there you");
        assert_eq!(long.chars().count(), MESSAGE_CHARS + 1);
    }
}
