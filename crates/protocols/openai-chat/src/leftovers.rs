//! What an answer says that the vocabulary has no words for.

use serde::Deserialize;
use serde_json::{Map, Value};
use ultraai_protocol_common::{Source, object};

use crate::{logprobs, usage};

object! {
    /// What stands at the top; only what nobody reads is read.
    #[derive(Debug, Default)]
    struct Top<'a> {
        choices: Source<'a> = "choices",
        usage: Source<'a> = "usage",
        x_groq: Map<String, Value> = "x_groq",
    }
    known: "id", "object", "created", "model", "service_tier", "obfuscation", "p", "error";
    others: others: Map<String, Value>;
}

/// The fields of a whole answer that nobody reads: those of its top; below `choice` and `message` those of the first choice
/// and its message, below `usage` those of its usage.
pub(crate) fn of_answer(body: &[u8]) -> Map<String, Value> {
    let top = top(body);
    let (choices, used) = (top.choices, top.used());
    let mut left = top.left();
    let choices: Vec<Map<String, Value>> = read(choices).unwrap_or_default();
    let first = choices.into_iter().min_by_key(|choice| choice.get("index").and_then(Value::as_u64));
    if let Some(mut choice) = first {
        if let Some(Value::Object(message)) = choice.remove("message") {
            put(&mut left, "message", of_message(message));
        }
        put(&mut left, "choice", of_choice(choice));
    }
    put(&mut left, "usage", used);
    left
}

/// The fields at the top of a chunk that nobody reads.
pub(crate) fn of_chunk(body: &[u8]) -> Map<String, Value> {
    top(body).left()
}

/// What the usage of a chunk says besides.
pub(crate) fn of_usage(body: &[u8]) -> Map<String, Value> {
    top(body).used()
}

/// Adds an object unless it is empty.
pub(crate) fn put(to: &mut Map<String, Value>, key: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        to.insert(key.to_owned(), object.into());
    }
}

fn top(body: &[u8]) -> Top<'_> {
    serde_json::from_slice(body).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(source: Source<'a>) -> Option<T> {
    serde_json::from_str(source.0?.get()).ok()
}

impl Top<'_> {
    fn used(&self) -> Map<String, Value> {
        read(self.usage).map(usage::leftovers).unwrap_or_default()
    }

    fn left(self) -> Map<String, Value> {
        let Self { mut x_groq, mut others, .. } = self;
        x_groq.retain(|key, _| key != "usage" && key != "id");
        put(&mut others, "x_groq", x_groq);
        filled(others)
    }
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
        | "tool_calls" | "function_call" | "images" | "audio" => false,
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
