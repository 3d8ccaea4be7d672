//! Words after which nothing is certain.

/// Words that take back, limit or leave open what is said.
const LIMITS: &[&str] = &[
    "actually",
    "almost",
    "also",
    "alternatively",
    "although",
    "another",
    "assume",
    "assuming",
    "both",
    "but",
    "can",
    "cannot",
    "correction",
    "could",
    "depend",
    "depending",
    "depends",
    "either",
    "except",
    "however",
    "if",
    "incorrect",
    "incorrectly",
    "instead",
    "likely",
    "may",
    "maybe",
    "might",
    "mistake",
    "mistaken",
    "mostly",
    "neither",
    "never",
    "nor",
    "not",
    "often",
    "only",
    "or",
    "other",
    "others",
    "otherwise",
    "partially",
    "partly",
    "perhaps",
    "possibly",
    "probably",
    "provided",
    "rather",
    "should",
    "some",
    "sometimes",
    "sorry",
    "suppose",
    "supposedly",
    "though",
    "too",
    "typically",
    "unclear",
    "unknown",
    "unless",
    "unlikely",
    "unsure",
    "until",
    "usually",
    "wait",
    "when",
    "whether",
    "while",
    "without",
    "would",
    "wrong",
    "wrongly",
];

/// Words besides, with which two numbers may both be right: bounds, estimates, examples, parts.
const LOOSE: &[&str] = &[
    "a",
    "about",
    "above",
    "additional",
    "all",
    "an",
    "and",
    "any",
    "approx",
    "approximate",
    "approximately",
    "around",
    "average",
    "below",
    "between",
    "certain",
    "circa",
    "currently",
    "different",
    "each",
    "eg",
    "estimate",
    "estimated",
    "every",
    "example",
    "examples",
    "expected",
    "extra",
    "few",
    "fewer",
    "first",
    "following",
    "for",
    "from",
    "guess",
    "here",
    "in",
    "instance",
    "last",
    "least",
    "less",
    "like",
    "many",
    "maximum",
    "minimum",
    "more",
    "most",
    "nearly",
    "next",
    "no",
    "now",
    "on",
    "once",
    "one",
    "over",
    "per",
    "plus",
    "possible",
    "recommended",
    "roughly",
    "say",
    "second",
    "several",
    "such",
    "than",
    "then",
    "there",
    "these",
    "third",
    "those",
    "today",
    "tomorrow",
    "typical",
    "under",
    "up",
    "various",
    "with",
    "within",
    "yesterday",
];

/// Words that stand for what was named before, which may be something else in another answer.
const PRONOUNS: &[&str] = &[
    "he", "her", "his", "i", "it", "its", "my", "our", "she", "that", "their", "they", "this", "we", "which",
    "you", "your",
];

/// Letters of the longest word above.
const LONGEST: usize = 13;

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|part: char| !(part.is_alphanumeric() || matches!(part, '\'' | '’')))
        .filter(|word| !word.is_empty())
}

fn is_among(word: &str, all: &[&str]) -> bool {
    word.len() <= LONGEST && all.contains(&word.to_ascii_lowercase().as_str())
}

fn is_limit(word: &str) -> bool {
    is_among(word, LIMITS) || word.ends_with("n't") || word.ends_with("n’t")
}

/// Whether a text holds a word that limits what is said.
pub(super) fn limits(text: &str) -> bool {
    words(text).any(is_limit)
}

/// Whether two numbers may both be right in this text.
pub(super) fn is_loose(text: &str) -> bool {
    words(text).any(|word| is_limit(word) || is_among(word, LOOSE))
}

/// Whether a text begins with what was named before it.
pub(super) fn begins_with_pronoun(text: &str) -> bool {
    let first = words(text).next().unwrap_or_default();
    let first = first.split(['\'', '’']).next().unwrap_or_default();
    is_among(first, PRONOUNS)
}

/// Whether a conclusion that this text follows may be more or less than it seems: another verdict, another option, a
/// number or a word that limits it follows.
pub(super) fn takes_back(text: &str) -> bool {
    text.contains(char::is_numeric)
        || words(text).any(|word| {
            let is_letter = word.chars().nth(1).is_none() && !matches!(word, "a" | "I");
            is_letter
                || is_limit(word)
                || is_among(word, &["yes", "no", "true", "false", "none", "nope", "nah", "yep", "yeah"])
        })
}

/// Whether a line is too short for a sentence, and so may be one more of what stands before it.
pub(super) fn holds_items(text: &str) -> bool {
    let mut lines =
        text.lines().map(|line| line.trim().trim_end_matches('*')).filter(|line| !line.ends_with(':'));
    lines.any(|line| (1..3).contains(&words(line).count()))
}

/// Whether a text joins something to what stands before it.
pub(super) fn joins(text: &str) -> bool {
    text.contains(['&', '+', '/']) || words(text).any(|word| is_among(word, &["and", "plus"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_too_long_to_be_found() {
        for word in LIMITS.iter().chain(LOOSE).chain(PRONOUNS) {
            assert!(word.len() <= LONGEST, "{word}");
        }
    }

    #[test]
    fn what_follows_a_conclusion_is_read() {
        for (text, expected) in [
            ("", false),
            (" Because it is a dog, and I know.", false),
            ("It isn’t so.", true),
            ("UNLESS it rains", true),
            ("(C)", true),
            ("in 1889", true),
            ("², of course", true),
            ("Yes", true),
        ] {
            assert_eq!(takes_back(text), expected, "{text}");
        }
    }
}
