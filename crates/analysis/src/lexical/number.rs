//! Numbers as they are written, compared by value.

/// A number. Equal values are equal however they are written: `1,000`, `1000`, `1000.0` and `1e3`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    /// The value as it is read in English.
    value: Decimal,
    /// The other value that it may have: `1.000` is a thousand in many languages.
    other: Option<Decimal>,
}

/// A decimal number without rounding: `digits` without zeros at either end, times ten to the `exponent`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn new(is_negative: bool, whole: &str, fraction: &str, exponent: i64) -> Self {
        let all = || whole.chars().chain(fraction.chars()).filter(char::is_ascii_digit);
        let digits: String = all().skip_while(|digit| *digit == '0').collect();
        let kept = digits.trim_end_matches('0').len();
        let trailing = i64::try_from(digits.len() - kept).unwrap_or(i64::MAX);
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        if kept == 0 {
            return Self { is_negative: false, digits: String::new(), exponent: 0 };
        }
        Self {
            is_negative,
            digits: digits[..kept].to_owned(),
            exponent: exponent.saturating_sub(places).saturating_add(trailing),
        }
    }
}

impl Number {
    /// Reads the number at the beginning of `text`, and returns what follows it. `None` where none begins there, or where it
    /// is written in a way that cannot be read, such as `1,2` or `1.2.3`.
    pub(crate) fn read(text: &str) -> Option<(Self, &str)> {
        let (is_negative, rest) = match text.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, rest) = grouped(rest)?;
        let (fraction, rest) = match rest.strip_prefix('.').map(digits) {
            Some((fraction, rest)) if !fraction.is_empty() => (fraction, rest),
            _ => ("", rest),
        };
        let (exponent, rest) = exponent(rest);
        let (scale, rest) = scale(rest);
        // Something numeric that goes on is a date, a version or a list, and not this number.
        let mut next = rest.chars();
        let goes_on = match next.next() {
            Some('.' | ',' | '/' | ':' | '-' | '–') => {
                next.next().is_some_and(|part| part.is_ascii_digit())
            }
            Some(part) => part.is_numeric(),
            None => false,
        };
        if goes_on {
            return None;
        }
        let power = exponent.saturating_add(scale);
        let value = Decimal::new(is_negative, whole, fraction, power);
        let may_be_grouped = fraction.len() == 3 && whole.len() <= 3 && !whole.starts_with('0');
        let other =
            may_be_grouped.then(|| Decimal::new(is_negative, &format!("{whole}{fraction}"), "", power));
        Some((Self { value, other }, rest))
    }

    /// Whether the values are the same; `None` where it depends on how one of them is read.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        if self == other {
            return Some(true);
        }
        let mine = [Some(&self.value), self.other.as_ref()];
        let theirs = [Some(&other.value), other.other.as_ref()];
        let may_be = mine.iter().flatten().any(|value| theirs.iter().flatten().any(|other| value == other));
        (!may_be).then_some(false)
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|part: char| !part.is_ascii_digit()).unwrap_or(text.len()))
}

/// Digits, in groups of three where they are grouped.
fn grouped(text: &str) -> Option<(&str, &str)> {
    const GROUPING: [char; 6] = [',', '\'', '’', '_', '\u{a0}', '\u{202f}'];
    let (first, mut rest) = digits(text);
    if first.is_empty() {
        return None;
    }
    let mut end = first.len();
    if first.len() <= 3 {
        while let Some((group, after)) = rest.strip_prefix(GROUPING).map(digits)
            && group.len() == 3
        {
            end = text.len() - after.len();
            rest = after;
        }
    }
    Some((&text[..end], rest))
}

fn exponent(text: &str) -> (i64, &str) {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return (0, text) };
    let (is_negative, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix('+').unwrap_or(rest)),
    };
    let (power, rest) = digits(rest);
    match power.parse::<i64>() {
        // More is no number that anybody meant, and `e` may begin a word.
        Ok(power) if power <= 400 && !rest.starts_with(char::is_alphanumeric) => {
            (if is_negative { -power } else { power }, rest)
        }
        _ => (0, text),
    }
}

fn scale(text: &str) -> (i64, &str) {
    const WORDS: [(&str, i64); 4] = [("thousand", 3), ("million", 6), ("billion", 9), ("trillion", 12)];
    let Some(rest) = text.strip_prefix([' ', '\u{a0}']) else { return (0, text) };
    for (word, power) in WORDS {
        if let Some(rest) = rest.strip_prefix(word)
            && !rest.starts_with(char::is_alphanumeric)
        {
            return (power, rest);
        }
    }
    (0, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> Option<bool> {
        let read = |text| Number::read(text).unwrap_or_else(|| panic!("{text} is a number")).0;
        read(one).is_same(&read(other))
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        for (one, other, expected) in [
            ("1,000", "1000", Some(true)),
            ("1000", "1e3", Some(true)),
            ("1000.0", "1E+3", Some(true)),
            ("1'000_000", "1\u{202f}000\u{a0}000", Some(true)),
            ("2.5 million", "2,500,000", Some(true)),
            ("0", "-0.00", Some(true)),
            ("−5", "-5", Some(true)),
            ("007", "7", Some(true)),
            ("3.14", "3.14159", Some(false)),
            ("5", "-5", Some(false)),
            ("3.141", "3.142", Some(false)),
            ("0.125", "0.1250", Some(true)),
            // A thousand in German, one in English: it cannot be told.
            ("1.000", "1000", None),
            ("1.000", "1", None),
            ("1.000", "1.000", Some(true)),
            ("99999999999999999999999999", "99999999999999999999999998", Some(false)),
        ] {
            assert_eq!(same(one, other), expected, "{one} {other}");
            assert_eq!(same(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_read_as_one() {
        for text in ["1,2", "1.2.3", "2024-05-01", "12:30", "3/4", "x", "", "-", "1,2,3", "5²"] {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_follows_stays() {
        for (text, rest) in [
            ("5km", "km"),
            ("5 km", " km"),
            ("5.", "."),
            ("5, 6", ", 6"),
            ("1eel", "eel"),
            ("1e", "e"),
            ("5 millions", " millions"),
        ] {
            assert_eq!(Number::read(text).map(|(_, rest)| rest), Some(rest), "{text}");
        }
    }
}
