//! The prices of one line of the data.

use ultraai_core::{Price, PriceTier};

use crate::moment::Moment;

/// What the data has where it knows no price, or only a part of it.
const UNKNOWN: &str = "?";

/// The price that holds at the moment: the last whose condition is met, else the first.
pub(crate) fn at(line: &str, moment: Moment) -> Option<Price> {
    let conditional = line.split('\t').map(|text| match text.strip_prefix('@') {
        Some(text) => {
            let (condition, price) = text.split_once(' ')?;
            Some((moment.meets(condition)?, price))
        }
        None => Some((true, text)),
    });
    let conditional = conditional.collect::<Option<Vec<_>>>()?;
    let held = conditional.iter().rev().find(|(holds, _)| *holds).or(conditional.first());
    held.and_then(|(_, price)| read(price))
}

/// Reads a price; `None` for an unknown one, and for what is none.
fn read(text: &str) -> Option<Price> {
    if text == UNKNOWN {
        return None;
    }
    let mut words = text.split(' ').peekable();
    let base = level(0, &mut words)?;
    let mut price = Price::new(base.input, base.output);
    (price.cache_read, price.cache_write) = (base.cache_read, base.cache_write);
    price.reasoning = base.reasoning;
    if let Some(word) = words.next_if(|word| word.starts_with('q')) {
        price.request = nano_dollars(&word[1..])?;
    }
    let mut tiers = Vec::new();
    while let Some(word) = words.next() {
        tiers.push(level(word.strip_prefix('>')?.parse().ok()?, &mut words)?);
    }
    Some(price.with_tiers(tiers))
}

/// Reads input, output and what differs from them.
fn level<'a>(
    above: u64,
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Option<PriceTier> {
    let (input, output) = (nano_dollars(words.next()?)?, nano_dollars(words.next()?)?);
    let mut tier = PriceTier::new(above, input, output);
    while let Some(word) = words.next_if(|word| word.starts_with(['r', 'w', 't'])) {
        let rate = Some(nano_dollars(&word[1..])?);
        match word.as_bytes().first() {
            Some(b'r') => tier.cache_read = rate,
            Some(b'w') => tier.cache_write = rate,
            _ => tier.reasoning = rate,
        }
    }
    Some(tier)
}

/// Exact nano-dollars of a decimal number of dollars.
fn nano_dollars(dollars: &str) -> Option<u64> {
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn every_rate_is_read() {
        let price = read("3 15 r0.3 w3.75 t16 q0.005 >200000 6 22.5 r0.6").unwrap();
        assert_eq!((price.input, price.output), (3_000_000_000, 15_000_000_000));
        assert_eq!((price.cache_read, price.cache_write), (Some(300_000_000), Some(3_750_000_000)));
        assert_eq!((price.reasoning, price.request), (Some(16_000_000_000), 5_000_000));
        let [tier] = price.tiers() else { panic!("one tier") };
        assert_eq!((tier.above, tier.output, tier.cache_read), (200_000, 22_500_000_000, Some(600_000_000)));
        assert_eq!((tier.cache_write, tier.reasoning), (None, None));
    }

    #[test]
    fn what_is_no_price_is_none_and_never_zero() {
        for wrong in [
            "",
            "?",
            "1",
            "1 -2",
            "1 x",
            "1 .5",
            "1 0.0000000001",
            "1 2 z3",
            "1 2 >x 3 4",
            "1 2 >5 3",
            "1  2",
            "1 2 ",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_price_whose_condition_is_met_holds_else_the_first() {
        let midnight = Moment::of(UNIX_EPOCH);
        for (line, input) in [
            ("1 1", Some(1)),
            ("1 1\t@1970-01-01 2 2", Some(2)),
            ("1 1\t@1970-01-02 2 2", Some(1)),
            ("1 1\t@1970-01-01 2 2\t@23:00-01:00 3 3", Some(3)),
            ("1 1\t@1970-01-01 2 2\t@01:00-02:00 3 3", Some(2)),
            ("@1970-01-02 1 1\t@1970-01-03 2 2", Some(1)),
            ("1 1\t@1970-01-01 ?", None),
            ("1 1\t@soon 2 2", None),
        ] {
            let found = at(line, midnight).map(|price| price.input / 1_000_000_000);
            assert_eq!(found, input, "{line}");
        }
    }
}
