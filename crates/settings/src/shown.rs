//! How values are shown, and which are not.

use std::path::Path;

use serde_json::Value;
use ultraai_core::{KeySource, is_variable_name};

/// Words that stand beside secrets.
const SECRET_WORDS: [&str; 7] =
    ["key", "secret", "token", "password", "bearer", "authorization", "credential"];

/// Keys of vendors are longer than this and hold no space.
const LONGEST_WORD: usize = 24;

/// Whether a line of a file that could not be parsed had better not be repeated.
pub(crate) fn may_hold_a_secret(line: &str) -> bool {
    let lower = line.to_lowercase();
    let opaque = |c: char| c.is_ascii_alphanumeric() || "-_+/=.".contains(c);
    SECRET_WORDS.iter().any(|word| lower.contains(word))
        || lower.contains("sk-")
        || lower.split(|c| !opaque(c)).any(|word| word.len() >= LONGEST_WORD)
}

/// A value as it may be shown: as it would stand in a file, unless its name speaks of a secret.
pub(crate) fn shown(key: &str, value: &Value) -> String {
    if names_a_secret(key) {
        return "(hidden)".to_owned();
    }
    match value {
        Value::String(text) if is_an_address(key, text) && text.contains('@') => {
            "(hidden: it holds a user or a password)".to_owned()
        }
        Value::String(text) if is_an_address(key, text) && text.contains(['?', '#']) => {
            let end = text.find(['?', '#']).unwrap_or(text.len());
            format!("{} (without its query)", Value::from(&text[..end]))
        }
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(|value| shown(key, value)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<_> =
                map.iter().map(|(key, value)| format!("{key} = {}", shown(key, value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether one of the name's words is one of a secret; `tokens` are no `token`.
fn names_a_secret(key: &str) -> bool {
    let lower = key.to_lowercase();
    lower == "headers" || lower.split(['_', '-', '.']).any(|word| SECRET_WORDS.contains(&word))
}

fn is_an_address(key: &str, text: &str) -> bool {
    key.ends_with("url") || text.contains("://")
}

/// Whether a path is one: what names no file, and neither begins as a path does nor ends as a file's name does, may be the key
/// itself.
pub(crate) fn is_a_place(path: &Path) -> bool {
    let text = path.to_string_lossy();
    path.is_absolute()
        || ["./", "../", "~"].iter().any(|start| text.starts_with(start))
        || ends_as_a_file(&text)
        || path.exists()
}

/// Whether it is a name such as `key.txt` or `keys/openai.txt`: short words, and the ending of a file, which no key has.
fn ends_as_a_file(text: &str) -> bool {
    let is_ending =
        |end: &str| (2..=6).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_lowercase());
    let ends = text.rsplit_once('.').is_some_and(|(name, end)| !name.is_empty() && is_ending(end));
    ends && !text.contains("sk-") && text.split(['/', '\\']).all(|word| word.len() < LONGEST_WORD)
}

/// Where a key is, in words; never the key.
pub(crate) fn shown_key(value: &Value) -> String {
    match value {
        Value::Object(_) => match value.as_object().and_then(|map| map.iter().next()) {
            // What is no name may be the key itself.
            Some((kind, Value::String(name))) if kind == "env" && !is_variable_name(name) => {
                "(hidden)".to_owned()
            }
            Some((kind, Value::String(path))) if kind == "file" && !is_a_place(path.as_ref()) => {
                "(hidden: no file has this name)".to_owned()
            }
            Some((kind, Value::String(place))) if kind == "env" || kind == "file" => {
                format!("{{ {kind} = {} }}", Value::String(place.clone()))
            }
            _ => "(hidden)".to_owned(),
        },
        _ => "(hidden: the key itself stands there)".to_owned(),
    }
}

/// Where a key comes from, for advice.
pub(crate) fn key_source(value: &Value) -> Option<KeySource> {
    match value.as_object()?.iter().next()? {
        (kind, Value::String(name)) if kind == "env" => Some(KeySource::Variable(name.clone())),
        (kind, Value::String(path)) if kind == "file" => Some(KeySource::File(path.into())),
        _ => None,
    }
}

/// What a value is, without saying which.
pub(crate) fn kind_of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_its_name_calls_a_secret_is_not_shown() {
        assert_eq!(shown("access_token", &json!("abc")), "(hidden)");
        assert_eq!(shown("tokens_per_second", &json!(5)), "5");
        assert_eq!(shown("headers", &json!({ "x": "y" })), "(hidden)");
        assert!(!shown("base_url", &json!("http://me:pwd@host/v1")).contains("pwd"));
        assert!(!shown("base_url", &json!("http://me:p/wd@host/v1")).contains("wd"));
        assert!(!shown("base_url", &json!("me:pwd@host/v1")).contains("pwd"));
        assert_eq!(
            shown("base_url", &json!("http://host/v1?code=abc")),
            "\"http://host/v1\" (without its query)"
        );
        assert_eq!(shown("base_url", &json!("http://host/v1")), "\"http://host/v1\"");
        assert_eq!(shown("price", &json!({ "input": 1 })), "{ input = 1 }");
        assert!(!shown_key(&json!("sk-1")).contains("sk-1"));
        assert!(!shown_key(&json!({ "env": "sk-1" })).contains("sk-1"));
        for key in [
            "sk-1",
            "sk-1.txt",
            "hunter2",
            "abcdefghijklmnopqrstuvwxyz.txt",
            "0123456789abcdef.aBcD",
            "a/B3+x==",
        ] {
            assert!(!shown_key(&json!({ "file": key })).contains(key), "{key}");
        }
        for path in ["key.txt", "keys/openai.key", ".env.secret"] {
            assert_eq!(shown_key(&json!({ "file": path })), format!("{{ file = {path:?} }}"));
        }
        assert_eq!(shown_key(&json!({ "file": "./key" })), "{ file = \"./key\" }");
        assert_eq!(shown_key(&json!({ "env": "X" })), "{ env = \"X\" }");
    }
}
