//! Google's own dialect of schemas, as JSON Schema.

use serde_json::{Map, Value, json};

use crate::name::{camel_keys, unquoted, word};

/// The words of `type`, by their numbers.
const TYPES: &[&str] =
    &["TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"];

/// Fields that hold a schema, a list of schemas, and schemas by name.
const ONE: &[&str] = &["items", "additionalProperties", "not"];
const SEVERAL: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems"];
const NAMED: &[&str] = &["properties", "$defs", "defs"];

/// Bounds, which protocol buffers write as texts.
const BOUNDS: &[&str] = &["maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"];

/// JSON Schema that says what `schema` says in Google's dialect
/// (<https://ai.google.dev/api/caching#Schema>): types in lower case, `nullable` as the type `null`. What is JSON Schema
/// already stays as it is.
pub fn json_schema(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let mut schema = Map::new();
    for (key, value) in camel_keys(fields) {
        let value = match (key.as_str(), value) {
            (_, Value::Null) if key != "default" => continue,
            (key, value) if ONE.contains(&key) => json_schema(value),
            (key, Value::Array(list)) if SEVERAL.contains(&key) => {
                list.into_iter().map(json_schema).collect()
            }
            (key, Value::Object(named)) if NAMED.contains(&key) => {
                let named = named.into_iter().map(|(name, schema)| (name, json_schema(schema)));
                Value::Object(named.collect())
            }
            (key, value) if BOUNDS.contains(&key) => unquoted(value),
            (_, value) => value,
        };
        schema.insert(key, value);
    }
    if let Some(word) = schema.get("type").and_then(|value| word(value, TYPES)) {
        match TYPES.contains(&word.as_str()) {
            true if word == TYPES[0] => drop(schema.remove("type")),
            true => drop(schema.insert("type".into(), Value::String(word.to_ascii_lowercase()))),
            false => {}
        }
    }
    match schema.remove("nullable") {
        Some(Value::Bool(true)) => nullable(schema),
        Some(Value::Bool(false)) | None => Value::Object(schema),
        Some(other) => {
            schema.insert("nullable".into(), other);
            Value::Object(schema)
        }
    }
}

/// The schema, or null.
fn nullable(mut schema: Map<String, Value>) -> Value {
    if let Some(Value::Array(words)) = schema.get_mut("enum")
        && !words.contains(&Value::Null)
    {
        words.push(Value::Null);
    }
    match schema.get_mut("type") {
        Some(Value::String(one)) => {
            let both = json!([std::mem::take(one), "null"]);
            schema.insert("type".into(), both);
            Value::Object(schema)
        }
        _ => match schema.get_mut("anyOf") {
            Some(Value::Array(list)) => {
                list.push(json!({ "type": "null" }));
                Value::Object(schema)
            }
            _ => json!({ "anyOf": [schema, { "type": "null" }] }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_dialect_becomes_json_schema() {
        let google = json!({
            "type": "OBJECT", "description": "TYPE", "required": ["nullable"],
            "properties": {
                "nullable": { "type": "STRING", "nullable": true, "enum": ["a"], "format": "enum" },
                "type": { "type": 5, "items": { "type": 3 }, "max_items": "7", "description": null },
                "any": { "any_of": [{ "type": "NUMBER" }], "nullable": true },
                "free": { "type": "TYPE_UNSPECIFIED", "nullable": true },
            },
        });
        let schema = json!({
            "type": "object", "description": "TYPE", "required": ["nullable"],
            "properties": {
                "nullable": { "type": ["string", "null"], "enum": ["a", null], "format": "enum" },
                "type": { "type": "array", "items": { "type": "integer" }, "maxItems": 7 },
                "any": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
                "free": { "anyOf": [{}, { "type": "null" }] },
            },
        });
        assert_eq!(json_schema(google), schema);
        assert_eq!(json_schema(schema.clone()), schema);
        assert_eq!(json_schema(json!(true)), json!(true));
    }
}
