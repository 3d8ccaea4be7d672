//! The names of plugins: words of lower-case letters and digits, joined by dashes.

use crate::workspace::Problem;

/// Longer names make lines that rustfmt would break, and do not fit the tables that people read.
const LONGEST: usize = 30;

/// Names that would be a word of the language once they are a module of the facade, or a word of the facade itself.
const TAKEN: [&str; 46] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "core", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "prelude", "pub", "ref", "return", "self", "static", "std",
    "struct", "super", "trait", "true", "try", "type", "use", "where",
];

/// Refuses what cannot be a package, a feature and a module at once.
pub(crate) fn check(name: &str) -> Result<(), Problem> {
    let well_formed = name.split('-').enumerate().all(|(index, word)| {
        let plain = word.chars().all(|part| part.is_ascii_lowercase() || part.is_ascii_digit());
        let begins = |word: &str| index > 0 || word.starts_with(|first: char| first.is_ascii_lowercase());
        !word.is_empty() && plain && begins(word)
    });
    if !well_formed {
        return Err(format!(
            "{name:?} is no plugin's name; use words of lower-case letters and digits joined by dashes, a letter first"
        ));
    }
    if name.len() > LONGEST {
        return Err(format!("`{name}` has {} letters; use at most {LONGEST}", name.len()));
    }
    if TAKEN.contains(&name) {
        return Err(format!("`{name}` is a word of the language or of the facade; choose another name"));
    }
    Ok(())
}

/// The name as a type has it.
pub(crate) fn pascal(name: &str) -> String {
    name.split('-')
        .flat_map(|word| word.chars().enumerate())
        .map(|(index, part)| if index == 0 { part.to_ascii_uppercase() } else { part })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{check, pascal};

    #[test]
    fn a_name_is_a_package_a_feature_and_a_module() {
        for name in ["acme", "best-of-n", "gpt4all", "a-1"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for (name, expected) in [
            ("", "\"\" is no plugin's name"),
            ("Acme", "\"Acme\" is no plugin's name"),
            ("acme_cloud", "\"acme_cloud\" is no"),
            ("-acme", "\"-acme\" is no"),
            ("acme-", "\"acme-\" is no"),
            ("a--b", "\"a--b\" is no"),
            ("1acme", "\"1acme\" is no"),
            ("../acme", "\"../acme\" is no"),
            ("match", "`match` is a word of the language"),
            ("a234567890123456789012345678901", "`a234567890123456789012345678901` has 31 letters"),
        ] {
            let problem = check(name).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }

    #[test]
    fn a_type_has_no_dashes() {
        for (name, expected) in [("acme", "Acme"), ("best-of-n", "BestOfN"), ("a-1b", "A1b")] {
            assert_eq!(pascal(name), expected);
        }
    }
}
