//! Reads a request of the library, and refuses what nobody would read of it. A file may hold what a newer version wrote; who asks
//! over HTTP must learn that a wish was not understood.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Value;
use ultraai::{ChatRequest, Result, nearest};

use super::asked::wrong;

/// Reads what stands under `request`.
///
/// # Errors
/// `InvalidRequest`, which names what is wrong or not known.
pub(super) fn read_request(value: Value) -> Result<ChatRequest> {
    let known = fields_of::<ChatRequest>();
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    if let Some(key) = keys.into_iter().find(|key| !known.contains(&key.as_str())) {
        let near = nearest(key, known.iter().copied());
        let advice = near.map_or_else(
            || "a field of one vendor stands in `request.extra`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(wrong(format!("`request.{key}` is not known: {advice}")));
    }
    let request = ChatRequest::deserialize(&value)
        .map_err(|error| wrong(format!("`request` is not right: {error}")))?;
    match unknown_in(value, &request) {
        Some(path) => Err(wrong(format!(
            "`request{path}` is not known: leave it out; a field of one vendor stands in the `extra` of the request, a message, a tool or `reasoning`"
        ))),
        None => Ok(request),
    }
}

/// The path of a field of `given` that was not read into `request`: of what was read, all is written again.
fn unknown_in(mut given: Value, request: &ChatRequest) -> Option<String> {
    let path = unread(&given, &written(request))?;
    // A switch that is off may not be written: where it is known, it is once it is on.
    switch_on(&mut given);
    match ChatRequest::deserialize(&given) {
        Ok(request) => unread(&given, &written(&request)),
        Err(_) => Some(path),
    }
}

fn written(request: &ChatRequest) -> Value {
    serde_json::to_value(request).expect("a request has text for keys")
}

/// Where `given` says something that `written` does not have.
fn unread(given: &Value, written: &Value) -> Option<String> {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => given.iter().find_map(|(key, value)| {
            let below = match written.get(key) {
                Some(written) => unread(value, written)?,
                None if says_nothing(value) => return None,
                None => String::new(),
            };
            Some(format!(".{key}{below}"))
        }),
        (Value::Array(given), Value::Array(written)) => {
            let mut pairs = given.iter().zip(written).enumerate();
            pairs.find_map(|(at, (given, written))| Some(format!("[{at}]{}", unread(given, written)?)))
        }
        _ => None,
    }
}

/// Whether a field of this value says what it says where it is not there.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn switch_on(value: &mut Value) {
    match value {
        Value::Bool(is) => *is = true,
        Value::Array(values) => values.iter_mut().for_each(switch_on),
        Value::Object(fields) => fields.values_mut().for_each(switch_on),
        _ => {}
    }
}

/// The names that a struct is read by. A request takes unknown ones in silence where it is read from a file.
fn fields_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It reads nothing, so that whether it succeeds does not matter.
    let _ = T::deserialize(Names(&mut fields));
    fields
}

/// Takes down the names that are asked for.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        visitor.visit_map(Nothing)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// No field at all.
struct Nothing;

impl<'de> MapAccess<'de> for Nothing {
    type Error = de::value::Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Self::Error> {
        Ok(None)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("there is no value"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(message: &Value, more: &Value) -> Value {
        let mut request = json!({ "messages": [{ "role": "user", "content": [] }, message] });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    }

    #[test]
    fn what_is_known_is_read_however_little_it_says() {
        let text = json!({ "type": "text", "text": "x", "notes": { "cache": {}, "citations": [] } });
        let data = json!({ "type": "image", "source": { "data": "iVBORw==" }, "media_type": null });
        let result =
            json!({ "type": "tool_result", "tool_call_id": "1", "content": [text], "is_error": false });
        let call = json!({ "type": "tool_call", "id": "1", "name": "t", "arguments": "{\"zzz\":1}" });
        let message = json!({ "role": "user", "content": [text, data, result, call], "inline": false, "extra": { "a": false } });
        let tool = json!({ "name": "t", "parameters": { "zzz": { "y": [] } }, "strict": false, "extra": {} });
        let more = json!({
            "tools": [tool], "tool_choice": { "allowed": { "tools": ["t"], "required": false } },
            "reasoning": { "enabled": false, "extra": { "zzz": null } }, "metadata": {}, "stop_sequences": [],
            "response_format": { "type": "json_schema", "name": "n", "schema": { "zzz": false } },
            "extra": { "zzz": { "y": false } }, "delivery": "whole", "n": null, "logprobs": false
        });
        read_request(request(&message, &more)).unwrap();
    }

    #[test]
    fn what_is_not_known_is_named_with_its_place() {
        let text = |more: Value| {
            let mut text = json!({ "type": "text", "text": "x" });
            text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "role": "user", "content": [text] })
        };
        for (message, more, path) in [
            (json!({ "role": "user", "content": [], "zzz": 1 }), json!({}), "request.messages[1].zzz"),
            (text(json!({ "zzz": "y" })), json!({}), "request.messages[1].content[0].zzz"),
            (text(json!({ "zzz": false })), json!({}), "request.messages[1].content[0].zzz"),
            (
                text(json!({ "notes": { "cache": { "tll": "1h" } } })),
                json!({}),
                "request.messages[1].content[0].notes.cache.tll",
            ),
            (
                text(json!({})),
                json!({ "tools": [{ "name": "t", "parameters": {}, "zzz": [1] }] }),
                "request.tools[0].zzz",
            ),
            (text(json!({})), json!({ "reasoning": { "enabld": false } }), "request.reasoning.enabld"),
            (
                text(json!({})),
                json!({ "response_format": { "type": "text", "zzz": 1 } }),
                "request.response_format.zzz",
            ),
            (
                text(json!({})),
                json!({ "tool_choice": { "allowed": { "tools": [], "required": true, "zzz": true } } }),
                "request.tool_choice.allowed.zzz",
            ),
        ] {
            let error = read_request(request(&message, &more)).unwrap_err();
            assert!(error.message().starts_with(&format!("`{path}` is not known: ")), "{error}");
        }
    }
}
