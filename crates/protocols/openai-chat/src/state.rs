//! What vendors want back with reasoning and calls, and how callers keep it for them.
//!
//! A caller of this protocol has no field for what belongs to a vendor, but hands back a message as it came. So state of a
//! vendor of another protocol is written as an entry of `reasoning_details`, or as the field `extra_content` of a call, which
//! says whose it is.

use serde_json::{Map, Value, json};
use ultraai_core::VendorState;

/// The type of an entry that is another vendor's state.
const WRAPPED: &str = "vendor_state";

/// State of any vendor as the entries of `reasoning_details` that a caller gets.
pub(crate) fn to_details(state: &VendorState) -> Vec<Value> {
    match &state.data {
        Value::Array(entries) if entries.iter().all(is_detail) && !entries.is_empty() => entries.clone(),
        _ => vec![wrap(state)],
    }
}

/// The state that entries of `reasoning_details` are, one for each vendor; `vendor` is whose they are where none says so.
pub(crate) fn from_details(entries: Vec<Value>, vendor: &str) -> Vec<VendorState> {
    let mut states: Vec<VendorState> = Vec::new();
    let mut own = Vec::new();
    for entry in entries {
        match unwrap(&entry) {
            Some(state) => states.push(state),
            None => own.push(entry),
        }
    }
    if !own.is_empty() {
        states.insert(0, VendorState::new(vendor, Value::Array(own)));
    }
    states
}

/// Whether it looks as an entry of `reasoning_details` does.
fn is_detail(entry: &Value) -> bool {
    entry.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("reasoning."))
}

/// State of a call as `extra_content`.
pub(crate) fn to_extra_content(state: &VendorState, is_own: bool) -> Value {
    if is_own { state.data.clone() } else { wrap(state) }
}

/// The state that `extra_content` is.
pub(crate) fn from_extra_content(value: Value, vendor: &str) -> VendorState {
    unwrap(&value).unwrap_or_else(|| VendorState::new(vendor, value))
}

fn wrap(state: &VendorState) -> Value {
    json!({ "type": WRAPPED, "vendor": state.vendor, "data": state.data })
}

fn unwrap(entry: &Value) -> Option<VendorState> {
    let entry = entry.as_object().filter(|entry| entry.get("type") == Some(&Value::from(WRAPPED)))?;
    Some(VendorState::new(entry.get("vendor")?.as_str()?, entry.get("data")?.clone()))
}

/// Puts an entry of a stream behind `entries`: one that goes on with the last one is added to it.
pub(crate) fn add_detail(entries: &mut Vec<Value>, entry: Value) {
    let same = |last: &Value| {
        last.get("type") == entry.get("type")
            && last.get("index") == entry.get("index")
            && (entry.get("text").is_some() || entry.get("summary").is_some())
            && last.get("signature").is_none_or(Value::is_null)
    };
    let goes_on = entries.last().is_some_and(same);
    match (entries.last_mut(), entry) {
        (Some(Value::Object(last)), Value::Object(entry)) if goes_on => merge(last, entry),
        (_, entry) => entries.push(entry),
    }
}

fn merge(last: &mut Map<String, Value>, entry: Map<String, Value>) {
    for (key, value) in entry {
        match (key.as_str(), last.get_mut(&key), value) {
            (_, _, Value::Null) => {}
            ("text" | "summary", Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, _, value) => drop(last.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_any_vendor_comes_back_from_a_caller_as_it_was() {
        for state in [
            VendorState::new("openrouter", json!([{ "type": "reasoning.text", "text": "a" }])),
            VendorState::new("anthropic", json!({ "signature": "x" })),
        ] {
            assert_eq!(from_details(to_details(&state), "openrouter"), std::slice::from_ref(&state));
            let is_own = state.vendor == "openrouter";
            assert_eq!(from_extra_content(to_extra_content(&state, is_own), "openrouter"), state);
        }
    }

    #[test]
    fn pieces_of_one_detail_are_one() {
        let mut entries = Vec::new();
        for entry in [
            json!({ "type": "reasoning.text", "index": 0, "text": "a" }),
            json!({ "type": "reasoning.text", "index": 0, "text": "b", "format": null }),
            json!({ "type": "reasoning.text", "index": 0, "text": "", "signature": "s" }),
            json!({ "type": "reasoning.encrypted", "index": 0, "data": "x" }),
        ] {
            add_detail(&mut entries, entry);
        }
        let text = json!({ "type": "reasoning.text", "index": 0, "text": "ab", "signature": "s" });
        assert_eq!(entries, [text, json!({ "type": "reasoning.encrypted", "index": 0, "data": "x" })]);
    }
}
