//! `generationConfig`.

use serde_json::Value;
use ultraai_core::{ChatRequest, ReasoningOptions, ResponseFormat, Result, VendorState};
use ultraai_protocol_common::Fields;

use crate::{
    NAME, json_schema,
    name::{object, unquoted, word},
};

/// The field of sampling; `extra` may add to it.
pub(crate) const CONFIG: &str = "generationConfig";
pub(crate) const THINKING: &str = "thinkingConfig";

/// The words of `thinkingLevel`, by their numbers.
const LEVELS: &[&str] = &["THINKING_LEVEL_UNSPECIFIED", "LOW", "HIGH", "MEDIUM", "MINIMAL"];

/// The name of a schema, which has none here; others want one.
const SCHEMA_NAME: &str = "answer";

pub(crate) fn read(body: &mut Fields<'_>, request: &mut ChatRequest) -> Result<()> {
    let Some(mut config) = object(body, CONFIG)? else { return Ok(()) };
    request.max_tokens = unquote(&mut config, "maxOutputTokens", Fields::count)?;
    request.temperature = unquote(&mut config, "temperature", Fields::number)?;
    request.top_p = unquote(&mut config, "topP", Fields::number)?;
    request.top_k = unquote(&mut config, "topK", Fields::count)?;
    request.frequency_penalty = unquote(&mut config, "frequencyPenalty", Fields::number)?;
    request.presence_penalty = unquote(&mut config, "presencePenalty", Fields::number)?;
    request.seed = unquote(&mut config, "seed", Fields::integer)?;
    request.stop_sequences = config.texts("stopSequences")?.unwrap_or_default();
    request.n = small(&mut config, "candidateCount")?;
    request.logprobs = config.flag("responseLogprobs")?;
    request.top_logprobs = small(&mut config, "logprobs")?;
    request.response_format = format(&mut config)?;
    request.reasoning = thinking(&mut config)?;
    let rest = config.rest();
    if !rest.is_empty() {
        request.extra.insert(CONFIG.into(), Value::Object(rest));
    }
    Ok(())
}

fn unquote<'a, T>(
    config: &mut Fields<'a>,
    name: &'static str,
    read: impl FnOnce(&mut Fields<'a>, &'static str) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let Some(value) = config.any(name) else { return Ok(None) };
    config.put(name, unquoted(value));
    read(config, name)
}

fn small(config: &mut Fields<'_>, name: &'static str) -> Result<Option<u32>> {
    let count = unquote(config, name, Fields::count)?;
    let wrong = || config.place().field(name).wrong("a small number");
    count.map(|count| u32::try_from(count).map_err(|_| wrong())).transpose()
}

fn format(config: &mut Fields<'_>) -> Result<Option<ResponseFormat>> {
    const TYPE: &str = "responseMimeType";
    const SCHEMAS: [&str; 2] = ["responseSchema", "responseJsonSchema"];
    let media_type = config.text(TYPE)?;
    let [google, json] = SCHEMAS.map(|name| config.any(name));
    Ok(Some(match (media_type.as_deref(), google, json) {
        (None, None, None) => return Ok(None),
        (Some("text/plain"), None, None) => ResponseFormat::Text,
        (Some("application/json"), None, None) => ResponseFormat::JsonObject,
        (Some("application/json"), None, Some(schema)) => followed(schema),
        (Some("application/json"), Some(schema), None) => followed(json_schema(schema)),
        (_, google, json) => {
            let fields = [(TYPE, media_type.map(Value::from)), (SCHEMAS[0], google), (SCHEMAS[1], json)];
            let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            ResponseFormat::Vendor(VendorState::new(NAME, Value::Object(fields.collect())))
        }
    }))
}

fn followed(schema: Value) -> ResponseFormat {
    ResponseFormat::JsonSchema { name: SCHEMA_NAME.into(), description: None, schema, strict: None }
}

/// A budget of 0 is no thinking, and one of -1 is as much as the model wants.
fn thinking(config: &mut Fields<'_>) -> Result<Option<ReasoningOptions>> {
    let Some(mut thinking) = object(config, THINKING)? else { return Ok(None) };
    let mut options = ReasoningOptions::default();
    options.effort = thinking
        .read("thinkingLevel", "a word", |value| word(&value, LEVELS))?
        .map(|word| word.to_ascii_lowercase());
    match unquote(&mut thinking, "thinkingBudget", Fields::integer)? {
        Some(0) => options.enabled = Some(false),
        Some(-1) if options.effort.is_none() => options.enabled = Some(true),
        Some(budget) => match u64::try_from(budget) {
            Ok(budget) => options.max_tokens = Some(budget),
            Err(_) => drop(options.extra.insert("thinkingBudget".into(), budget.into())),
        },
        None => {}
    }
    options.summary =
        thinking.flag("includeThoughts")?.map(|told| if told { "auto" } else { "none" }.to_owned());
    options.extra.extend(thinking.rest());
    Ok(Some(options))
}
