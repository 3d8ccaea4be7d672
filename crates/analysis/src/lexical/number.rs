//! Numbers as they are written.

/// A number whose value cannot be mistaken: digits, digits with a point, or two groups of three or more.
///
/// `1,000` is none, because it is one in half of the world; nor is `1e3`, which may be a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    /// All digits as they are written, without the point and the signs of groups.
    digits: String,
    /// Digits after the point.
    places: usize,
}

impl Number {
    /// Reads a text that is a number and nothing else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|part| part.is_ascii_digit());
        if !fraction.is_none_or(is_digits) || !(is_digits(whole) || is_grouped(whole)) {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let digits = whole.chars().filter(|part| *part != ',').chain(fraction.chars()).collect();
        Some(Self { digits, places: fraction.len() })
    }

    /// Whether both are the same; `None` where they differ only in zeros or in what rounding takes away.
    pub(crate) fn is_same(&self, other: &Self) -> Option<bool> {
        if self == other {
            return Some(true);
        }
        // Of two numbers with unequally many places, one may be rounded.
        if self.places != other.places {
            return None;
        }
        let (mine, theirs) = (self.digits.parse::<u128>().ok()?, other.digits.parse::<u128>().ok()?);
        (mine.abs_diff(theirs) >= self.unit().max(other.unit())).then_some(false)
    }

    /// What the last digit counts that is no zero: it may be rounded to this.
    fn unit(&self) -> u128 {
        let kept = self.digits.trim_end_matches('0').len();
        let zeros = if kept == 0 { 0 } else { self.digits.len() - kept };
        u32::try_from(zeros).ok().and_then(|zeros| 10_u128.checked_pow(zeros)).unwrap_or(u128::MAX)
    }
}

/// Whether digits stand in two groups of three or more behind the first: one group may be a fraction.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or_default();
    let is_digits = |text: &str| text.bytes().all(|part| part.is_ascii_digit());
    let is_first = (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0');
    is_first && text.matches(',').count() >= 2 && groups.all(|group| group.len() == 3 && is_digits(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_and_unequal_is_said_only_where_it_is_certain() {
        for (one, other, expected) in [
            ("1,000,000", "1000000", Some(true)),
            ("1,000,000.5", "1000000.5", Some(true)),
            ("42", "43", Some(false)),
            ("330", "312", Some(false)),
            ("0", "5", Some(false)),
            ("3.14", "3.15", Some(false)),
            // A zero that is written may matter: in a version, a code, a measurement.
            ("3.10", "3.1", None),
            ("42.0", "42", None),
            ("02134", "2134", None),
            // One may be the other, rounded.
            ("3.14", "3.14159", None),
            ("4810", "4808", None),
            ("300", "310", None),
            ("99999999999999999999999999", "99999999999999999999999998", Some(false)),
        ] {
            let read = |text| Number::read(text).unwrap_or_else(|| panic!("{text} is a number"));
            assert_eq!(read(one).is_same(&read(other)), expected, "{one} {other}");
            assert_eq!(read(other).is_same(&read(one)), expected, "{other} {one}");
        }
        let long = Number { digits: "9".repeat(100), places: 0 };
        assert_eq!(long.is_same(&Number { digits: "8".repeat(100), places: 0 }), None);
    }

    #[test]
    fn what_may_be_something_else_is_no_number() {
        for text in [
            "1,2",
            "1,234",
            "1.2.3",
            "1.",
            ".5",
            "2024-05-01",
            "12:30",
            "3/4",
            "x",
            "",
            "-5",
            "1e3",
            "0x10",
            "5²",
            "1,2,3",
            "0,000,000",
            "1,000,00",
            "1000,000,000",
            "1'000'000",
            "٣",
            ",",
            ",,",
            ",000,000",
        ] {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }
}
