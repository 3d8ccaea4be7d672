//! Items of a conversation: what of them the vocabulary has words for, and what its vendor wants back unchanged.

use serde_json::{Map, Value, json};
use ultraai_core::{Part, Reasoning, ToolCall, VendorState};

/// Stands in ids that are made up here, behind the kind's own beginning: no vendor knows such an item, so what is sent to one
/// leaves them out.
const MADE_UP: &str = "_ua_";

/// The id of the item at `index` of the answer `answer`, where nobody else gave it one.
pub(crate) fn made_up(kind: &str, answer: &str, index: usize) -> String {
    format!("{kind}{MADE_UP}{answer}_{index}")
}

/// Whether a body may hold such an id.
pub(crate) fn names_what_was_made_up(body: &[u8]) -> bool {
    memchr::memmem::find(body, MADE_UP.as_bytes()).is_some()
}

/// Takes out what says nothing: fields that are null, and an id that was made up here.
fn strip(fields: &mut Map<String, Value>) {
    fields.retain(|key, value| {
        let made_up = key == "id" && value.as_str().is_some_and(|id| id.contains(MADE_UP));
        !value.is_null() && !made_up
    });
}

/// Whether an item that no part stands for is said by the caller and not by the model.
pub(crate) fn is_callers(kind: &str) -> bool {
    kind.ends_with("_output") || kind == "mcp_approval_response"
}

/// Whether an item waits for what the caller does with it: a call of a tool that does not run on the vendor's servers.
pub(crate) fn is_waiting(kind: &str) -> bool {
    matches!(
        kind,
        "function_call"
            | "custom_tool_call"
            | "computer_call"
            | "local_shell_call"
            | "shell_call"
            | "apply_patch_call"
    )
}

/// Whether `kind` is that of a piece of a message and not that of an item.
pub(crate) fn is_content(kind: &str) -> bool {
    kind.starts_with("input_") || kind.starts_with("output_")
}

/// A reasoning item: its text, and all the rest as the vendor's state. The state also keeps the texts where they do not stand
/// in one summary.
pub(crate) fn reasoning(mut fields: Map<String, Value>, vendor: &str) -> Reasoning {
    fields.remove("type");
    let (summary, content) = (fields.remove("summary"), fields.remove("content"));
    let list = |value: &Option<Value>| match value {
        Some(Value::Array(list)) => list.clone(),
        _ => Vec::new(),
    };
    let mut text = String::new();
    for piece in list(&summary).iter().chain(&list(&content)) {
        text.push_str(piece["text"].as_str().unwrap_or_default());
    }
    let told_apart = !list(&content).is_empty();
    strip(&mut fields);
    if let Some(summary) = summary
        && (told_apart || summary != usual_summary(&text))
        && !summary.is_null()
    {
        fields.insert("summary".to_owned(), summary);
    }
    if let Some(content) = content.filter(|_| told_apart) {
        fields.insert("content".to_owned(), content);
    }
    let state = (!fields.is_empty()).then(|| VendorState::new(vendor, Value::Object(fields)));
    let mut reasoning = Reasoning::new(text);
    reasoning.state = state;
    reasoning
}

/// The summary of one text, or of none.
pub(crate) fn usual_summary(text: &str) -> Value {
    match text {
        "" => json!([]),
        text => json!([{ "type": "summary_text", "text": text }]),
    }
}

/// What is known of an item of the type `message` besides what it says, such as its id and its phase, in the form of reasoning
/// without a text: it goes back to this vendor before the text, and everybody else leaves it out.
pub(crate) fn mark(fields: &Map<String, Value>, vendor: &str) -> Option<Reasoning> {
    let mut data = fields.clone();
    data.retain(|key, _| !matches!(key.as_str(), "type" | "role" | "content"));
    strip(&mut data);
    if data.get("status").and_then(Value::as_str) == Some("completed") {
        data.remove("status");
    }
    if data.is_empty() {
        return None;
    }
    data.insert("type".to_owned(), "message".into());
    let mut reasoning = Reasoning::default();
    reasoning.state = Some(VendorState::new(vendor, Value::Object(data)));
    Some(reasoning)
}

/// The fields that [`mark`] kept, where the state of `vendor` is one.
pub(crate) fn marked<'a>(state: Option<&'a VendorState>, vendor: &str) -> Option<&'a Map<String, Value>> {
    own(state, vendor).filter(|fields| fields.get("type").is_some_and(|kind| kind == "message"))
}

/// Whether the fields of reasoning say where its vendor keeps it, and not what it is: such an item is found only where answers are
/// kept.
pub(crate) fn is_elsewhere(fields: &Map<String, Value>) -> bool {
    let is_message = fields.get("type").is_some_and(|kind| kind == "message");
    !is_message
        && fields.contains_key("id")
        && !["encrypted_content", "content"].iter().any(|key| fields.contains_key(*key))
}

/// The fields of a state of `vendor`; another vendor's is nothing.
pub(crate) fn own<'a>(state: Option<&'a VendorState>, vendor: &str) -> Option<&'a Map<String, Value>> {
    state.filter(|state| state.vendor == vendor).and_then(|state| state.data.as_object())
}

/// The call that an item of the type `function_call` is, from its name, its arguments, the id that its result names and its
/// further fields.
pub(crate) fn call(
    id: String,
    name: String,
    arguments: String,
    mut rest: Map<String, Value>,
    vendor: &str,
) -> ToolCall {
    rest.remove("type");
    strip(&mut rest);
    let mut call = ToolCall::new(id, name, arguments);
    call.state = (!rest.is_empty()).then(|| VendorState::new(vendor, Value::Object(rest)));
    call
}

/// An item that no part stands for.
pub(crate) fn vendor_part(item: Value) -> Part {
    Part::Vendor(match is_silent(kind_of(&item)) {
        true => VendorState::silent(crate::NAME, item),
        false => VendorState::new(crate::NAME, item),
    })
}

/// Whether an item that no part stands for says nothing: which tools a server has was only looked up. All else says or does
/// something.
pub(crate) fn is_silent(kind: &str) -> bool {
    kind == "mcp_list_tools"
}

/// The word of a value's field `type`.
pub(crate) fn kind_of(value: &Value) -> &str {
    value["type"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    #[test]
    fn reasoning_keeps_its_form_where_that_is_not_the_usual_one() {
        let one = reasoning(
            fields(
                json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "a" }] }),
            ),
            "v",
        );
        assert_eq!((one.text.as_str(), one.state.unwrap().data), ("a", json!({ "id": "rs_1" })));
        let two = json!([{ "type": "summary_text", "text": "a" }, { "type": "summary_text", "text": "b" }]);
        let read = reasoning(fields(json!({ "id": "rs_1", "summary": two })), "v");
        assert_eq!(
            (read.text.as_str(), read.state.unwrap().data),
            ("ab", json!({ "id": "rs_1", "summary": two }))
        );
        let content = json!([{ "type": "reasoning_text", "text": "c" }]);
        let read = reasoning(fields(json!({ "summary": [], "content": content, "status": null })), "v");
        assert_eq!(
            (read.text.as_str(), read.state.unwrap().data),
            ("c", json!({ "summary": [], "content": content }))
        );
    }

    #[test]
    fn an_id_that_was_made_up_here_is_nobodys_state() {
        let id = made_up("rs", "0123", 4);
        assert_eq!(id, "rs_ua_0123_4");
        assert_eq!(reasoning(fields(json!({ "id": id, "summary": [] })), "v").state, None);
        assert_eq!(mark(&fields(json!({ "id": id, "status": "completed", "role": "assistant" })), "v"), None);
        assert_eq!(call("1".into(), "f".into(), "{}".into(), fields(json!({ "id": id })), "v").state, None);
    }
}
