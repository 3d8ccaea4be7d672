#![doc = include_str!("../README.md")]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tiktoken_rs::{
    CoreBPE, cl100k_base_singleton, o200k_base_singleton,
    tokenizer::{Tokenizer as Encoding, get_tokenizer},
};
use ultraai_core::{Tokenizer, TokenizerRegistration, register_tokenizer};

register_tokenizer!(
    TokenizerRegistration::new(Tiktoken::NAME, || Arc::new(Tiktoken))
        .summary("counts tokens with OpenAI's vocabularies where the provider did not")
);

/// Bytes that are counted together. The expressions that split a text go back over what they read, and
/// `fancy-regex` ends that with an error after a million steps, which `tiktoken-rs` does not catch. A cut costs at most
/// a token.
const CHUNK: usize = 16 * 1024;

/// Bytes of a text that are counted; what is beyond is taken to be like it. A count holds up the task it is made
/// in, and this many take a tenth of a second at worst.
const COUNTED: usize = 256 * 1024;

/// Counts with the vocabularies of OpenAI's `tiktoken`, which are loaded on first need.
#[derive(Clone, Copy, Default)]
pub struct Tiktoken;

impl Tiktoken {
    /// The registered name.
    pub const NAME: &'static str = "tiktoken";
}

impl Tokenizer for Tiktoken {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn count(&self, model: &str, text: &str) -> Option<u64> {
        let vocabulary = vocabulary(model)?.loaded();
        let counted = floor(text, COUNTED);
        let tokens: u64 = chunks(&text[..counted])
            .map(|chunk| u64::try_from(vocabulary.count_ordinary(chunk)).unwrap_or(u64::MAX))
            .sum();
        Some(extended(tokens, counted, text.len()))
    }

    fn is_ready(&self, model: &str) -> bool {
        vocabulary(model).is_none_or(Vocabulary::is_ready)
    }
}

impl fmt::Debug for Tiktoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tiktoken")
    }
}

/// A vocabulary that is loaded on first need.
struct Vocabulary {
    load: fn() -> &'static CoreBPE,
    is_loading: AtomicBool,
    is_loaded: AtomicBool,
}

static CL100K: Vocabulary = Vocabulary::new(cl100k_base_singleton);
static O200K: Vocabulary = Vocabulary::new(o200k_base_singleton);

impl Vocabulary {
    const fn new(load: fn() -> &'static CoreBPE) -> Self {
        Self { load, is_loading: AtomicBool::new(false), is_loaded: AtomicBool::new(false) }
    }

    /// Waits until it is loaded.
    fn loaded(&self) -> &'static CoreBPE {
        let vocabulary = (self.load)();
        self.is_loaded.store(true, Ordering::Release);
        vocabulary
    }

    /// Whether it is loaded; where it is not, a thread begins to load it.
    fn is_ready(&'static self) -> bool {
        let is_loaded = self.is_loaded.load(Ordering::Acquire);
        if !is_loaded && !self.is_loading.swap(true, Ordering::AcqRel) {
            let loading = std::thread::Builder::new().name("ultraai-tokens".to_owned());
            if loading.spawn(|| self.loaded()).is_err() {
                // The next one tries again.
                self.is_loading.store(false, Ordering::Release);
            }
        }
        is_loaded
    }
}

/// The vocabulary of a model, or the one that is nearest to its own.
fn vocabulary(model: &str) -> Option<&'static Vocabulary> {
    let model = model.to_lowercase();
    if model.contains("claude") {
        // Counted by bytes, which is as near and errs to the safe side.
        return None;
    }
    let name = model.rsplit('/').next()?;
    match get_tokenizer(without_suffix(name)) {
        Some(Encoding::Cl100kBase) => Some(&CL100K),
        // The two of `o200k` differ in control tokens alone, which no text has. The others are of models that are
        // gone, and their vocabularies would be two megabytes more.
        _ => Some(&O200K),
    }
}

/// The name without what gateways put behind it, such as `:free`; of a fine-tuned model its base's.
fn without_suffix(name: &str) -> &str {
    let name = name.strip_prefix("ft:").unwrap_or(name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// The text in parts of at most [`CHUNK`] bytes, cut before white space where there is some.
fn chunks(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let end = floor(text, CHUNK);
        let cut = match end < text.len() {
            true => text[..end].rfind(char::is_whitespace).filter(|place| *place > 0).unwrap_or(end),
            false => end,
        };
        let (chunk, rest) = text.split_at(cut);
        text = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The last boundary of a character that is not behind `most`.
fn floor(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// Tokens of `whole` bytes, when those of the first `counted` are known.
fn extended(tokens: u64, counted: usize, whole: usize) -> u64 {
    if counted == whole {
        return tokens;
    }
    let all = u128::from(tokens) * whole as u128;
    u64::try_from(all.div_ceil(counted.max(1) as u128)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(model: &str, text: &str) -> Option<u64> {
        Tiktoken.count(model, text)
    }

    #[test]
    fn counts_are_those_of_openais_cookbook() {
        // "How to count tokens with tiktoken": the sentence has 6 tokens in both, the Japanese one 8 and 9.
        for (text, o200k, cl100k) in [("", 0, 0), ("tiktoken is great!", 6, 6), ("お誕生日おめでとう", 8, 9)]
        {
            assert_eq!(count("gpt-4o", text), Some(o200k), "{text}");
            assert_eq!(count("gpt-4", text), Some(cl100k), "{text}");
        }
    }

    #[test]
    fn who_cannot_wait_is_told_so_until_it_is_loaded() {
        while !Tiktoken.is_ready("gpt-4o") {
            std::thread::yield_now();
        }
        assert_eq!(count("gpt-4o", "hello world"), Some(2));
        assert!(Tiktoken.is_ready("claude-sonnet-4-5"), "there is nothing to load");
    }

    #[test]
    fn a_model_has_its_own_vocabulary_by_every_name() {
        // Nine tokens in `cl100k`, eight in `o200k`.
        let text = "お誕生日おめでとう";
        for model in
            ["gpt-4", "GPT-4-0613", "openai/gpt-4-turbo", "gpt-3.5-turbo:free", "ft:gpt-4:acme:name:1"]
        {
            assert_eq!(count(model, text), Some(9), "{model}");
        }
        for model in
            ["gpt-4o", "gpt-4.1", "o3", "openai/gpt-oss-20b:free", "accounts/fireworks/models/gpt-oss-120b"]
        {
            assert_eq!(count(model, text), Some(8), "{model}");
        }
    }

    #[test]
    fn others_borrow_the_newest_vocabulary_but_claude_does_not() {
        for model in ["gemini-2.5-pro", "meta-llama/llama-3.3-70b", "deepseek-chat", "gpt-9", ""] {
            assert_eq!(count(model, "hello world"), Some(2), "{model}");
        }
        for model in ["claude-sonnet-4-5", "us.anthropic.claude-opus-4-1-v1:0", "anthropic/Claude-3"] {
            assert_eq!(count(model, "hello world"), None, "{model}");
        }
    }

    #[test]
    fn a_text_on_which_the_splitting_could_go_back_forever_is_counted() {
        for text in [" ".repeat(3_000_000) + "x", "A".repeat(3_000_000), "é\n".repeat(1_000_000)] {
            assert!(count("gpt-4o", &text).is_some_and(|tokens| tokens > 1000));
        }
    }

    #[test]
    fn chunks_are_the_text_again() {
        let text = "Worte über Wörter \u{1f600}".repeat(3000);
        assert_eq!(chunks(&text).collect::<String>(), text);
        assert!(chunks(&text).all(|chunk| chunk.len() <= CHUNK));
        let without_spaces = "ü".repeat(CHUNK);
        assert_eq!(chunks(&without_spaces).collect::<String>(), without_spaces);
    }

    #[test]
    fn a_long_text_is_taken_to_be_like_its_beginning() {
        let text = "one two three four five. ".repeat(30_000);
        let tokens = count("gpt-4o", &text).unwrap();
        assert!(tokens.abs_diff(6 * 30_000) < 100, "{tokens}");
    }
}
