//! Money in integer nano-dollars, and prices.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::Usage;

/// What something cost: known, or unknown, which is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Known, in billionths of a US dollar.
    NanoDollars(u64),
    /// Nobody knows.
    Unknown,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NanoDollars(nano) => {
                let micro = nano.div_ceil(1000);
                write!(f, "${}.{:06}", micro / 1_000_000, micro % 1_000_000)
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A model's price. Rates are in nano-dollars per million tokens, so that what costs less than a nano-dollar
/// per token is still exact: $0.15 per million tokens is 150,000,000.
///
/// A clone copies six numbers and counts one reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// Tokens read from the provider's cache; `None`: as `input`.
    pub cache_read: Option<u64>,
    /// Tokens written to the provider's cache; `None`: as `input`.
    pub cache_write: Option<u64>,
    /// Tokens of the answer that are reasoning; `None`: as `output`.
    #[serde(default)]
    pub reasoning: Option<u64>,
    /// What each request costs besides its tokens, in nano-dollars.
    #[serde(default)]
    pub request: u64,
    #[serde(default)]
    tiers: Option<Arc<[PriceTier]>>,
}

/// Rates that hold for the whole request once it has more than so many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PriceTier {
    /// Input tokens, the cached ones too, that must be exceeded.
    pub above: u64,
    /// As in [`Price`].
    pub input: u64,
    /// As in [`Price`].
    pub output: u64,
    /// As in [`Price`]; `None`: as this tier's `input`.
    pub cache_read: Option<u64>,
    /// As in [`Price`]; `None`: as this tier's `input`.
    pub cache_write: Option<u64>,
    /// As in [`Price`]; `None`: as this tier's `output`.
    pub reasoning: Option<u64>,
}

impl Price {
    /// A price in nano-dollars per million tokens.
    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// A price in dollars per million tokens, as vendors print it. `None` for what is no amount of money.
    pub fn per_million_dollars(input: f64, output: f64) -> Option<Self> {
        Some(Self::new(nano_dollars(input)?, nano_dollars(output)?))
    }

    /// Sets the rates of large requests, in any order.
    #[must_use]
    pub fn with_tiers(mut self, tiers: impl IntoIterator<Item = PriceTier>) -> Self {
        let mut tiers: Vec<_> = tiers.into_iter().collect();
        tiers.sort_unstable_by_key(|tier| tier.above);
        self.tiers = (!tiers.is_empty()).then(|| tiers.into());
        self
    }

    /// The rates of large requests.
    pub fn tiers(&self) -> &[PriceTier] {
        self.tiers.as_deref().unwrap_or_default()
    }

    /// The rates below every tier, as a tier of their own.
    pub(crate) fn base(&self) -> PriceTier {
        PriceTier {
            above: 0,
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            reasoning: self.reasoning,
        }
    }

    /// What `usage` costs, rounded up to a whole nano-dollar; unknown where so much money cannot be counted.
    ///
    /// The highest tier that the input exceeds prices the whole request, as Anthropic, Google and OpenAI bill it
    /// (`TieredPrices` of the Python package `genai-prices`).
    pub fn cost(&self, usage: &Usage) -> Cost {
        let reached = self.tiers().iter().filter(|tier| usage.input_tokens > tier.above);
        let sum = match reached.max_by_key(|tier| tier.above) {
            Some(tier) => tier.sum(usage),
            None => self.base().sum(usage),
        };
        // A vendor that reports tokens beyond all money has reported nothing.
        self.rounded_up(sum).map_or(Cost::Unknown, Cost::NanoDollars)
    }

    /// What a request of at most so many tokens costs at most, in nano-dollars: every token at the dearest rate
    /// that may hold for it.
    pub fn upper_bound(&self, input_tokens: u64, output_tokens: u64) -> u64 {
        let reached = self.tiers().iter().filter(|tier| input_tokens > tier.above).copied();
        let (input, output) = std::iter::once(self.base())
            .chain(reached)
            .map(|tier| tier.dearest())
            .fold((0, 0), |(input, output), tier| (tier.0.max(input), tier.1.max(output)));
        let sum = product(input_tokens, input).saturating_add(product(output_tokens, output));
        self.rounded_up(sum).unwrap_or(u64::MAX)
    }

    fn rounded_up(&self, sum: u128) -> Option<u64> {
        u64::try_from(sum.div_ceil(1_000_000)).ok()?.checked_add(self.request)
    }
}

impl PriceTier {
    /// Rates of requests of more than `above` input tokens, in nano-dollars per million tokens.
    pub fn new(above: u64, input: u64, output: u64) -> Self {
        Self { above, input, output, ..Self::default() }
    }

    /// Parts that exceed their whole, which some vendors report, count as no more than the whole.
    fn sum(&self, usage: &Usage) -> u128 {
        let read = usage.cache_read.unwrap_or(0).min(usage.input_tokens);
        let write = usage.cache_write.unwrap_or(0).min(usage.input_tokens - read);
        let reasoning = usage.reasoning.unwrap_or(0).min(usage.output_tokens);
        [
            (usage.input_tokens - read - write, self.input),
            (read, self.cache_read.unwrap_or(self.input)),
            (write, self.cache_write.unwrap_or(self.input)),
            (usage.output_tokens - reasoning, self.output),
            (reasoning, self.reasoning.unwrap_or(self.output)),
        ]
        .into_iter()
        .fold(0, |sum: u128, (tokens, rate)| sum.saturating_add(product(tokens, rate)))
    }

    /// The dearest rate of the input and of the output.
    fn dearest(&self) -> (u64, u64) {
        let input = [self.cache_read, self.cache_write].into_iter().flatten().fold(self.input, u64::max);
        (input, self.output.max(self.reasoning.unwrap_or(0)))
    }
}

fn product(tokens: u64, rate: u64) -> u128 {
    u128::from(tokens) * u128::from(rate)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
pub(crate) fn nano_dollars(dollars: f64) -> Option<u64> {
    // A million dollars per million tokens is beyond any price; below it every amount fits exactly enough.
    let nano = (0.0..1e6).contains(&dollars).then(|| (dollars * 1e9).round() as u64)?;
    // What is too small to be counted is not free.
    (nano > 0 || dollars == 0.0).then_some(nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_whole_nano_dollars_rounded_up() {
        let price = Price::per_million_dollars(0.15, 0.6).unwrap();
        assert_eq!(price.cost(&Usage::reported(1000, 10)), Cost::NanoDollars(156_000));
        let cached = Usage { cache_read: Some(400), ..Usage::reported(1000, 0) };
        let price = Price { cache_read: Some(75_000_000), ..price };
        assert_eq!(price.cost(&cached), Cost::NanoDollars(120_000));
    }

    #[test]
    fn what_is_less_than_a_nano_dollar_per_token_is_exact() {
        let price = Price::new(1, 0);
        assert_eq!(price.cost(&Usage::reported(1, 0)), Cost::NanoDollars(1));
        assert_eq!(price.cost(&Usage::reported(3_000_000, 0)), Cost::NanoDollars(3));
    }

    #[test]
    fn the_highest_tier_that_is_exceeded_prices_the_whole_request() {
        // Claude Sonnet 4.5: $3 and $15, above 200,000 tokens $6 and $22.50.
        let price = Price::per_million_dollars(3.0, 15.0).unwrap().with_tiers([
            PriceTier::new(400_000, 12_000_000_000, 45_000_000_000),
            PriceTier::new(200_000, 6_000_000_000, 22_500_000_000),
        ]);
        let cost = |input| price.cost(&Usage::reported(input, 1000));
        assert_eq!(cost(200_000), Cost::NanoDollars(615_000_000));
        assert_eq!(cost(200_001), Cost::NanoDollars(1_200_006_000 + 22_500_000));
        assert_eq!(cost(400_001), Cost::NanoDollars(4_800_012_000 + 45_000_000));
    }

    #[test]
    fn reasoning_and_requests_have_prices_of_their_own() {
        let price = Price { reasoning: Some(3_000_000), request: 5, ..Price::new(0, 2_000_000) };
        let usage = Usage { reasoning: Some(10), ..Usage::reported(0, 30) };
        assert_eq!(price.cost(&usage), Cost::NanoDollars(20 * 2 + 10 * 3 + 5));
    }

    #[test]
    fn parts_that_exceed_their_whole_count_as_the_whole() {
        let price = Price {
            cache_read: Some(1_000_000),
            cache_write: Some(3_000_000),
            reasoning: Some(5_000_000),
            ..Price::new(2_000_000, 4_000_000)
        };
        let usage = Usage {
            cache_read: Some(7),
            cache_write: Some(u64::MAX),
            reasoning: Some(u64::MAX),
            ..Usage::reported(10, 1)
        };
        assert_eq!(price.cost(&usage), Cost::NanoDollars(7 + 3 * 3 + 5));
    }

    #[test]
    fn a_cost_beyond_all_money_is_unknown_and_its_bound_is_the_highest() {
        let huge = Usage { reasoning: Some(1), ..Usage::reported(u64::MAX, u64::MAX) };
        for price in [
            Price::new(u64::MAX, u64::MAX),
            Price::new(3_000_000_000, 0),
            Price { request: u64::MAX, ..Price::new(1, 1) },
        ] {
            assert_eq!(price.cost(&huge), Cost::Unknown, "{price:?}");
            assert_eq!(price.upper_bound(u64::MAX, u64::MAX), u64::MAX, "{price:?}");
        }
        let cost = Price::new(1_000_000, 0).cost(&Usage::reported(u64::MAX, 0));
        assert_eq!(cost, Cost::NanoDollars(u64::MAX));
    }

    #[test]
    fn no_usage_within_a_bound_costs_more_than_the_bound() {
        let price = Price {
            cache_write: Some(3_750_000_000),
            request: 7,
            ..Price::new(3_000_000_000, 15_000_000_000)
        }
        .with_tiers([PriceTier::new(100, 1_000_000_000, 20_000_000_000)]);
        let bound = price.upper_bound(200, 50);
        for (input, write) in [(200, 0), (200, 200), (100, 100), (0, 0)] {
            let usage = Usage { cache_write: Some(write), ..Usage::reported(input, 50) };
            let Cost::NanoDollars(cost) = price.cost(&usage) else { panic!("the price is known") };
            assert!(cost <= bound, "{usage:?} costs {cost} and not up to {bound}");
        }
    }

    #[test]
    fn a_price_is_read_as_it_was_written() {
        let price = Price::new(1, 2).with_tiers([PriceTier::new(3, 4, 5)]);
        let text = serde_json::to_string(&price).unwrap();
        assert_eq!(serde_json::from_str::<Price>(&text).unwrap(), price);
    }

    #[test]
    fn what_is_no_amount_of_money_is_no_price() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e6, 1e-10, f64::MIN_POSITIVE] {
            assert_eq!(Price::per_million_dollars(wrong, 1.0), None, "{wrong}");
        }
        for zero in [0.0, -0.0] {
            assert_eq!(Price::per_million_dollars(zero, 1e-9), Some(Price::new(0, 1)));
        }
    }

    #[test]
    fn unknown_is_printed_as_unknown() {
        assert_eq!(Cost::Unknown.to_string(), "unknown");
        assert_eq!(Cost::NanoDollars(1_234_567_890).to_string(), "$1.234568");
    }
}
