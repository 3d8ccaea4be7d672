//! Prices that a user wrote: beside a provider, in the settings, in a file of their own.

use std::{collections::HashMap, time::SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Error, ErrorKind, Field, Price, PriceSource, Result,
    money::{PriceTier, nano_dollars},
    registry::parse_settings,
};

/// A price as vendors print it, in dollars per million tokens.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PriceSettings {
    /// Tokens of requests.
    pub input: f64,
    /// Tokens of answers.
    pub output: f64,
    /// Tokens read from the provider's cache. Default: as `input`.
    #[serde(default)]
    pub cache_read: Option<f64>,
    /// Tokens written to the provider's cache. Default: as `input`.
    #[serde(default)]
    pub cache_write: Option<f64>,
    /// Tokens of answers that are reasoning. Default: as `output`.
    #[serde(default)]
    pub reasoning: Option<f64>,
    /// Dollars for each request, besides its tokens. Default: 0.
    #[serde(default)]
    pub request: f64,
    /// Rates of large requests. Default: none.
    #[serde(default)]
    pub tiers: Vec<TierSettings>,
}

/// Rates that hold for the whole request once its input has more than so many tokens. What is not named is as
/// below the tier.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TierSettings {
    /// Input tokens that must be exceeded.
    pub above: u64,
    /// As in [`PriceSettings`].
    #[serde(default)]
    pub input: Option<f64>,
    /// As in [`PriceSettings`].
    #[serde(default)]
    pub output: Option<f64>,
    /// As in [`PriceSettings`].
    #[serde(default)]
    pub cache_read: Option<f64>,
    /// As in [`PriceSettings`].
    #[serde(default)]
    pub cache_write: Option<f64>,
    /// As in [`PriceSettings`].
    #[serde(default)]
    pub reasoning: Option<f64>,
}

impl PriceSettings {
    /// Its keys.
    pub const FIELDS: &'static [Field] = &[
        Field { name: "input", doc: "Dollars per million tokens of requests. Needed." },
        Field { name: "output", doc: "Dollars per million tokens of answers. Needed." },
        Field {
            name: "cache_read",
            doc: "Dollars per million tokens read from the provider's cache. Default: as `input`.",
        },
        Field {
            name: "cache_write",
            doc: "Dollars per million tokens written to the provider's cache. Default: as `input`.",
        },
        Field { name: "reasoning", doc: "Dollars per million tokens of reasoning. Default: as `output`." },
        Field { name: "request", doc: "Dollars for each request, besides its tokens. Default: 0." },
        Field {
            name: "tiers",
            doc: "Rates of large requests: [{ above = 200000, input = 6, output = 22.5 }]. Default: none.",
        },
    ];

    /// A price of so many dollars per million tokens.
    pub fn new(input: f64, output: f64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// Reads a table of settings.
    ///
    /// # Errors
    /// `Config`, which names the key that is unknown, missing or no amount of money.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let prices: Self = parse_settings(settings, Self::FIELDS)?;
        prices.to_price().map(|_| prices)
    }

    /// The price in whole nano-dollars.
    ///
    /// # Errors
    /// `Config`, which names the key that is no amount of money.
    pub fn to_price(&self) -> Result<Price> {
        let mut price = Price::new(amount("input", self.input)?, amount("output", self.output)?);
        price.cache_read = optional("cache_read", self.cache_read)?;
        price.cache_write = optional("cache_write", self.cache_write)?;
        price.reasoning = optional("reasoning", self.reasoning)?;
        price.request = amount("request", self.request)?;
        let tiers = self.tiers.iter().enumerate().map(|(place, tier)| {
            tier.over(&price.base()).map_err(|error| within(&format!("tiers[{place}]"), &error))
        });
        let tiers = tiers.collect::<Result<Vec<_>>>()?;
        let mut starts: Vec<_> = tiers.iter().map(|tier| tier.above).collect();
        starts.sort_unstable();
        if let Some([twice, ..]) = starts.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong(format!("two `tiers` are above {twice}: keep one of them")));
        }
        Ok(price.with_tiers(tiers))
    }
}

impl TierSettings {
    fn over(&self, base: &PriceTier) -> Result<PriceTier> {
        let mut tier = *base;
        tier.above = self.above;
        tier.input = optional("input", self.input)?.unwrap_or(base.input);
        tier.output = optional("output", self.output)?.unwrap_or(base.output);
        tier.cache_read = optional("cache_read", self.cache_read)?.or(base.cache_read);
        tier.cache_write = optional("cache_write", self.cache_write)?.or(base.cache_write);
        tier.reasoning = optional("reasoning", self.reasoning)?.or(base.reasoning);
        Ok(tier)
    }
}

fn optional(key: &str, dollars: Option<f64>) -> Result<Option<u64>> {
    dollars.map(|dollars| amount(key, dollars)).transpose()
}

fn amount(key: &str, dollars: f64) -> Result<u64> {
    nano_dollars(dollars).ok_or_else(|| {
        let wanted = match dollars > 0.0 && dollars < 1.0 {
            true => "it must be 0, or at least a billionth of a dollar (1e-9)",
            false => "it must be an amount of dollars from 0 up to a million",
        };
        wrong(format!("`{key}` is {dollars}: {wanted}"))
    })
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Says in which table an error is.
fn within(place: &str, error: &Error) -> Error {
    wrong(format!("in {place}: {}", error.message()))
}

/// Prices by registered provider and exact model name, as a user wrote them.
///
/// ```
/// # use ultraai_core::PriceTable;
/// let table = PriceTable::from_json(r#"{ "openai": { "gpt-4o": { "input": 2.5, "output": 10 } } }"#)?;
/// assert!(table.get("openai", "gpt-4o").is_some());
/// # Ok::<_, ultraai_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceTable(HashMap<String, HashMap<String, Price>>);

impl PriceTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a table of settings: a table of prices, by model, for each registered provider.
    ///
    /// # Errors
    /// `Config`, which names provider, model and key of the first thing that is wrong. There is no table then, so
    /// that one that is in use stays as it is.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let mut table = Self::new();
        for (provider, models) in object(settings, "prices", "a table of models for each provider")? {
            let place = format!("prices.{provider}");
            for (model, price) in object(models, &place, "a table of prices by model")? {
                let place = format!("{place}.{model:?}");
                let price = Value::Object(object(price, &place, "{ input = …, output = … }")?);
                let price = PriceSettings::from_settings(price).and_then(|settings| settings.to_price());
                table.insert(&provider, model, price.map_err(|error| within(&place, &error))?);
            }
        }
        Ok(table)
    }

    /// Reads the text of a price file in JSON, which holds what [`from_settings`](Self::from_settings) reads.
    ///
    /// # Errors
    /// `Config`, which names the line that is no JSON, or as [`from_settings`](Self::from_settings).
    pub fn from_json(text: &str) -> Result<Self> {
        let value =
            serde_json::from_str(text).map_err(|error| wrong(format!("the prices are no JSON: {error}")))?;
        Self::from_settings(value)
    }

    /// Sets a price and returns the one that it replaces.
    pub fn insert(&mut self, provider: &str, model: impl Into<String>, price: Price) -> Option<Price> {
        self.0.entry(provider.to_owned()).or_default().insert(model.into(), price)
    }

    /// Adds the prices of `over`, which replace those that are there.
    pub fn extend(&mut self, over: Self) {
        for (provider, models) in over.0 {
            self.0.entry(provider).or_default().extend(models);
        }
    }

    /// The price of `model` at the provider of that registered name.
    pub fn get(&self, provider: &str, model: &str) -> Option<&Price> {
        self.0.get(provider)?.get(model)
    }

    /// Prices in the table.
    pub fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }

    /// Whether there is no price in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The providers that it has prices for, sorted.
    pub fn providers(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// The user's prices go over those of every other source, so they come first in the list of sources.
impl PriceSource for PriceTable {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn price(&self, provider: &str, model: &str, _at: SystemTime) -> Option<Price> {
        self.get(provider, model).cloned()
    }
}

fn object(value: Value, place: &str, expected: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        // The value itself is not repeated: a text in the wrong place may be a key.
        _ => Err(wrong(format!("`{place}` must be {expected}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Cost, Usage};

    #[test]
    fn dollars_become_nano_dollars() {
        let settings = json!({
            "input": 3, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75, "reasoning": 16, "request": 0.005,
            "tiers": [{ "above": 200_000, "input": 6, "output": 22.5 }],
        });
        let price = PriceSettings::from_settings(settings).unwrap().to_price().unwrap();
        assert_eq!((price.input, price.cache_read), (3_000_000_000, Some(300_000_000)));
        assert_eq!((price.reasoning, price.request), (Some(16_000_000_000), 5_000_000));
        let [tier] = price.tiers() else { panic!("one tier") };
        assert_eq!((tier.above, tier.input, tier.cache_read), (200_000, 6_000_000_000, Some(300_000_000)));
    }

    #[test]
    fn what_is_wrong_is_named_by_provider_model_and_key() {
        for (price, expected) in [
            (json!({ "input": -1, "output": 1 }), "`input` is -1: it must be an amount of dollars"),
            (
                json!({ "input": 1e-10, "output": 1 }),
                "`input` is 0.0000000001: it must be 0, or at least a billionth",
            ),
            (json!({ "input": 1, "output": "sk-secret" }), "wrong setting `output`: invalid type: a text"),
            (json!({ "input": 1, "output": null }), "wrong setting `output`"),
            (json!({ "input": 1 }), "missing field `output`"),
            (json!({ "inptu": 1, "output": 1 }), "unknown setting `inptu`: did you mean `input`?"),
            (json!({ "input": 1, "output": 1, "cache_read": 1e7 }), "`cache_read` is 10000000"),
            (
                json!({ "input": 1, "output": 1, "tiers": [{ "above": 5, "output": -2 }] }),
                "in tiers[0]: `output` is -2",
            ),
            (
                json!({ "input": 1, "output": 1, "tiers": [{ "above": -5 }] }),
                "wrong setting `tiers[0].above`",
            ),
            (json!({ "input": 1, "output": 1, "tiers": [{ "abvoe": 5 }] }), "unknown field `abvoe`"),
            (
                json!({ "input": 1, "output": 1, "tiers": [{ "above": 5 }, { "above": 5 }] }),
                "two `tiers` are above 5",
            ),
        ] {
            let error = PriceTable::from_settings(json!({ "openai": { "gpt-4o": price } })).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.starts_with("in prices.openai.\"gpt-4o\": "), "{text}");
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains("sk-secret"), "{text}");
        }
    }

    #[test]
    fn what_is_no_table_and_no_json_is_refused() {
        for (text, expected) in [
            ("[]", "`prices` must be a table of models for each provider"),
            (r#"{ "openai": 3 }"#, "`prices.openai` must be a table of prices by model"),
            (r#"{ "openai": { "m": 3 } }"#, "`prices.openai.\"m\"` must be { input"),
            ("{ \"openai\":\n oops }", "no JSON: expected value at line 2"),
        ] {
            let error = PriceTable::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_no_price() {
        let settings = PriceSettings { cache_write: Some(f64::NAN), ..PriceSettings::new(1.0, 1.0) };
        assert!(settings.to_price().unwrap_err().to_string().contains("`cache_write` is NaN"));
    }

    #[test]
    fn later_prices_replace_and_add() {
        let mut table = PriceTable::new();
        table.insert("openai", "a", Price::new(1, 1));
        let mut over = PriceTable::new();
        over.insert("openai", "a", Price::new(2, 2));
        over.insert("openai", "b", Price::new(3, 3));
        over.insert("groq", "a", Price::new(4, 4));
        table.extend(over);
        assert_eq!((table.len(), table.providers()), (3, vec!["groq", "openai"]));
        assert_eq!(table.get("openai", "a"), Some(&Price::new(2, 2)));
        assert_eq!(table.get("openai", "A"), None);
        assert_eq!(table.get("mock", "a"), None);
    }

    #[test]
    fn a_price_of_zero_is_known() {
        let price = PriceSettings::new(0.0, 0.0).to_price().unwrap();
        assert_eq!(price.cost(&Usage::reported(5, 5)), Cost::NanoDollars(0));
    }
}
