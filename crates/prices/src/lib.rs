#![doc = include_str!("../README.md")]

mod data;
mod moment;
mod name;
mod rates;
mod vendors;

use std::{fmt, sync::Arc, time::SystemTime};

use ultraai_core::{Price, PriceSource, PricesRegistration, register_prices};

use self::{data::Data, moment::Moment};

register_prices!(
    PricesRegistration::new(GenaiPrices::NAME, || Arc::new(GenaiPrices))
        .summary("the vendors' prices, by model and date, from the package `genai-prices`")
);

/// The prices of the Python package `genai-prices`.
///
/// The data is part of the program and is read on first need.
#[derive(Clone, Copy, Default)]
pub struct GenaiPrices;

impl GenaiPrices {
    /// The registered name.
    pub const NAME: &'static str = "genai-prices";

    /// The version of the package that the prices are from.
    pub fn version(self) -> &'static str {
        Data::linked().version
    }

    /// The day on which they were taken from it, such as `2026-11-22`.
    pub fn taken(self) -> &'static str {
        Data::linked().taken
    }
}

impl PriceSource for GenaiPrices {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn price(&self, provider: &str, model: &str, at: SystemTime) -> Option<Price> {
        let model = model.to_lowercase();
        let (vendor, model) = vendors::of(provider, &model)?;
        let prices = Data::linked().prices(&vendor, model)?;
        rates::at(prices, Moment::of(at))
    }
}

impl fmt::Debug for GenaiPrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GenaiPrices(..)")
    }
}
