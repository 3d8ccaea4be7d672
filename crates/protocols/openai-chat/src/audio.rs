//! What a model answers in speech: a field of its own, beside the text.

use serde_json::{Map, Value, json};
use ultraai_core::{Part, VendorState};

use crate::NAME;

/// The fields that come in pieces; a later one of all others replaces an earlier one.
const PIECES: [&str; 2] = ["data", "transcript"];

/// Speech, or a piece of it, as a part of the protocol; `None` where it says nothing.
pub(crate) fn part(audio: Value) -> Option<Part> {
    match audio {
        Value::Object(fields) if !fields.is_empty() => {
            let whole = Map::from_iter([("audio".to_owned(), Value::Object(fields))]);
            Some(Part::Vendor(VendorState::new(NAME, Value::Object(whole))))
        }
        _ => None,
    }
}

/// The fields of the speech that `part` is.
pub(crate) fn of(part: &Part) -> Option<&Map<String, Value>> {
    let Part::Vendor(state) = part else { return None };
    let fields = state.data.as_object().filter(|fields| state.vendor == NAME && fields.len() == 1)?;
    fields.get("audio")?.as_object()
}

/// All that was spoken; `None` where nothing was.
pub(crate) fn joined(content: &[Part]) -> Option<Map<String, Value>> {
    let mut pieces = content.iter().filter_map(of);
    let mut whole = pieces.next()?.clone();
    for (key, more) in pieces.flatten() {
        match (whole.get_mut(key), more) {
            (Some(Value::String(text)), Value::String(more)) if PIECES.contains(&key.as_str()) => {
                text.push_str(more);
            }
            _ => drop(whole.insert(key.clone(), more.clone())),
        }
    }
    Some(whole)
}

/// What its vendor wants back in the next request.
pub(crate) fn named(content: &[Part]) -> Option<Value> {
    let id = content.iter().filter_map(of).find_map(|fields| fields.get("id"))?;
    Some(json!({ "id": id }))
}

#[cfg(test)]
mod tests {
    use ultraai_core::{ChatRequest, Losses, Message, ModelName, Role};

    use super::*;
    use crate::Dialect;

    #[test]
    fn pieces_are_one_speech() {
        let content: Vec<_> = [
            json!({ "id": "a", "transcript": "he" }),
            json!({ "transcript": "llo" }),
            json!({ "data": "AA" }),
            json!({ "data": "BB", "expires_at": 1 }),
            json!({}),
        ]
        .into_iter()
        .filter_map(part)
        .collect();
        let whole = json!({ "id": "a", "transcript": "hello", "data": "AABB", "expires_at": 1 });
        assert_eq!(joined(&content).map(Value::Object), Some(whole));
        assert_eq!(named(&content), Some(json!({ "id": "a" })));
        assert_eq!((content.len(), joined(&[Part::text("a")])), (4, None));
        // The vendor wants no more of it back than its name.
        let mut request = ChatRequest::from_prompt("a").with_model(ModelName::new("m").unwrap());
        request.messages.push(Message::new(Role::Assistant, content));
        let body = crate::encode(&Dialect::COMPATIBLE, &request, &mut Losses::refused()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let said = json!({ "role": "assistant", "content": null, "audio": { "id": "a" } });
        assert_eq!(body["messages"][1], said);
    }
}
