//! Requests in every form that callers write.

use serde_json::json;
use ultraai_core::{Message, Part, Role, ToolChoice};

use super::*;

fn read(body: &Value) -> ChatRequest {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn wrong(body: &Value) -> String {
    decode_request(body.to_string().as_bytes()).unwrap_err().message().to_owned()
}

#[test]
fn what_nobody_knows_is_kept() {
    let request = read(&json!({
        "messages": [{ "role": "narrator", "content": [{ "type": "hologram", "x": 1 }], "novel": 7 }],
        "novel": true, "user": null,
        "tools": [{ "type": "web_search" }], "tool_choice": { "type": "novel" },
        "functions": [{ "name": "f" }], "response_format": { "type": "grammar", "grammar": "a" },
    }));
    assert_eq!(request.extra.keys().collect::<Vec<_>>(), ["functions", "novel"]);
    let Message { role, content, extra, .. } = &request.messages[0];
    assert_eq!((role, extra["novel"].as_u64()), (&Role::Other("narrator".into()), Some(7)));
    assert!(matches!(&content[0], Part::Vendor(state) if state.vendor == NAME && state.data["x"] == 1));
    assert_eq!(request.tools[0].name, "web_search");
    assert!(matches!(request.tool_choice, Some(ToolChoice::Vendor(_))));
    assert!(matches!(request.response_format, Some(ResponseFormat::Vendor(_))));
}

#[test]
fn what_an_sdk_leaves_in_what_it_read_is_nobodys_field() {
    let function = json!({ "name": "f", "arguments": "{}", "parsed_arguments": {}, "novel": 1 });
    let call = json!({ "id": "1", "type": "function", "index": 0, "function": function });
    let said = json!({ "role": "assistant", "content": null, "parsed": null, "tool_calls": [call] });
    let request = read(&json!({ "messages": [said] }));
    let Message { content, extra, .. } = &request.messages[0];
    assert!(extra.is_empty(), "{extra:?}");
    let notes = content[0].notes().unwrap().extra.as_ref().unwrap();
    assert_eq!(notes.data, json!({ "function": { "novel": 1 } }));
}

#[test]
fn a_wrong_field_is_named_by_its_place() {
    for (body, place) in [
        (json!({}), "`messages` is missing"),
        (json!({ "messages": {} }), "`messages` must be a list"),
        (json!({ "messages": [{ "content": "a" }] }), "`messages[0].role` is missing"),
        (json!({ "messages": [{ "role": "user", "content": 7 }] }), "`messages[0].content` must be"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": 7 }] }] }),
            "`messages[0].content[0].text` must be a text",
        ),
        (json!({ "messages": [], "temperature": "hot" }), "`temperature` must be a number"),
        (
            json!({ "messages": [], "tools": [{ "type": "function", "function": {} }] }),
            "`tools[0].function.name` is missing",
        ),
    ] {
        assert!(wrong(&body).starts_with(place), "{}", wrong(&body));
    }
}

#[test]
fn choices_of_tools_are_read_in_every_form() {
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    let allowed = json!({ "mode": "required", "tools": [tool] });
    for (choice, expected) in [
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Required),
        (tool.clone(), ToolChoice::Tool("f".into())),
        (
            json!({ "type": "allowed_tools", "allowed_tools": allowed }),
            ToolChoice::Allowed { tools: vec!["f".into()], required: true },
        ),
    ] {
        assert_eq!(read(&json!({ "messages": [], "tool_choice": choice })).tool_choice, Some(expected));
    }
}
