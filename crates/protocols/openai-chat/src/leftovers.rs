//! What an answer says that the vocabulary has no words for.

use serde_json::{Map, Value};
use ultraai_protocol_common::Source;

use crate::{logprobs, usage};

/// The fields of a whole answer that nobody reads: those of its top; below `choice` and `message` those of the first choice
/// and its message, below `usage` those of its usage.
pub(crate) fn of_answer(body: &[u8]) -> Map<String, Value> {
    let Some(mut top) = object(body) else { return Map::new() };
    let choices = top.remove("choices");
    let used = top.remove("usage");
    let mut left = of_top(top);
    if let Some(Value::Array(choices)) = choices
        && let Some(Value::Object(mut choice)) =
            choices.into_iter().min_by_key(|choice| choice.get("index").and_then(Value::as_u64))
    {
        if let Some(Value::Object(message)) = choice.remove("message") {
            put(&mut left, "message", of_message(message));
        }
        put(&mut left, "choice", of_choice(choice));
    }
    if let Some(Value::Object(used)) = used {
        put(&mut left, "usage", usage::leftovers(used));
    }
    left
}

/// The fields at the top of a chunk that nobody reads.
pub(crate) fn of_chunk(body: &[u8]) -> Map<String, Value> {
    object(body).map(of_top).unwrap_or_default()
}

/// What the usage of a chunk says besides.
pub(crate) fn of_usage(body: &[u8]) -> Map<String, Value> {
    match object(body).and_then(|mut top| top.remove("usage")) {
        Some(Value::Object(used)) => usage::leftovers(used),
        _ => Map::new(),
    }
}

/// Adds an object unless it is empty.
pub(crate) fn put(to: &mut Map<String, Value>, key: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        to.insert(key.to_owned(), object.into());
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

fn of_top(mut top: Map<String, Value>) -> Map<String, Value> {
    for key in
        ["id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation", "p", "error"]
    {
        top.remove(key);
    }
    if let Some(Value::Object(groq)) = top.get_mut("x_groq") {
        groq.retain(|key, _| key != "usage" && key != "id");
    }
    filled(top)
}

fn of_choice(mut choice: Map<String, Value>) -> Map<String, Value> {
    let known = choice.get("logprobs").is_some_and(|it| {
        let raw = serde_json::value::to_raw_value(it).ok();
        !logprobs::read(Source(raw.as_deref())).is_empty()
    });
    choice.retain(|key, value| match key.as_str() {
        "index" | "finish_reason" | "delta" => false,
        "stop_reason" => !value.is_string(),
        "logprobs" => !known && value.as_object().is_none_or(|it| it.values().any(|inner| !is_empty(inner))),
        _ => true,
    });
    filled(choice)
}

fn of_message(mut message: Map<String, Value>) -> Map<String, Value> {
    message.retain(|key, value| match key.as_str() {
        "role" | "refusal" | "reasoning_content" | "reasoning" | "reasoning_details" | "annotations"
        | "tool_calls" | "function_call" | "images" => false,
        "content" => {
            // Parts of kinds that are not known.
            if let Value::Array(parts) = value {
                parts.retain(|part| {
                    let kind = part.get("type").and_then(Value::as_str);
                    !matches!(kind, None | Some("text" | "refusal" | "thinking"))
                });
            }
            value.as_array().is_some_and(|parts| !parts.is_empty())
        }
        _ => true,
    });
    filled(message)
}

fn filled(mut map: Map<String, Value>) -> Map<String, Value> {
    map.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty()));
    map
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
