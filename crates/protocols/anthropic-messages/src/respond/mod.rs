//! Writes answers.

mod stream;

use serde_json::{Map, Value};
use ultraai_core::{Answering, ChatResponse, Citation, Losses, ModelName, Part, Result};

pub(crate) use self::stream::Encoder;
use crate::{
    NAME,
    json::Json,
    usage::{stop_reason, write_usage},
    write::{At, Blocks},
};

/// Writes a whole answer.
pub(crate) fn encode(to: &Answering<'_>, answer: &ChatResponse, losses: &mut Losses) -> Result<Vec<u8>> {
    if !answer.alternatives.is_empty() {
        losses.lose(CHOICES.0, CHOICES.1)?;
    }
    if !answer.logprobs.is_empty() {
        losses.lose(LOGPROBS, crate::write::NO_FIELD)?;
    }
    let mut json = Json::default();
    let model = answer.model.as_deref().or(to.request.model.as_ref().map(ModelName::as_str));
    begin(&mut json, to.id, model.unwrap_or_default());
    json.key("content");
    json.begin(b'[');
    let mut blocks = Blocks::of_answer(&mut json, losses);
    for (part, said) in answer.content.iter().enumerate() {
        blocks.part("assistant", said, false, At { message: None, part, inner: None })?;
    }
    json.end(b']');
    let none = Map::new();
    let raw = answer.raw_of(NAME).unwrap_or(&none);
    let sequence = answer.stop_sequence.as_deref();
    let word =
        stop_reason(&answer.finish_reason, answer.origin, sequence.is_some(), answer.is_refusal(), raw);
    json.entry("stop_reason", word);
    json.entry("stop_sequence", &sequence);
    let used = raw.get("usage").and_then(Value::as_object);
    write_usage(answer.usage.as_ref(), answer.service_tier.as_deref(), used, &mut json);
    unwritten(raw).for_each(|(key, value)| json.field(key, value));
    json.end(b'}');
    Ok(json.into_bytes())
}

/// What of an answer's raw fields stands nowhere else.
fn unwritten(raw: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    const WRITTEN: &[&str] = &[
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "usage",
        "delta",
        "error",
    ];
    raw.iter().filter(|(key, _)| !WRITTEN.contains(&key.as_str()))
}

/// Begins a message.
fn begin(json: &mut Json, id: &str, model: &str) {
    json.begin(b'{');
    json.entry("id", &format!("msg_{id}"));
    json.entry("type", "message");
    json.entry("role", "assistant");
    json.entry("model", model);
}

const CHOICES: (&str, &str) = ("the answers after the first", "anthropic-messages has one answer");
const LOGPROBS: &str = "`logprobs` of the answer";

/// Writes a citation of another vendor as that of a page of the web, where it has an address; `false` where it has none.
pub(crate) fn write_citation(json: &mut Json, citation: &Citation) -> bool {
    let Some(url) = &citation.url else { return false };
    json.begin(b'{');
    json.entry("type", "web_search_result_location");
    json.entry("url", url);
    json.entry("title", &citation.title);
    json.entry("cited_text", citation.cited_text.as_deref().unwrap_or_default());
    // What only Anthropic's own search gives.
    json.entry("encrypted_index", "");
    json.end(b'}');
    true
}

/// Whether a part says that the model declined.
fn declines(part: &Part) -> bool {
    matches!(part, Part::Refusal { .. })
}

#[cfg(test)]
mod tests;
