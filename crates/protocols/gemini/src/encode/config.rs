//! `generationConfig`.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use ultraai_core::{ChatRequest, Losses, ReasoningOptions, ResponseFormat, Result};
use ultraai_protocol_common::collision;

use super::{Fields, is_foreign, own};
use crate::{
    model::short,
    request::{CONFIG, THINKING},
};

/// The fields of sampling, and what `extra` adds to them.
#[derive(Debug)]
pub(super) struct Config<'a> {
    request: &'a ChatRequest,
    more: Option<&'a Fields>,
    format: Fields,
    thinking: Option<Fields>,
}

/// Reads what stands in `generationConfig`, and loses what has no place there.
pub(super) fn check_config<'a>(
    request: &'a ChatRequest,
    extra: Option<&'a Fields>,
    losses: &mut Losses,
) -> Result<Config<'a>> {
    let more = extra.and_then(|extra| extra.get(CONFIG)?.as_object());
    let format = format(request, losses)?;
    let thinking = match &request.reasoning {
        Some(options) => Some(thinking(options, request, losses)?),
        None => None,
    };
    let config = Config { request, more, format, thinking };
    let sent = |key: &str| {
        config.numbers().iter().any(|(field, value)| *field == key && value.is_some())
            || config.format.contains_key(key)
            || (key == "stopSequences" && !request.stop_sequences.is_empty())
            || (key == "responseLogprobs" && request.logprobs.is_some())
            || (key == THINKING && config.thinking.is_some())
    };
    collision("extra's `generationConfig`", more.into_iter().flat_map(Map::keys), sent)?;
    Ok(config)
}

impl Config<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.more.is_none()
            && self.format.is_empty()
            && self.thinking.is_none()
            && self.request.stop_sequences.is_empty()
            && self.request.logprobs.is_none()
            && self.numbers().iter().all(|(_, value)| value.is_none())
    }

    fn numbers(&self) -> [(&'static str, Option<Value>); 9] {
        let request = self.request;
        [
            ("maxOutputTokens", request.max_tokens.map(Value::from)),
            ("temperature", request.temperature.map(Value::from)),
            ("topP", request.top_p.map(Value::from)),
            ("topK", request.top_k.map(Value::from)),
            ("frequencyPenalty", request.frequency_penalty.map(Value::from)),
            ("presencePenalty", request.presence_penalty.map(Value::from)),
            ("seed", request.seed.map(Value::from)),
            ("candidateCount", request.n.map(Value::from)),
            ("logprobs", request.top_logprobs.map(Value::from)),
        ]
    }
}

impl Serialize for Config<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, value) in self.numbers() {
            if let Some(value) = value {
                map.serialize_entry(field, &value)?;
            }
        }
        if !self.request.stop_sequences.is_empty() {
            map.serialize_entry("stopSequences", &self.request.stop_sequences)?;
        }
        if let Some(told) = self.request.logprobs {
            map.serialize_entry("responseLogprobs", &told)?;
        }
        if let Some(thinking) = &self.thinking {
            map.serialize_entry(THINKING, thinking)?;
        }
        for (field, value) in self.format.iter().chain(self.more.into_iter().flatten()) {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

fn format(request: &ChatRequest, losses: &mut Losses) -> Result<Fields> {
    let mut fields = Fields::new();
    let mut media_type = |word: &str| drop(fields.insert("responseMimeType".into(), word.into()));
    match &request.response_format {
        None => {}
        Some(ResponseFormat::Text) => media_type("text/plain"),
        Some(ResponseFormat::JsonObject) => media_type("application/json"),
        // Every schema is enforced, and none has a name.
        Some(ResponseFormat::JsonSchema { description, schema, .. }) => {
            media_type("application/json");
            let mut schema = schema.clone();
            if let (Some(description), Some(schema)) = (description, schema.as_object_mut()) {
                schema.entry("description").or_insert_with(|| description.as_str().into());
            }
            fields.insert("responseJsonSchema".into(), schema);
        }
        Some(ResponseFormat::Vendor(format)) => match own(format) {
            Some(format) => fields.clone_from(format),
            None => losses.lose("`response_format`", "only another protocol has words for it")?,
        },
        Some(_) => losses.lose("`response_format`", "gemini has no such form")?,
    }
    Ok(fields)
}

/// What the levels are for models that take budgets alone, as Google's own compatibility layer has it
/// (<https://ai.google.dev/gemini-api/docs/openai#thinking>).
const BUDGETS: &[(&str, u64)] = &[("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24_576)];

fn thinking(options: &ReasoningOptions, request: &ChatRequest, losses: &mut Losses) -> Result<Fields> {
    let mut fields = Fields::new();
    let takes_budgets =
        request.model.as_ref().is_some_and(|model| short(model.as_str()).starts_with("gemini-2"));
    let mut budget = match (options.enabled, options.max_tokens) {
        (Some(false), _) => Some(Value::from(0)),
        (_, Some(tokens)) => Some(tokens.into()),
        (Some(true), None) if options.effort.is_none() => Some((-1).into()),
        _ => None,
    };
    match options.effort.as_deref() {
        None => {}
        Some("none") => budget = budget.or(Some(0.into())),
        Some(word) => match BUDGETS.iter().find(|(known, _)| *known == word) {
            Some((_, tokens)) if takes_budgets => budget = budget.or(Some((*tokens).into())),
            // Words that are new here may be Google's.
            Some(_) => drop(fields.insert("thinkingLevel".into(), word.to_ascii_uppercase().into())),
            None if request.origin == Some(crate::NAME) => {
                fields.insert("thinkingLevel".into(), word.to_ascii_uppercase().into());
            }
            None => losses.lose("`reasoning.effort`", "gemini knows none, minimal, low, medium and high")?,
        },
    }
    fields.extend(budget.map(|budget| ("thinkingBudget".to_owned(), budget)));
    if let Some(summary) = options.summary.as_deref() {
        if !matches!(summary, "auto" | "none") {
            // The answer is the same.
            losses.leave_out(
                "the form in `reasoning.summary`",
                "gemini tells thoughts in one form: say auto or none",
            );
        }
        fields.insert("includeThoughts".into(), (summary != "none").into());
    }
    match is_foreign(request) {
        true if !options.extra.is_empty() => {
            losses.lose("`reasoning.extra`", "its fields are of another protocol")?;
        }
        true => {}
        false => {
            collision("`reasoning.extra`", options.extra.keys(), |key| fields.contains_key(key))?;
            fields.extend(options.extra.clone());
        }
    }
    Ok(fields)
}
