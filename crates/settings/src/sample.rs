//! Values that the settings of plugins may have, for an example of each.

use serde_json::{Map, Value};
use ultraai_core::{
    BuildContext, Field, KeySource, LayerRegistration, Lookup, ModelName, ProviderId, ProviderRegistration,
    Secret, StrategyRegistration,
};

use crate::{kind::default_of, own::Tabled};

/// The address where a plugin has no usual one.
const ADDRESS: &str = "http://localhost:8080/v1";

/// What stands for a text that only the user knows.
const TEXT: &str = "…";

/// A field of a plugin with a value that it takes, together with those before it; without one when none was found.
pub(crate) type Sample = (&'static Field, Option<Value>);

/// Samples of a provider's own settings.
pub(crate) fn of_provider(row: &ProviderRegistration) -> Vec<Sample> {
    let Ok(id) = ProviderId::new(row.name) else { return Vec::new() };
    let mut context = BuildContext::new(id, Lookup::empty());
    context.model = ModelName::new(row.default_model.unwrap_or("MODEL")).ok();
    context.key = Secret::new("none").ok().map(KeySource::Given);
    let address = row.base_url.unwrap_or(ADDRESS);
    samples(row.fields, address, |settings| (row.build)(row.name, Value::Object(settings), &context).is_ok())
}

/// Samples of a strategy's own settings.
pub(crate) fn of_strategy(row: &StrategyRegistration) -> Vec<Sample> {
    samples(row.fields, ADDRESS, |settings| row.check(settings).is_ok())
}

/// Samples of a layer's settings.
pub(crate) fn of_layer(row: &LayerRegistration) -> Vec<Sample> {
    samples(row.all_fields(), ADDRESS, |settings| row.check(settings).is_ok())
}

fn samples(
    fields: impl IntoIterator<Item = &'static Field>,
    address: &str,
    takes: impl Fn(Map<String, Value>) -> bool,
) -> Vec<Sample> {
    let fields: Vec<_> = fields.into_iter().collect();
    let mut settings = Map::new();
    // A plugin that needs an address takes nothing else without it.
    if fields.iter().any(|field| field.name == "base_url") {
        settings.insert("base_url".to_owned(), address.into());
    }
    let mut with_values = Vec::new();
    for field in fields {
        let known = settings.get(field.name).cloned();
        let value = known.or_else(|| match field.name.ends_with("_file") || field.name.ends_with("_path") {
            // Not tried, for a plugin may read or write there.
            true => Some(TEXT.into()),
            false => candidates(field.doc).into_iter().find(|value| {
                let mut tried = settings.clone();
                tried.insert(field.name.to_owned(), value.clone());
                takes(tried)
            }),
        });
        if let Some(value) = value.as_ref().filter(|value| value.as_str() != Some(TEXT)) {
            settings.insert(field.name.to_owned(), value.clone());
        }
        with_values.push((field, value));
    }
    with_values
}

/// Values that the documentation of a setting suggests, the likeliest first.
fn candidates(doc: &str) -> Vec<Value> {
    let default = default_of(doc).unwrap_or_default();
    let value = default.split(',').next().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut values: Vec<Value> = value.into_iter().collect();
    values.extend(inline_table(doc));
    for example in between(doc, '"') {
        values.extend([Value::from(example), Value::from(vec![example])]);
    }
    values.extend(between(default, '`').first().map(|text| Value::from(*text)));
    if !matches!(default, "" | "none" | "nowhere") && !default.contains(char::is_whitespace) {
        values.push(default.into());
    }
    values.extend([TEXT.into(), 5.into(), false.into()]);
    values.extend(between(doc, '`').into_iter().map(Value::from));
    values
}

/// The first `{ key = value }` of a text.
fn inline_table(text: &str) -> Option<Value> {
    let table = &text[text.find('{')?..];
    let table = &table[..=table.find('}')?];
    let mut whole: Map<String, Value> = toml::from_str(&format!("table = {table}")).ok()?;
    whole.remove("table")
}

/// What stands between two `mark`s each.
fn between(text: &str, mark: char) -> Vec<&str> {
    text.split(mark).skip(1).step_by(2).collect()
}

/// A value as TOML writes it in one line.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(written).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<_> =
                map.iter().map(|(key, value)| format!("{key} = {}", written(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        // JSON's escapes are TOML's too.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a plugin that takes only values of `fits` gets for a setting with this documentation.
    fn sample(doc: &'static str, fits: fn(&Value) -> bool) -> Option<String> {
        let fields: &'static [Field] = Box::leak(Box::new([Field { name: "it", doc }]));
        samples(fields, ADDRESS, |settings| fits(&settings["it"])).remove(0).1.map(|value| written(&value))
    }

    #[test]
    fn the_documentation_of_a_setting_gives_an_example_that_the_plugin_takes() {
        for (doc, fits, expected) in [
            ("  Outcomes that count half. Default: 30.", Value::is_u64 as fn(&Value) -> bool, "30"),
            ("Whether it drops them. Default: false, and that is an error.", Value::is_boolean, "false"),
            ("How many. Default: as many as may be asked.", Value::is_u64, "5"),
            ("How long: seconds, or such as \"10m\". Default: the server's.", Value::is_string, "\"10m\""),
            ("What is done: \"ok\" or an error's kind. Default: none.", Value::is_array, "[\"ok\"]"),
            ("Time: { p50 = 0.4, p99 = 3.0 }. Default: none.", Value::is_object, "{ p50 = 0.4, p99 = 3.0 }"),
            ("Why: stop or length. Default: stop.", Value::is_string, "\"stop\""),
            ("How. Default: `bearer` for a token.", Value::is_string, "\"bearer\""),
            ("Who is charged. Default: the key's own.", Value::is_string, "\"…\""),
        ] {
            assert_eq!(sample(doc, fits).as_deref(), Some(expected), "{doc}");
        }
        assert_eq!(sample("What is chosen among. Default: all.", Value::is_array), None);
    }

    #[test]
    fn the_place_of_a_file_is_not_tried() {
        const FIELDS: &[Field] = &[Field { name: "state_file", doc: "Where. Default: nowhere." }];
        let samples = samples(FIELDS, ADDRESS, |_| panic!("it was tried"));
        assert_eq!(samples[0].1, Some(Value::from("…")));
    }
}
