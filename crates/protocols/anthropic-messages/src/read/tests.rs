//! How requests are read.

use serde_json::{Value, json};
use ultraai_core::{ErrorKind, MediaSource, ResponseFormat, ToolChoice};

use super::*;

fn read(body: &Value) -> Result<ChatRequest> {
    decode("/v1/messages", body.to_string().as_bytes())
}

#[test]
fn the_fields_have_their_places_in_the_vocabulary() {
    let request = read(&json!({
        "model": "m", "max_tokens": 5, "system": "be brief", "stream": true,
        "messages": [
            { "role": "user", "content": [
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw==" } },
                { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "a" }, "title": "t" },
            ] },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "1", "name": "f", "input": { "b": [1] } }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "1", "content": "r" }, { "type": "text", "text": "a" }] },
        ],
        "stop_sequences": ["x"], "temperature": 1, "top_p": 0.5, "top_k": 7.0, "metadata": { "user_id": "u" },
        "tools": [{ "name": "f", "input_schema": {}, "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
        "tool_choice": { "type": "tool", "name": "f", "disable_parallel_tool_use": true },
        "thinking": { "type": "enabled", "budget_tokens": 2000, "display": "omitted" },
        "output_config": { "effort": "low", "format": { "type": "json_schema", "schema": { "title": "n" } } },
        "novel": 1, "empty": null,
    }))
    .unwrap();
    let roles: Vec<_> = request.messages.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    let image = request.messages[1].content[0].as_media().unwrap();
    assert_eq!(image.source, MediaSource::Data(b"\x89PNG".as_slice().into()));
    let document = request.messages[1].content[1].as_media().unwrap();
    assert_eq!((document.name.as_deref(), document.media_type.as_deref()), (Some("t"), Some("text/plain")));
    let Part::ToolCall(call) = &request.messages[2].content[0] else { panic!("{:?}", request.messages[2]) };
    assert_eq!(call.arguments, r#"{"b":[1]}"#);
    let Part::ToolResult(result) = &request.messages[3].content[0] else {
        panic!("{:?}", request.messages[3])
    };
    assert_eq!(result.name.as_deref(), Some("f"));
    assert_eq!(
        (request.top_k, request.user.as_deref(), request.delivery),
        (Some(7), Some("u"), Delivery::Live)
    );
    assert_eq!(request.tools[0].cache.as_ref().unwrap().ttl.as_deref(), Some("1h"));
    assert_eq!(request.tool_choice, Some(ToolChoice::Tool("f".into())));
    assert_eq!(request.parallel_tool_calls, Some(false));
    let reasoning = request.reasoning.unwrap();
    assert_eq!((reasoning.enabled, reasoning.max_tokens), (Some(true), Some(2000)));
    assert_eq!((reasoning.effort.as_deref(), reasoning.summary.as_deref()), (Some("low"), Some("omitted")));
    assert!(matches!(&request.response_format, Some(ResponseFormat::JsonSchema { name, .. }) if name == "n"));
    assert_eq!(Value::Object(request.extra), json!({ "novel": 1 }));
}

#[test]
fn the_path_says_the_model_where_the_body_does_not() {
    let body =
        json!({ "anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "messages": [] }).to_string();
    let path = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@1:streamRawPredict";
    let request = decode(path, body.as_bytes()).unwrap();
    assert_eq!(request.model.unwrap().as_str(), "claude-x@1");
    assert_eq!(request.delivery, Delivery::Live);
    assert!(request.extra.is_empty());
}

#[test]
fn lists_that_are_null_are_empty() {
    let request = read(&json!({
        "model": "m", "system": null, "tools": null, "stop_sequences": null, "tool_choice": null,
        "messages": [{ "role": "user", "content": null }, { "role": "novel", "content": "a" }],
    }))
    .unwrap();
    assert!(request.messages[0].content.is_empty() && request.tools.is_empty());
    assert_eq!(request.messages[1].role, Role::Other("novel".into()));
}

#[test]
fn what_is_wrong_is_named_by_its_place_and_not_repeated() {
    let turn = |content: Value| json!({ "messages": [{ "role": "user", "content": content }] });
    for (body, place) in [
        (json!({ "model": "m" }), "`messages` is missing"),
        (json!({ "messages": 7 }), "`messages` must be a list"),
        (json!({ "messages": ["secret"] }), "`messages[0]` must be an object"),
        (json!({ "messages": [{ "content": "secret" }] }), "`messages[0].role` is missing"),
        (turn(json!(7)), "`messages[0].content` must be a text or a list"),
        (turn(json!([{ "text": "secret" }])), "`messages[0].content[0].type` is missing"),
        (
            turn(json!([{ "type": "text", "text": ["secret"] }])),
            "`messages[0].content[0].text` must be a text",
        ),
        (turn(json!([{ "type": "tool_use", "name": "secret" }])), "`messages[0].content[0].id` is missing"),
        (
            turn(json!([{ "type": "tool_result", "tool_use_id": "1", "content": [{ "type": "text" }] }])),
            "`messages[0].content[0].content[0].text` is missing",
        ),
        (json!({ "messages": [], "max_tokens": "secret" }), "`max_tokens` must be a whole number"),
        (json!({ "messages": [], "tools": [{ "description": "secret" }] }), "`tools[0].name` is missing"),
        (json!({ "messages": [], "thinking": "secret" }), "`thinking` must be an object"),
    ] {
        let error = read(&body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.message().starts_with(place) && !error.message().contains("secret"), "{error}");
    }
}
