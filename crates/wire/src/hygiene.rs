//! Keeps keys and prompts out of what a server's error texts say.

use std::collections::HashSet;

use ultraai_core::{ChatRequest, Error, Part, Secret};

/// Longest message that is passed on, in characters.
const MESSAGE_CHARS: usize = 300;

/// Texts of a request shorter than this are words, and a server may well say them itself.
const SHORTEST_ECHO: usize = 12;

/// A run of so many characters of the request is no accident.
const ECHO_CHARS: usize = 24;

/// What is looked at of a message before it is shortened, in bytes: escapes make it longer.
const MESSAGE_BYTES: usize = 4096;

/// Takes the key and the texts of the request out of the message, and then control characters and what is too long.
pub(crate) fn cleaned(error: Error, request: &ChatRequest, secret: Option<&Secret>) -> Error {
    let mut message = error.message().to_owned();
    // A key of a few characters, as local servers get, would take words apart.
    if let Some(secret) = secret.map(Secret::expose).filter(|secret| secret.len() >= 4) {
        message = message.replace(secret, "[key]");
    }
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
    request.parts().for_each(|part| remove_echoes(&mut message, part));
    error.with_message(shortened(&message))
}

fn remove_echoes(message: &mut String, part: &Part) {
    match part {
        Part::Text { text } | Part::Refusal { text } => remove_echo(message, text),
        Part::Reasoning(reasoning) => remove_echo(message, &reasoning.text),
        Part::ToolCall(call) => remove_echo(message, &call.arguments),
        Part::ToolResult(result) => result.content.iter().for_each(|part| remove_echoes(message, part)),
        _ => {}
    }
}

/// Replaces what the message repeats of `text`: all of it, or any run of [`ECHO_CHARS`].
///
/// Servers quote and escape what they repeat, once or more, so both sides are compared without white space,
/// quotes, backslashes and the letters that stand for a line's end behind them.
fn remove_echo(message: &mut String, text: &str) {
    let (said, asked) = (folded(message), folded(text));
    if asked.len() < SHORTEST_ECHO {
        return;
    }
    let length = asked.len().min(ECHO_CHARS);
    let asked: HashSet<Vec<char>> =
        asked.windows(length).map(|run| run.iter().map(|(_, c)| *c).collect()).collect();
    let is_echo = |run: &[(usize, char)]| asked.contains(&run.iter().map(|(_, c)| *c).collect::<Vec<_>>());
    let mut echoed = vec![false; said.len()];
    for (at, run) in said.windows(length).enumerate() {
        if is_echo(run) {
            echoed[at..at + length].fill(true);
        }
    }
    // From behind, so that the places before stay right.
    let mut end = said.len();
    while let Some(last) = echoed[..end].iter().rposition(|echoed| *echoed) {
        let first = echoed[..last].iter().rposition(|echoed| !echoed).map_or(0, |before| before + 1);
        let (from, (to, c)) = (said[first].0, said[last]);
        message.replace_range(from..to + c.len_utf8(), "[text of the request]");
        end = first;
    }
}

/// The characters that no server changes when it repeats a text, each with its place.
fn folded(text: &str) -> Vec<(usize, char)> {
    let mut chars = text.char_indices().peekable();
    let mut folded = Vec::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                // The letter of an escape; a backslash is passed over in its own turn.
                if matches!(chars.peek(), Some((_, 'n' | 'r' | 't'))) {
                    chars.next();
                }
            }
            '"' | '\'' => {}
            c if c.is_whitespace() => {}
            c => folded.push((at, c)),
        }
    }
    folded
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
