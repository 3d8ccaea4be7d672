//! How a line of the data recognizes a model's name.

use crate::moment::days;

/// What a test says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It does not hold.
    No,
    /// It holds, and the name may still be another model's: `gemini-3.6-flash-image` begins with `gemini-3.6-flash`.
    Doubtful,
    /// It holds for this model.
    Sure,
}

/// A test of a name: `=` equals, `^` starts with, `$` ends with, `*` contains, `#` equals and `%` starts with a
/// pattern whose `#` stands for a digit. With `!` before it the test must fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    test: Test,
    text: &'static str,
    negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    EqualsPattern,
    StartsWithPattern,
}

impl Term {
    /// Reads a term; `None` for what is none.
    pub(crate) fn read(term: &'static str) -> Option<Self> {
        let (negated, term) = term.strip_prefix('!').map_or((false, term), |term| (true, term));
        let test = match term.as_bytes().first()? {
            b'=' => Test::Equals,
            b'^' => Test::StartsWith,
            b'$' => Test::EndsWith,
            b'*' => Test::Contains,
            b'#' => Test::EqualsPattern,
            b'%' => Test::StartsWithPattern,
            _ => return None,
        };
        let rest = term.get(1..).filter(|rest| !rest.is_empty())?;
        Some(Self { test, text: rest, negated })
    }

    /// The one name that it holds for, if it is that simple.
    pub(crate) fn exact(self) -> Option<&'static str> {
        (self.test == Test::Equals && !self.negated).then_some(self.text)
    }

    /// What it says of a name in lower case.
    pub(crate) fn fit(self, name: &str) -> Fit {
        let (text, length) = (self.text, self.text.len());
        let begins = |found: bool| if found { fit_of_part(name, 0, length) } else { Fit::No };
        let equals = |found: bool| if found { Fit::Sure } else { Fit::No };
        let fit = match self.test {
            Test::Equals => equals(name == text),
            Test::EqualsPattern => equals(name.len() == length && starts_with_pattern(name, text)),
            Test::StartsWith => begins(name.starts_with(text)),
            Test::StartsWithPattern => begins(starts_with_pattern(name, text)),
            Test::EndsWith if name.ends_with(text) => fit_of_part(name, name.len() - length, length),
            Test::EndsWith => Fit::No,
            Test::Contains => {
                let places = name.match_indices(text).map(|(place, _)| fit_of_part(name, place, length));
                places.max().unwrap_or(Fit::No)
            }
        };
        match (self.negated, fit) {
            (false, fit) => fit,
            (true, Fit::No) => Fit::Sure,
            (true, _) => Fit::No,
        }
    }
}

fn starts_with_pattern(name: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'#' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    name.len() >= pattern.len() && name.bytes().zip(pattern.bytes()).all(fits)
}

/// What the part of a name from `start` on says of the whole.
fn fit_of_part(name: &str, start: usize, length: usize) -> Fit {
    let (before, rest) = name.split_at(start);
    let (part, behind) = rest.split_at(length);
    // A gateway's or a region's name ends in one of these; in what ends in a dash the model's own name begins.
    let is_whole = before.is_empty() || before.ends_with(['/', '.', ':']) || part.starts_with('/');
    if is_whole && is_same_model(part, behind) { Fit::Sure } else { Fit::Doubtful }
}

/// Words that say which issue of a model it is, and not which model. `customtools` is an endpoint that Google prices
/// together with the model (<https://ai.google.dev/gemini-api/docs/pricing>, Gemini 3.1 Pro Preview).
const ISSUES: [&str; 4] = ["customtools", "default", "latest", "preview"];

/// Whether a model's name with `behind` behind it is the same model: an issue of it by a date, a version, a build, or
/// a stage. Any other word may be another product's, with another price, and so may a size: `gpt-4-32k` was dearer.
fn is_same_model(part: &str, behind: &str) -> bool {
    const SEPARATORS: [char; 3] = ['-', '@', ':'];
    // Behind a model of one's own stand names of one's own.
    if part.ends_with(".ft-") {
        return true;
    }
    let behind = match part.starts_with("ft:") {
        true => behind.split(':').next().unwrap_or_default(),
        false => behind,
    };
    let begun = part.rsplit(SEPARATORS).next().unwrap_or_default();
    // The data cuts dates and builds off in the middle: `claude-sonnet-4-2025`, `gemini-2.0-flash-0`.
    let is_cut = begun.is_empty() || (is_number(begun) && begun.starts_with(['0', '2']));
    let joined = match behind.strip_prefix(SEPARATORS) {
        _ if behind.is_empty() => return true,
        Some(words) => words.to_owned(),
        None if is_cut => format!("{begun}{behind}"),
        None => return false,
    };
    let is_bedrock_build = |build: &str| build.len() == 1 && is_number(build);
    // Amazon writes a build behind a colon, and the data cuts the version before it off.
    let joined = match joined.rsplit_once(':') {
        Some((words, build)) if is_bedrock_build(build) => words.to_owned(),
        None if behind.starts_with(':') && is_bedrock_build(&joined) => return true,
        _ => joined,
    };
    let words: Vec<&str> = joined.split(SEPARATORS).collect();
    let mut words = words.as_slice();
    loop {
        words = match words {
            [] => return true,
            [year, month, day, rest @ ..] if is_date(year, month, day) => rest,
            [month, day, rest @ ..] if is_date("2024", month, day) || is_date(day, month, "01") => rest,
            [word, rest @ ..] if is_issue(word) => rest,
            _ => return false,
        };
    }
}

/// Whether a word names an issue: `latest`, `v1`, `001`, `0613`, `20250805`.
fn is_issue(word: &str) -> bool {
    let version = word.strip_prefix('v').unwrap_or_default();
    match word.len() {
        _ if ISSUES.contains(&word) || (version.len() == 1 && is_number(version)) => true,
        3 => is_number(word) && word.starts_with('0'),
        4 => is_number(word),
        8 => is_number(word) && is_date(&word[..4], &word[4..6], &word[6..]),
        _ => false,
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(year: &str, month: &str, day: &str) -> bool {
    let lengths = (year.len(), month.len(), day.len());
    lengths == (4, 2, 2) && days(&format!("{year}-{month}-{day}")).is_some()
}

/// The name with each date such as `-20251211` written `-2025-12-11`, when it has one: gateways write the first,
/// the data the second.
pub(crate) fn with_dashed_dates(name: &str) -> Option<String> {
    let mut dashed = String::new();
    let mut rest = name;
    while let Some(place) = rest.find("-20") {
        let (before, date) = rest.split_at(place);
        dashed.push_str(before);
        match compact_date(date) {
            Some(text) => {
                dashed.push_str(&text);
                rest = &date[9..];
            }
            None => {
                dashed.push('-');
                rest = &date[1..];
            }
        }
    }
    dashed.push_str(rest);
    (dashed != name).then_some(dashed)
}

/// Reads `-20251211` where it ends at a dash, a colon or the end.
fn compact_date(text: &str) -> Option<String> {
    let (year, month, day) = (text.get(..5)?, text.get(5..7)?, text.get(7..9)?);
    let ends = matches!(text.as_bytes().get(9), None | Some(b'-' | b':'));
    let is_date = text.bytes().skip(1).take(8).all(|byte| byte.is_ascii_digit());
    let date = format!("{}-{month}-{day}", &year[1..]);
    (ends && is_date && days(&date).is_some()).then(|| format!("-{date}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(term: &'static str, name: &str) -> Fit {
        Term::read(term).unwrap().fit(name)
    }

    #[test]
    fn each_test_does_what_its_sign_says() {
        for (term, yes, no) in [
            ("=gpt-4o", "gpt-4o", "gpt-4o-mini"),
            ("^claude-3", "claude-3-latest", "x-claude-3"),
            ("$-latest", "-latest", "sonar-latest-2"),
            ("*sonnet", "us.sonnet-latest", "sonne"),
            ("#m-####", "m-2025", "m-20255"),
            ("#m-####", "m-0000", "m-20x5"),
            ("%m-#", "m-1-preview", "m-preview"),
            ("!$-tts", "flash", "flash-tts"),
        ] {
            assert_eq!(fit(term, yes), Fit::Sure, "{term} {yes}");
            assert_eq!(fit(term, no), Fit::No, "{term} {no}");
        }
    }

    #[test]
    fn an_issue_of_a_model_is_that_model() {
        for (term, name) in [
            ("^claude-opus-4-1", "claude-opus-4-1-20250805"),
            ("^claude-opus-4-1", "claude-opus-4-1@20250805"),
            ("^claude-opus-4-1", "claude-opus-4-1@default"),
            ("^claude-3-5-sonnet", "claude-3-5-sonnet-v2@20241022"),
            ("*claude-opus-4-1-20250805", "us.anthropic.claude-opus-4-1-20250805-v1:0"),
            ("*claude-opus-4-1", "publishers/anthropic/models/claude-opus-4-1"),
            ("^claude-sonnet-4-2025", "claude-sonnet-4-20250514"),
            ("*gemini-2.0-flash-0", "gemini-2.0-flash-001"),
            ("%gemini-3.5-flash-#", "gemini-3.5-flash-001"),
            ("%gemini-3.5-flash-#", "gemini-3.5-flash-20251211"),
            ("^gemini-2.5-pro", "gemini-2.5-pro-preview-05-06"),
            ("^gemini-3-flash-preview-", "gemini-3-flash-preview-09-2025"),
            ("*o4-mini", "o4-mini-2025-04-16"),
            ("^magistral-small-", "magistral-small-latest"),
            ("^gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct-0914"),
            ("*mistral.mistral-7b-instruct-v0", "mistral.mistral-7b-instruct-v0:2"),
            ("*claude-v2", "anthropic.claude-v2:1"),
            ("^ft:gpt-4-0", "ft:gpt-4-0613:us::abc-mini"),
            ("^ft:gpt-4o-2024-", "ft:gpt-4o-2024-08-06:us::abc"),
            ("^gpt-4o-mini-2024-07-18.ft-", "gpt-4o-mini-2024-07-18.ft-0e20843fc5a64a50"),
            ("$/global.zai.glm-5.3", "x/global.zai.glm-5.3"),
        ] {
            assert_eq!(fit(term, name), Fit::Sure, "{term} {name}");
        }
    }

    #[test]
    fn what_may_be_another_model_is_in_doubt() {
        for (term, name) in [
            ("^gemini-3.6-flash", "gemini-3.6-flash-image"),
            ("^gemini-3.6-flash", "gemini-3.6-flash-preview-tts"),
            ("^gemini-3.6-flash", "gemini-3.6-flashy"),
            ("*gemini-1.5-flash", "gemini-1.5-flash-8b"),
            ("%gemini-3.5-flash-#", "gemini-3.5-flash-8b"),
            ("*o4-mini", "o4-mini-deep-research"),
            ("*o4-mini", "not-o4-mini"),
            ("*o4-mini", "not-o4-mini-anymore"),
            ("$claude-opus-5", "not-claude-opus-5"),
            ("^claude-opus-4-1", "claude-opus-4-10"),
            ("^claude-opus-4-1", "claude-opus-4-1-5"),
            ("^claude-opus-4-1", "claude-opus-4-1.5"),
            ("^claude-opus-4-1", "claude-opus-4-1:free"),
            ("^claude-opus-4-1", "claude-opus-4-1-20251399"),
            ("^ft:gpt-3.5-turbo", "ft:gpt-3.5-turbo-16k:us::abc"),
            ("^gpt-4", "gpt-4-32k"),
            ("^m", "m-"),
            ("^m", "m-é"),
        ] {
            assert_eq!(fit(term, name), Fit::Doubtful, "{term} {name}");
        }
    }

    #[test]
    fn what_is_no_term_is_none() {
        for wrong in ["", "!", "gpt", "=", "!^", "é"] {
            assert_eq!(Term::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn compact_dates_are_written_with_dashes() {
        for (name, expected) in [
            ("gpt-5.2-20251211", Some("gpt-5.2-2025-12-11")),
            ("m-20251211:free", Some("m-2025-12-11:free")),
            ("m-20251211-20240229", Some("m-2025-12-11-2024-02-29")),
            ("m-20251311", None),
            ("m-20250229", None),
            ("m-202512111", None),
            ("m-20", None),
            ("m-20é51211", None),
            ("gpt-4o", None),
        ] {
            assert_eq!(with_dashed_dates(name).as_deref(), expected, "{name}");
        }
    }
}
