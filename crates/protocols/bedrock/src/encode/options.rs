//! Sampling, the form of the answer, and the fields that belong to families of models.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value, json};
use ultraai_core::{ChatRequest, Error, ErrorKind, Losses, ReasoningOptions, ResponseFormat, Result};
use ultraai_protocol_common::collision;

use crate::{
    NAME,
    encode::{emulates, extra_object, is_foreign},
    family::{Family, Thinking, TopK},
};

/// Tokens of thinking for an effort in words, where a model wants a number: as OpenRouter and `LiteLLM` have them by their
/// order, from the least that Anthropic's models take
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html>).
const BUDGETS: &[(&str, u64)] = &[
    ("minimal", LEAST_BUDGET),
    ("low", 2048),
    ("medium", USUAL_BUDGET),
    ("high", 16_384),
    ("xhigh", 32_768),
    ("max", 32_768),
];
const LEAST_BUDGET: u64 = 1024;
const USUAL_BUDGET: u64 = 8192;

/// What is sent beside the conversation and the tools.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    pub(crate) inference: Inference<'a>,
    /// The object `additionalModelRequestFields`.
    pub(crate) additional: Map<String, Value>,
    /// The object `outputConfig`.
    pub(crate) format: Map<String, Value>,
}

/// The object `inferenceConfig`.
#[derive(Debug)]
pub(crate) struct Inference<'a> {
    request: &'a ChatRequest,
    extra: Option<&'a Map<String, Value>>,
}

impl<'a> Options<'a> {
    /// The options of `request`.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses, and `InvalidRequest` for a field that is set twice.
    pub(crate) fn of(request: &'a ChatRequest, family: Family, losses: &mut Losses) -> Result<Self> {
        let inference = Inference { request, extra: extra_object(request, "inferenceConfig") };
        let sent = |key: &str| match key {
            "maxTokens" => request.max_tokens.is_some(),
            "temperature" => request.temperature.is_some(),
            "topP" => request.top_p.is_some(),
            "stopSequences" => !request.stop_sequences.is_empty(),
            _ => false,
        };
        collision("`inferenceConfig`", inference.extra.into_iter().flat_map(Map::keys), sent)?;
        let mut additional = Map::new();
        top_k(request, family, &mut additional, losses)?;
        if let Some(reasoning) = &request.reasoning {
            reason(request, reasoning, family, &mut additional, losses)?;
        }
        if let Some(extra) = extra_object(request, "additionalModelRequestFields") {
            merge(&mut additional, extra, "additionalModelRequestFields")?;
        }
        let mut format = format(request);
        if let Some(extra) = extra_object(request, "outputConfig") {
            merge(&mut format, extra, "outputConfig")?;
        }
        Ok(Self { inference, additional, format })
    }
}

fn top_k(
    request: &ChatRequest,
    family: Family,
    fields: &mut Map<String, Value>,
    losses: &mut Losses,
) -> Result<()> {
    let Some(top_k) = request.top_k else { return Ok(()) };
    match family.top_k {
        TopK::Plain => drop(fields.insert("top_k".into(), json!(top_k))),
        TopK::Nova => drop(fields.insert("inferenceConfig".into(), json!({ "topK": top_k }))),
        TopK::Unknown => {
            losses.lose(
                "`top_k`",
                "how this model calls it is not known: set it in `additionalModelRequestFields`",
            )?;
        }
    }
    Ok(())
}

fn reason(
    request: &ChatRequest,
    reasoning: &ReasoningOptions,
    family: Family,
    fields: &mut Map<String, Value>,
    losses: &mut Losses,
) -> Result<()> {
    let ReasoningOptions { enabled, effort, max_tokens, summary, extra, .. } = reasoning;
    if summary.is_some() {
        // The answer is the same with it and without.
        losses.leave_out("`reasoning.summary`", "bedrock has no such field");
    }
    let claude = matches!(family.thinking, Thinking::Budget | Thinking::Adaptive);
    for key in extra.keys().filter(|_| !claude || is_foreign(request)) {
        losses.lose(&format!("`reasoning.{key}`"), "bedrock has no such field")?;
    }
    let off = *enabled == Some(false) || effort.as_deref() == Some("none");
    let effort = effort.as_deref().filter(|effort| *effort != "none");
    let thinking = match (family.thinking, max_tokens) {
        _ if *reasoning == ReasoningOptions::default() => return Ok(()),
        (Thinking::Budget | Thinking::Adaptive, _) if off => Some(json!({ "type": "disabled" })),
        (Thinking::Budget, max_tokens) => {
            let budget = match (max_tokens, effort) {
                (Some(tokens), None) => *tokens,
                (Some(tokens), Some(_)) => {
                    losses.lose("`reasoning.effort`", "this model takes a budget alone, which is set")?;
                    *tokens
                }
                (None, effort) => budget(effort, request.max_tokens, losses)?,
            };
            Some(json!({ "type": "enabled", "budget_tokens": budget }))
        }
        (Thinking::Adaptive, max_tokens) => {
            if let Some(effort) = effort {
                let word = if effort == "minimal" { "low" } else { effort };
                fields.insert("output_config".into(), json!({ "effort": word }));
            }
            Some(match max_tokens {
                Some(tokens) => json!({ "type": "enabled", "budget_tokens": tokens }),
                None => json!({ "type": "adaptive" }),
            })
        }
        (Thinking::Nova, max_tokens) => {
            if max_tokens.is_some() {
                losses.lose("`reasoning.max_tokens`", "this model takes an effort in words")?;
            }
            let word = match effort {
                Some("minimal") => "low",
                Some("xhigh" | "max") => "high",
                other => other.unwrap_or("medium"),
            };
            let config = match off {
                true => json!({ "type": "disabled" }),
                false => json!({ "type": "enabled", "maxReasoningEffort": word }),
            };
            fields.insert("reasoningConfig".into(), config);
            None
        }
        (Thinking::Word(field), max_tokens) => {
            if off {
                losses.lose("`reasoning.enabled`", "this model cannot be kept from thinking")?;
            }
            if max_tokens.is_some() {
                losses.lose("`reasoning.max_tokens`", "this model takes an effort in words")?;
            }
            if let Some(effort) = effort {
                fields.insert(field.into(), json!(effort));
            }
            None
        }
        (Thinking::Unknown, _) => {
            let why = "whether and how this model is told to think is not known: set it in `additionalModelRequestFields`";
            losses.lose("`reasoning`", why)?;
            None
        }
    };
    if let Some(Value::Object(mut thinking)) = thinking {
        if !is_foreign(request) {
            merge(&mut thinking, extra, "thinking")?;
        }
        fields.insert("thinking".into(), Value::Object(thinking));
    }
    Ok(())
}

/// Tokens of thinking for an effort; they are part of the answer's upper bound, and must leave room in it.
///
/// # Errors
/// What [`Losses::lose`] refuses: a word that stands for no budget. Where it is left out, the budget is the usual one.
fn budget(effort: Option<&str>, max_tokens: Option<u64>, losses: &mut Losses) -> Result<u64> {
    let known = |effort: &str| BUDGETS.iter().find(|(word, _)| *word == effort).map(|(_, budget)| *budget);
    let budget = effort.and_then(known);
    if budget.is_none() && effort.is_some() {
        losses.lose("`reasoning.effort`", "this model takes a budget, and this word stands for none")?;
    }
    let budget = budget.unwrap_or(USUAL_BUDGET);
    let room = max_tokens.map_or(budget, |most| most / 2);
    Ok(budget.min(room).max(LEAST_BUDGET))
}

fn format(request: &ChatRequest) -> Map<String, Value> {
    let text_format = match &request.response_format {
        Some(ResponseFormat::JsonSchema { name, description, schema, .. }) if !emulates(request) => {
            let mut definition = Map::new();
            if !name.is_empty() {
                definition.insert("name".into(), json!(name));
            }
            if let Some(description) = description {
                definition.insert("description".into(), json!(description));
            }
            // The schema is JSON within a text.
            definition.insert("schema".into(), json!(schema.to_string()));
            json!({ "type": "json_schema", "structure": { "jsonSchema": definition } })
        }
        Some(ResponseFormat::Vendor(state)) if state.vendor == NAME => state.data.clone(),
        _ => return Map::new(),
    };
    Map::from_iter([("textFormat".to_owned(), text_format)])
}

/// Puts the fields of the user's own beside those that are sent.
///
/// # Errors
/// `InvalidRequest` for one that is sent already.
fn merge(fields: &mut Map<String, Value>, more: &Map<String, Value>, place: &str) -> Result<()> {
    for (key, value) in more {
        match (fields.get_mut(key), value) {
            (None, value) => drop(fields.insert(key.clone(), value.clone())),
            (Some(Value::Object(fields)), Value::Object(more)) => merge(fields, more, place)?,
            (Some(_), _) => {
                let message = format!(
                    "`{key}` stands in `{place}` and is a field of the request too: keep one of them"
                );
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
    }
    Ok(())
}

impl Inference<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        let ChatRequest { max_tokens, temperature, top_p, stop_sequences, .. } = self.request;
        max_tokens.is_none()
            && temperature.is_none()
            && top_p.is_none()
            && stop_sequences.is_empty()
            && self.extra.is_none_or(Map::is_empty)
    }
}

impl Serialize for Inference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(max_tokens) = self.request.max_tokens {
            map.serialize_entry("maxTokens", &max_tokens)?;
        }
        if let Some(temperature) = self.request.temperature {
            map.serialize_entry("temperature", &temperature)?;
        }
        if let Some(top_p) = self.request.top_p {
            map.serialize_entry("topP", &top_p)?;
        }
        if !self.request.stop_sequences.is_empty() {
            map.serialize_entry("stopSequences", &self.request.stop_sequences)?;
        }
        for (key, value) in self.extra.into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
