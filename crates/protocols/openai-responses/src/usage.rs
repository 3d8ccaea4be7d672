//! Tokens.

use serde_json::{Map, Value, json};
use ultraai_core::Usage;
use ultraai_protocol_common::{Number, object};

object! {
    /// The object `usage`.
    #[derive(Debug, Default)]
    pub(crate) struct UsageBody<'a> {
        input_tokens: Number = "input_tokens",
        output_tokens: Number = "output_tokens",
        total_tokens: Number = "total_tokens",
        input: Input<'a> = "input_tokens_details",
        output: Output<'a> = "output_tokens_details",
    }
    known:;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Input<'a> {
        cached_tokens: Number = "cached_tokens",
        cache_write_tokens: Number = "cache_write_tokens",
    }
    known:;
    others: others: Map<String, Value>;
}

object! {
    #[derive(Debug, Default)]
    struct Output<'a> {
        reasoning_tokens: Number = "reasoning_tokens",
    }
    known:;
    others: others: Map<String, Value>;
}

impl UsageBody<'_> {
    /// The usage; `None` where it does not say both what went in and what came out.
    pub(crate) fn read(&self) -> Option<Usage> {
        let input = self.input_tokens.0?;
        let output = self.output_tokens.0.or_else(|| self.total_tokens.0?.checked_sub(input))?;
        let mut usage = Usage::reported(input, output);
        usage.cache_read = self.input.cached_tokens.0;
        usage.cache_write = self.input.cache_write_tokens.0;
        usage.reasoning = self.output.reasoning_tokens.0;
        Some(usage)
    }

    /// What it says more than is read.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.others);
        for (key, details) in [
            ("input_tokens_details", &mut self.input.others),
            ("output_tokens_details", &mut self.output.others),
        ] {
            if !details.is_empty() {
                rest.insert(key.to_owned(), Value::Object(std::mem::take(details)));
            }
        }
        rest
    }
}

/// The object that usage is; SDKs want all counts of details, also where nobody counted.
pub(crate) fn write(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read.unwrap_or(0),
            "cache_write_tokens": usage.cache_write.unwrap_or(0),
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning.unwrap_or(0) },
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}
