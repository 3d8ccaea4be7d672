//! Names of fields and words of enums, in the spellings that Google reads.

use std::borrow::Cow;

use serde_json::{Map, Value};
use ultraai_core::Result;
use ultraai_protocol_common::{Fields, Place};

/// The key in camel case, as the protocol writes it; Google reads snake case too.
pub(crate) fn camel(key: &str) -> Cow<'_, str> {
    let is_snake = key.contains('_') && !key.starts_with('_') && !key.ends_with('_');
    if !is_snake || key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(key);
    }
    let mut name = String::with_capacity(key.len());
    let mut is_next = false;
    for character in key.chars() {
        match (character, is_next) {
            ('_', _) => is_next = true,
            (character, true) => {
                name.push(character.to_ascii_uppercase());
                is_next = false;
            }
            (character, false) => name.push(character),
        }
    }
    Cow::Owned(name)
}

/// The fields with their names in camel case; one that stands there in both spellings keeps the snake.
pub(crate) fn camel_keys(map: Map<String, Value>) -> Map<String, Value> {
    if map.keys().all(|key| matches!(camel(key), Cow::Borrowed(_))) {
        return map;
    }
    let (plain, snakes): (Vec<_>, Vec<_>) =
        map.into_iter().partition(|(key, _)| matches!(camel(key), Cow::Borrowed(_)));
    let mut map: Map<String, Value> = plain.into_iter().collect();
    for (key, value) in snakes {
        let name = camel(&key).into_owned();
        let name = if map.contains_key(&name) { key } else { name };
        map.insert(name, value);
    }
    map
}

/// The fields of `value`, in camel case.
pub(crate) fn fields(value: Value, place: Place) -> Result<Fields<'static>> {
    match value {
        Value::Object(map) => Fields::of(Value::Object(camel_keys(map)), place),
        other => Fields::of(other, place),
    }
}

/// Takes the object in the field `name`, its fields in camel case.
pub(crate) fn object(from: &mut Fields<'_>, name: &'static str) -> Result<Option<Fields<'static>>> {
    let place = from.place().field(name);
    from.any(name).map(|value| fields(value, place)).transpose()
}

/// A word of an enum, which stands there as itself or as its number in `words`.
pub(crate) fn word(value: &Value, words: &[&str]) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()),
        Value::Number(number) => {
            let place = usize::try_from(number.as_u64()?).ok()?;
            Some(words.get(place).map_or_else(|| number.to_string(), |word| (*word).to_owned()))
        }
        _ => None,
    }
}

/// A number, also where it is written as a text, as protocol buffers may in JSON.
pub(crate) fn unquoted(value: Value) -> Value {
    match value {
        Value::String(text) => match text.trim().parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn snakes_become_camels() {
        for (key, expected) in [
            ("inline_data", "inlineData"),
            ("inlineData", "inlineData"),
            ("_responseJsonSchema", "_responseJsonSchema"),
            ("a_b_c", "aBC"),
            ("text", "text"),
        ] {
            assert_eq!(camel(key), expected);
        }
        let Value::Object(both) = json!({ "a_b": 1, "aB": 2, "c_d": 3 }) else { panic!("it is an object") };
        assert_eq!(Value::Object(camel_keys(both)), json!({ "aB": 2, "a_b": 1, "cD": 3 }));
    }

    #[test]
    fn a_word_is_itself_or_its_number() {
        let words = ["UNSPECIFIED", "AUTO"];
        assert_eq!(word(&json!("NOVEL"), &words).as_deref(), Some("NOVEL"));
        assert_eq!(word(&json!(1), &words).as_deref(), Some("AUTO"));
        assert_eq!(word(&json!(9), &words).as_deref(), Some("9"));
        assert_eq!(word(&json!([]), &words), None);
        assert_eq!((unquoted(json!("7")), unquoted(json!("a"))), (json!(7), json!("a")));
    }
}
