//! Keeps keys and prompts out of what a server's error texts say.

use ultraai_core::{ChatRequest, Error, Part, Secret};

/// Longest message that is passed on, in characters.
const MESSAGE_CHARS: usize = 300;

/// Texts of a request shorter than this are words, and a server may well say them itself.
const SHORTEST_ECHO: usize = 12;

/// A server that shortens what it repeats still begins at its beginning.
const PREFIX_CHARS: usize = 24;

/// Takes the key and the texts of the request out of the message, and then control characters and what is too long.
pub(crate) fn cleaned(error: Error, request: &ChatRequest, secret: Option<&Secret>) -> Error {
    let mut message = error.message().to_owned();
    // A key of a few characters, as local servers get, would take words apart.
    if let Some(secret) = secret.map(Secret::expose).filter(|secret| secret.len() >= 4) {
        message = message.replace(secret, "[key]");
    }
    for text in request.parts().filter_map(Part::as_text) {
        remove_echo(&mut message, text.trim());
    }
    let message = shortened(&message);
    if message == error.message() {
        return error;
    }
    let mut clean = Error::new(error.kind(), message);
    if let Some(status) = error.status() {
        clean = clean.with_status(status);
    }
    if let Some(partial) = error.partial() {
        clean = clean.with_partial(partial.clone());
    }
    clean
}

fn remove_echo(message: &mut String, text: &str) {
    if text.chars().count() < SHORTEST_ECHO {
        return;
    }
    if message.contains(text) {
        *message = message.replace(text, "[text of the request]");
    }
    let Some((prefix, _)) = text.char_indices().nth(PREFIX_CHARS) else { return };
    while let Some(at) = message.find(&text[..prefix]) {
        let echoed = message[at..].chars().zip(text.chars()).take_while(|(said, asked)| said == asked);
        let length: usize = echoed.map(|(said, _)| said.len_utf8()).sum();
        message.replace_range(at..at + length, "[text of the request]");
    }
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
