//! Keeps keys and prompts out of what a server's error texts say.

mod folded;

use std::iter;

use rustc_hash::FxHashMap;
use ultraai_core::{ChatRequest, Error, Part, Secret};

use self::folded::{Letter, folded};

/// Longest message that is passed on, in characters.
const MESSAGE_CHARS: usize = 300;

/// Texts of a request shorter than this are words, and a server may well say them itself. In bytes, because a script
/// that takes more bytes for a character says more with it: four Chinese characters are a sentence.
const SHORTEST_ECHO: usize = 12;

/// A run of so many bytes of the request is no accident.
const ECHO_BYTES: usize = 24;

/// How much of a request's text is held folded, in characters.
const PIECE: usize = 16 << 10;

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
/// Takes time in proportion to the text, and as much memory as a piece of it: what is looked up is made of the message, which
/// is bounded.
fn remove_echo(message: &mut String, text: &str) {
    let mut rest = folded(text).map(|letter| letter.c);
    let mut asked: Vec<char> = rest.by_ref().take(PIECE).collect();
    let bytes: usize = asked.iter().map(|c| c.len_utf8()).sum();
    if bytes < SHORTEST_ECHO {
        return;
    }
    let runs = Runs::new(bytes.min(ECHO_BYTES));
    let letters: Vec<Letter> = folded(message).collect();
    let said: Vec<char> = letters.iter().map(|letter| letter.c).collect();
    let backwards: Vec<char> = said.iter().rev().copied().collect();
    let mut forth = Echoes::of(&said, &runs);
    let mut back: Option<Echoes<'_>> = None;
    loop {
        forth.mark(&asked);
        if !asked.iter().all(char::is_ascii) {
            // Runs of characters of many bytes need not end where the echo does, but read backwards they begin there.
            asked.reverse();
            back.get_or_insert_with(|| Echoes::of(&backwards, &runs)).mark(&asked);
            asked.reverse();
        }
        // A run may begin in one piece and end in the next.
        asked.drain(..asked.len().saturating_sub(ECHO_BYTES));
        let before = asked.len();
        asked.extend(rest.by_ref().take(PIECE));
        if asked.len() == before {
            break;
        }
    }
    let mut echoed = forth.echoed;
    for (echoed, back) in echoed.iter_mut().zip(back.iter().flat_map(|back| back.echoed.iter().rev())) {
        *echoed |= back;
    }
    // From behind, so that the places before stay right.
    let mut end = echoed.len();
    while let Some(last) = echoed[..end].iter().rposition(|echoed| *echoed) {
        let first = echoed[..last].iter().rposition(|echoed| !echoed).map_or(0, |before| before + 1);
        message.replace_range(letters[first].from..letters[last].to, "[text of the request]");
        end = first;
    }
}

/// What of a message was found in a request.
struct Echoes<'a> {
    said: &'a [char],
    /// Where the message has each of its runs that were not found yet, by their sums.
    places: FxHashMap<u64, Vec<usize>>,
    echoed: Vec<bool>,
    runs: &'a Runs,
}

impl<'a> Echoes<'a> {
    fn of(said: &'a [char], runs: &'a Runs) -> Self {
        let mut places: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        for (at, _, sum) in runs.of(said) {
            places.entry(sum).or_default().push(at);
        }
        Self { said, places, echoed: vec![false; said.len()], runs }
    }

    /// Marks what is said of the runs of what was asked.
    fn mark(&mut self, asked: &[char]) {
        for (_, run, sum) in self.runs.of(asked) {
            if self.places.is_empty() {
                break;
            }
            let is_said = |at: &usize| self.said[*at..].starts_with(run);
            if !self.places.get(&sum).is_some_and(|places| places.iter().any(is_said)) {
                continue;
            }
            for at in self.places.remove(&sum).unwrap_or_default() {
                self.echoed[at..at + run.len()].fill(true);
            }
        }
    }
}

/// How a text is taken apart into runs, each with a sum that the next one's follows from in a few steps, since a prompt may
/// have millions of characters. It is Rabin's and Karp's, by a number that nobody who writes a request knows
/// (<https://doi.org/10.1147/rd.312.0249>).
struct Runs {
    bytes: usize,
    powers: Vec<u64>,
}

impl Runs {
    fn new(bytes: usize) -> Self {
        let base = fastrand::u64(..) | 1;
        let powers = iter::successors(Some(1), |power: &u64| Some(power.wrapping_mul(base)));
        Self { bytes, powers: powers.take(bytes + 1).collect() }
    }

    /// The shortest run of at least as many bytes from each character on, where there is one, with its place and sum.
    fn of<'c>(&self, chars: &'c [char]) -> impl Iterator<Item = (usize, &'c [char], u64)> {
        let (mut end, mut held, mut sum) = (0, 0, 0_u64);
        (0..chars.len()).map_while(move |at| {
            while held < self.bytes {
                let c = *chars.get(end)?;
                held += c.len_utf8();
                sum = sum.wrapping_mul(self.powers[1]).wrapping_add(c.into());
                end += 1;
            }
            let run = (at, &chars[at..end], sum);
            held -= chars[at].len_utf8();
            sum = sum.wrapping_sub(u64::from(chars[at]).wrapping_mul(self.powers[end - at - 1]));
            Some(run)
        })
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
    fn an_echo_is_found_wherever_it_stands_in_a_long_prompt() {
        let secrets = ["the-diary-of-Ada", "我爱北京天安门我爱北京"];
        for (secret, before) in
            secrets.iter().flat_map(|secret| (0..40).step_by(3).map(move |before| (secret, before)))
        {
            let filler = |letters: usize| "abcdefghijklmnopqrstuvw".repeat(letters)[..letters].to_owned();
            let prompt = format!("{}{secret} {secret}{}", filler(PIECE - before), filler(PIECE));
            let said = clean(&format!("no: {secret} {secret}."), &prompt);
            assert_eq!(said, "no: [text of the request].", "{before}");
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
