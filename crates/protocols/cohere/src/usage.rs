//! Tokens as Cohere counts them.
//!
//! `tokens` are those that the model read and wrote, `billed_units` those that are paid for: without what Cohere itself puts around
//! a prompt. `cached_tokens` are a share of the first. So those are the usage, and what else is told is kept.

use serde_json::{Map, Value, json};
use ultraai_core::{Result, Usage};
use ultraai_protocol_common::{Lossy, ObjectWriter};

/// Takes the usage out of what is told, which keeps the rest.
pub(crate) fn take(told: &mut Map<String, Value>) -> Option<Usage> {
    let (key, input, output) = ["tokens", "billed_units"].into_iter().find_map(|key| {
        let counts = told.get(key)?;
        Some((key, count(counts.get("input_tokens")?)?, count(counts.get("output_tokens")?)?))
    })?;
    if let Some(Value::Object(counts)) = told.get_mut(key) {
        counts.remove("input_tokens");
        counts.remove("output_tokens");
        if counts.is_empty() {
            told.remove(key);
        }
    }
    let mut usage = Usage::reported(input, output);
    if key == "tokens"
        && let Some(cached) = told.get("cached_tokens").and_then(count)
    {
        told.remove("cached_tokens");
        usage.cache_read = Some(cached);
    }
    Some(usage)
}

/// A count, also where it is written as text or as a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn count(value: &Value) -> Option<u64> {
    let number = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    value
        .as_u64()
        .or_else(|| number().filter(|number| (0.0..9e15).contains(number)).map(|number| number as u64))
}

/// Writes `usage`, with what else was told of it.
pub(crate) fn write(
    object: &mut ObjectWriter<'_>,
    usage: Option<&Usage>,
    raw: Option<&Value>,
    lossy: &mut Lossy<'_>,
) -> Result<()> {
    let mut told = raw.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(usage) = usage {
        lossy.field("usage.cache_write", usage.cache_write.is_some())?;
        lossy.field("usage.reasoning", usage.reasoning.is_some())?;
        let tokens = told.entry("tokens").or_insert_with(|| json!({}));
        if let Some(tokens) = tokens.as_object_mut() {
            tokens.insert("input_tokens".to_owned(), usage.input_tokens.into());
            tokens.insert("output_tokens".to_owned(), usage.output_tokens.into());
        }
        if let Some(cached) = usage.cache_read {
            told.insert("cached_tokens".to_owned(), cached.into());
        }
    }
    object.optional("usage", Some(told).filter(|told| !told.is_empty()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(told: Value) -> (Option<Usage>, Value) {
        let Value::Object(mut told) = told else { panic!("an object") };
        (take(&mut told), Value::Object(told))
    }

    #[test]
    fn tokens_are_the_usage_and_what_is_billed_is_kept() {
        let billed = json!({ "input_tokens": 1, "output_tokens": 2 });
        let (usage, rest) = taken(json!({
            "billed_units": billed, "tokens": { "input_tokens": 70.0, "output_tokens": "3", "image_tokens": 9 },
            "cached_tokens": 64,
        }));
        let mut expected = Usage::reported(70, 3);
        expected.cache_read = Some(64);
        assert_eq!(usage, Some(expected));
        assert_eq!(rest, json!({ "billed_units": billed, "tokens": { "image_tokens": 9 } }));
        assert_eq!(taken(json!({ "billed_units": billed })), (Some(Usage::reported(1, 2)), json!({})));
        assert_eq!(
            taken(json!({ "tokens": { "input_tokens": 1 } })),
            (None, json!({ "tokens": { "input_tokens": 1 } }))
        );
    }
}
