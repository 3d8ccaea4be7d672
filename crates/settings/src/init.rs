//! A commented settings file, written from what is linked.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::Value;
use ultraai_core::{Options, ProviderRegistration, ProviderSpec, Registry};

use crate::{
    DEFAULT, GatewaySettings, OptionKind,
    kind::{default_of, read},
    sample,
};

const HEAD: &str = "\
# Settings of UltraAI. Everything here is commented out: take away the `#` of the lines that you want to set, and of
# the `[table]` over them. A `#` with a space after it begins an explanation, and stays. `…` stands for a text of yours.
# `ultraai config` shows what is in force and where each value comes from.
# Environment variables go over this file (ULTRAAI_TIMEOUT_SECONDS=60), arguments over both (--timeout-seconds 60).
";

const PROVIDERS: &str = "
# The language models to ask. The name after `providers.` is yours; it stands in results, `fallbacks` and `--provider`.
# Keys do not belong into this file: they are read from the vendor's usual variable, or from where `api_key` says.
";

const LAYERS: &str = "Layers stand around every provider. [providers.NAME.layers.LAYER] sets the same for one of them, over what stands here.";

const ORCHESTRATORS: &str = "Further orchestrators over the same providers: `ultraai serve` answers with one where a request gives its name as the model. [orchestrators.NAME] takes `strategy`, what `providers` it asks alone, and every option above that one request may set; what does not stand there is that of [orchestrator]. [orchestrators.NAME.strategies.STRATEGY] goes over [strategies.STRATEGY].";

const GATEWAY: &str = "How `ultraai serve` listens, and what it keeps to. A variable such as ULTRAAI_GATEWAY_LISTEN goes over each key, but for the aliases.";

const PRICES: &str = "
# Prices in dollars per million tokens, over those that are known anyway; `file = \"PATH\"` under [prices] names a file of
# such tables. They stand under the `type` of a provider.
";

/// Comments go on in another line from here.
const WIDTH: usize = 110;

/// A settings file with every option and every linked provider, all of it commented out. A line of settings
/// begins with `#` and no space, so that taking these marks away makes it valid.
pub fn init_file(registry: &Registry) -> String {
    let rows: Vec<_> = registry.providers().collect();
    // The detailed example is a vendor that most people know, else one with a key.
    let known = rows.iter().position(|row| row.name == "openai");
    let first = known.or_else(|| rows.iter().position(|row| !row.key_variables.is_empty())).unwrap_or(0);
    let mut out = HEAD.to_owned();
    write_orchestrator(&mut out, registry, rows.get(first).copied());
    write_strategies(&mut out, registry);
    write_layers(&mut out, registry);
    out.push_str(PROVIDERS);
    if let Some(row) = rows.get(first) {
        let other = rows.iter().find(|other| other.name != row.name);
        let layer = registry.layers().next().map(|layer| layer.name);
        write_common(&mut out, row, other.map(|other| other.name), layer);
    }
    for (place, row) in rows.iter().enumerate() {
        if place != first {
            write_row(&mut out, row);
        }
    }
    if let Some(row) = rows.get(first) {
        write_named(&mut out, registry, row.name);
        out.push_str(PRICES);
        let _ = writeln!(out, "#[prices.{}]", table_key(row.name));
        setting(&mut out, &quoted(row.default_model.unwrap_or("MODEL")), "{ input = 0.15, output = 0.6 }");
    }
    write_gateway(&mut out);
    out
}

fn write_named(out: &mut String, registry: &Registry, provider: &str) {
    out.push('\n');
    comment(out, ORCHESTRATORS);
    out.push_str("#[orchestrators.careful]\n");
    let known: Vec<_> = registry.strategies().map(|row| row.name).collect();
    if let Some(strategy) = known.iter().find(|name| **name == "fallback").or(known.first()) {
        setting(out, "strategy", &quoted(strategy));
    }
    setting(out, "providers", &format!("[{}]", quoted(provider)));
    setting(out, "timeout_seconds", "60");
}

fn write_gateway(out: &mut String) {
    out.push('\n');
    comment(out, GATEWAY);
    out.push_str("#[gateway]\n");
    let (defaults, mut aliases) = (GatewaySettings::default(), "");
    for field in GatewaySettings::FIELDS {
        let value = match field.name {
            // A table of its own stands below the others.
            "aliases" => {
                aliases = field.doc;
                continue;
            }
            "workers" => "2".to_owned(),
            "state_folder" => quoted("…"),
            "cors_origins" => "[\"https://app.example.com\"]".to_owned(),
            name => sample::written(&defaults.value(name)),
        };
        comment(out, field.doc);
        setting(out, field.name, &value);
    }
    out.push('\n');
    comment(out, aliases);
    out.push_str("#[gateway.aliases]\n");
    setting(out, &quoted("gpt-4o"), &quoted(DEFAULT));
}

fn write_strategies(out: &mut String, registry: &Registry) {
    for row in registry.strategies().filter(|row| !row.fields.is_empty()) {
        let _ = write!(out, "\n# The strategy `{0}` has settings of its own.\n#[strategies.{0}]\n", row.name);
        write_samples(out, sample::of_strategy(row));
    }
}

fn write_layers(out: &mut String, registry: &Registry) {
    let rows: Vec<_> = registry.layers().collect();
    if !rows.is_empty() {
        out.push('\n');
        comment(out, LAYERS);
    }
    for row in rows {
        out.push('\n');
        comment(out, &format!("The layer `{}`: {}.", row.name, row.summary));
        let _ = writeln!(out, "#[layers.{}]", table_key(row.name));
        write_samples(out, sample::of_layer(row));
    }
}

fn write_orchestrator(out: &mut String, registry: &Registry, provider: Option<&ProviderRegistration>) {
    out.push_str("\n#[orchestrator]\n");
    let strategies: Vec<_> = registry.strategies().collect();
    let names: Vec<_> = strategies.iter().map(|row| format!("`{}`: {}", row.name, row.summary)).collect();
    comment(out, &format!("How several models make one answer. {}. Default: simple.", names.join("; ")));
    if let Some(strategy) = strategies.iter().find(|row| row.name == "simple").or(strategies.first()) {
        setting(out, "strategy", &quoted(strategy.name));
    }
    for field in Options::FIELDS {
        comment(out, field.doc);
        let sample = match field.name {
            "analysis_type" => registry.analyzers().next().map(|row| quoted(row.name)),
            "selector" => registry.selectors().next().map(|row| quoted(row.name)),
            "synthesizer" | "analyst" => provider.map(|row| quoted(row.name)),
            "analysis_template" | "synthesis_template" => Some(quoted("{{answers}}")),
            name => Some(option(name, field.doc)),
        };
        match sample {
            Some(sample) => setting(out, field.name, &sample),
            None => comment(out, &format!("{} = … (nothing that it could name is linked)", field.name)),
        }
    }
}

/// The default where it is a value, else the least that fits.
fn option(name: &str, doc: &str) -> String {
    let kind = OptionKind::of(name);
    let default = default_of(doc).and_then(|text| kind.value(text.split(',').next().unwrap_or(text)));
    let default = default.filter(|value| !value.is_string());
    let fallback = match kind {
        OptionKind::Switch => Value::Bool(false),
        OptionKind::Text => Value::String("…".to_owned()),
        OptionKind::Whole | OptionKind::Number => Value::from(5),
    };
    let value = default.filter(|value| read(name, value.clone()).is_some()).unwrap_or(fallback);
    // Whole seconds are written without a fraction.
    match value.as_f64() {
        Some(number) => number.to_string(),
        None => value.to_string(),
    }
}

fn write_common(out: &mut String, row: &ProviderRegistration, other: Option<&str>, layer: Option<&str>) {
    let _ = write!(out, "\n#[providers.{}]\n", table_key(row.name));
    for field in ProviderSpec::FIELDS {
        let value = match field.name {
            "type" => quoted(row.name),
            "model" => quoted(row.default_model.unwrap_or("MODEL")),
            "api_key" => match row.key_variables.first() {
                Some(variable) => format!("{{ env = {} }}", quoted(variable)),
                None => continue,
            },
            "fallbacks" => format!("[{}]", other.map(quoted).unwrap_or_default()),
            "layers" => match layer {
                Some(layer) => format!("{{ {layer} = {{ enabled = true }} }}"),
                None => continue,
            },
            "weight" => "1".to_owned(),
            "timeout_seconds" => "60".to_owned(),
            "max_retries" => "3".to_owned(),
            "price" => "{ input = 0.15, output = 0.6 }".to_owned(),
            _ => {
                comment(out, &format!("{}: {}", field.name, field.doc));
                continue;
            }
        };
        comment(out, field.doc);
        setting(out, field.name, &value);
    }
    write_samples(out, sample::of_provider(row));
}

fn write_row(out: &mut String, row: &ProviderRegistration) {
    out.push('\n');
    if !row.summary.is_empty() {
        comment(out, row.summary);
    }
    if let Some(variable) = row.key_variables.first() {
        let optional = if row.key_optional { ", if it wants one" } else { "" };
        comment(out, &format!("Its key is in the variable {variable}{optional}."));
    }
    let _ = writeln!(out, "#[providers.{}]", table_key(row.name));
    setting(out, "type", &quoted(row.name));
    setting(out, "model", &quoted(row.default_model.unwrap_or("MODEL")));
    write_samples(out, sample::of_provider(row));
}

/// Settings of a plugin's own. One of which no value is known that the plugin takes is explained only.
fn write_samples(out: &mut String, samples: Vec<sample::Sample>) {
    for (field, value) in samples {
        match value {
            Some(value) => {
                comment(out, field.doc);
                setting(out, field.name, &sample::written(&value));
            }
            None => comment(out, &format!("`{}`: {}", field.name, field.doc.trim())),
        }
    }
}

fn comment(out: &mut String, text: &str) {
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.truncate(1);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(out, "{line}");
}

fn setting(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "#{key} = {value}");
}

/// A name as TOML takes it for one key: a dot in it, as in `azure.ai.openai`, would begin another table.
fn table_key(name: &str) -> Cow<'_, str> {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) { name.into() } else { quoted(name).into() }
}

/// A text as TOML writes it; JSON's escapes are TOML's too.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::table_key;

    #[test]
    fn a_name_with_dots_is_one_key() {
        assert_eq!(table_key("llama-cpp"), "llama-cpp");
        assert_eq!(table_key("azure.ai.openai"), "\"azure.ai.openai\"");
        assert_eq!(table_key(""), "\"\"");
    }
}
