//! How a line of the data recognizes a model's name.

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

    /// Whether it holds for a name in lower case.
    pub(crate) fn holds(self, name: &str) -> bool {
        let found = match self.test {
            Test::Equals => name == self.text,
            Test::StartsWith => name.starts_with(self.text),
            Test::EndsWith => name.ends_with(self.text),
            Test::Contains => name.contains(self.text),
            Test::EqualsPattern => name.len() == self.text.len() && starts_with_pattern(name, self.text),
            Test::StartsWithPattern => starts_with_pattern(name, self.text),
        };
        found != self.negated
    }
}

fn starts_with_pattern(name: &str, pattern: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'#' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    name.len() >= pattern.len() && name.bytes().zip(pattern.bytes()).all(fits)
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
    (ends && is_date && crate::moment::days(&date).is_some()).then(|| format!("-{date}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_does_what_its_sign_says() {
        for (term, yes, no) in [
            ("=gpt-4o", "gpt-4o", "gpt-4o-mini"),
            ("^claude-3", "claude-3-opus", "x-claude-3"),
            ("$-latest", "sonar-latest", "sonar-latest-2"),
            ("*sonnet", "us.sonnet-4", "sonne"),
            ("#m-####", "m-2025", "m-20255"),
            ("#m-####", "m-0000", "m-20x5"),
            ("%m-#", "m-1-preview", "m-preview"),
            ("!$-tts", "flash", "flash-tts"),
        ] {
            let term = Term::read(term).unwrap();
            assert!(term.holds(yes), "{term:?} {yes}");
            assert!(!term.holds(no), "{term:?} {no}");
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
