//! Looks for all words of the rules in one pass over the text.

use std::sync::LazyLock;

use super::words;

/// The lists that have a word in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// A bit for each [`List`].
    lists: u8,
    /// A bit for each mark of a program.
    marks: u32,
}

/// A list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Code,
    Extraction,
    Choice,
    Amount,
    Mathematics,
}

impl Found {
    /// Whether a word of that list stands in the text.
    pub(super) fn has(self, list: List) -> bool {
        self.lists & bit(list) != 0
    }

    /// How many marks of a program stand in the text.
    pub(super) fn marks(self) -> u32 {
        self.marks.count_ones()
    }
}

fn bit(list: List) -> u8 {
    1 << list as u8
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    word: &'static str,
    finds: Found,
    /// Whether it is no piece of a longer word when a letter follows.
    ends_free: bool,
}

/// Entries by their first byte.
struct Table {
    /// Those that begin where a word begins.
    words: [Vec<Entry>; 256],
    /// Those that begin anywhere.
    pieces: [Vec<Entry>; 256],
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let empty = || std::array::from_fn(|_| Vec::new());
    let mut table = Table { words: empty(), pieces: empty() };
    let lists = [
        (List::Code, words::CODE),
        (List::Extraction, words::EXTRACTION),
        (List::Choice, words::CHOICE),
        (List::Amount, words::AMOUNT),
        (List::Mathematics, words::MATHEMATICS),
    ];
    for (list, words) in lists {
        for word in words.iter().copied() {
            let finds = Found { lists: bit(list), marks: 0 };
            let ends_free = !word.ends_with(char::is_alphanumeric);
            let starts =
                if word.starts_with(char::is_alphanumeric) { &mut table.words } else { &mut table.pieces };
            starts[usize::from(word.as_bytes()[0])].push(Entry { word, finds, ends_free });
        }
    }
    for (place, word) in words::CODE_MARKS.iter().copied().enumerate() {
        let finds = Found { lists: 0, marks: 1 << place };
        table.pieces[usize::from(word.as_bytes()[0])].push(Entry { word, finds, ends_free: true });
    }
    table
});

/// What stands in `text`, which is in lower case.
pub(super) fn search(text: &str) -> Found {
    let table = &*TABLE;
    let mut found = Found::default();
    let mut inside = false;
    for (at, letter) in text.char_indices() {
        let first = usize::from(text.as_bytes()[at]);
        let words: &[Entry] = if inside { &[] } else { &table.words[first] };
        for entry in words.iter().chain(&table.pieces[first]) {
            let rest = &text[at..];
            if rest.as_bytes().starts_with(entry.word.as_bytes())
                && (entry.ends_free || !rest[entry.word.len()..].starts_with(is_spaced))
            {
                found.lists |= entry.finds.lists;
                found.marks |= entry.finds.marks;
            }
        }
        inside = is_spaced(letter);
    }
    found
}

/// A letter or digit of a script with spaces between its words: others have no such bounds.
fn is_spaced(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || (!letter.is_ascii() && letter.is_alphanumeric() && !is_unspaced(letter))
}

/// Kana, Han and Hangul.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_no_piece_of_a_longer_one() {
        for (list, words) in [
            (List::Code, words::CODE),
            (List::Extraction, words::EXTRACTION),
            (List::Choice, words::CHOICE),
            (List::Amount, words::AMOUNT),
            (List::Mathematics, words::MATHEMATICS),
        ] {
            for word in words {
                for text in [(*word).to_owned(), format!("so, {word}."), format!("（{word}）")] {
                    assert!(search(&text).has(list), "{text}");
                }
                if word.chars().all(|letter| letter.is_ascii_alphabetic() || letter == ' ') {
                    assert_eq!(search(&format!("zq{word}qz")), Found::default(), "{word}");
                }
            }
        }
    }

    #[test]
    fn marks_of_a_program_count_once_each_wherever_they_stand() {
        assert!(words::CODE_MARKS.len() <= 32, "each has a bit");
        for mark in words::CODE_MARKS {
            assert!(search(&format!("x{mark}{mark}")).marks() >= 1, "{mark}");
        }
        assert_eq!(search("f();g(); a && b").marks(), 2);
    }
}
