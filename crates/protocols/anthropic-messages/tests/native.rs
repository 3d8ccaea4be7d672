//! Requests that are sent on as they came, and streams that come back so.

#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, Codec as _, Delivery, Error, ErrorKind, ModelName, Native, ServerCodec as _,
};
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_testkit::passing_features;

const NAME: &str = "anthropic-messages";

fn came(body: &str, model: &str) -> ChatRequest {
    let mut request = Messages::new().decode_request("", body.as_bytes()).unwrap();
    request.native = Some(Native::new(NAME, body.to_owned()));
    request.model = ModelName::new(model).ok();
    request
}

fn sent(to: &Messages, request: &ChatRequest) -> Option<String> {
    let body = to.native(request, request.native.as_ref().unwrap())?;
    Some(String::from_utf8(body).unwrap())
}

#[test]
fn only_what_the_model_would_be_told_in_the_same_words_passes() {
    let protocol = Messages::new();
    let passed = |model: &str| passing_features(&protocol, &protocol, &protocol, model);
    let unknown = passed("m-2");
    for feature in [
        "instructions of the system",
        "a tool",
        "a call and its result",
        "an image by its data",
        "a PDF by a file's id",
        "reasoning with Anthropic's signature",
        "a live answer",
        "a schema of the answer",
        "`temperature`",
    ] {
        assert!(unknown.contains(&feature), "{feature}: {unknown:?}");
    }
    let (older, newest) = (passed("claude-3-5-haiku-latest"), passed("claude-sonnet-5-5"));
    // What the older model does by a tool, and what the newest refuses.
    assert!(older.contains(&"`temperature`") && !older.contains(&"a schema of the answer"), "{older:?}");
    assert!(!newest.contains(&"`temperature`") && newest.contains(&"a schema of the answer"), "{newest:?}");
    assert!(older.contains(&"some tool must be called") && !newest.contains(&"some tool must be called"));
    assert!(
        !older.contains(&"tokens of reasoning")
            && passed("claude-sonnet-4-5").contains(&"tokens of reasoning")
    );
    let vertex = passing_to_vertex();
    assert!(
        vertex.contains("\"anthropic_version\":\"vertex-2023-10-16\"") && !vertex.contains("model"),
        "{vertex}"
    );
}

fn passing_to_vertex() -> String {
    let request = came(r#"{"model":"a","max_tokens":7,"messages":[{"role":"user","content":"a"}]}"#, "m-2");
    sent(&Messages::on_vertex(), &request).unwrap()
}

#[test]
fn nothing_is_written_anew_but_model_and_delivery() {
    let body = "{ \"max_tokens\":7.0,\"novel\":{\"a\":1e2},\n\"model\":\"m-1\", \"messages\":[{\"content\":\"\\u0041\",\"role\":\"user\"}] ,\"top_k\": 5}";
    let request = came(body, "m-2");
    assert_eq!(sent(&Messages::new(), &request).unwrap(), body.replace("m-1", "m-2"));
    let live = request.with_delivery(Delivery::Live);
    let expected = body.replace("m-1", "m-2").replace("5}", "5,\"stream\":true}");
    assert_eq!(sent(&Messages::new(), &live).unwrap(), expected);
    let cut = body.replace("\"model\":\"m-1\", ", "").replace("} ,\n", "");
    let request = came(&cut, "m-2");
    assert!(sent(&Messages::new(), &request).unwrap().ends_with("5,\"model\":\"m-2\"}"));
}

#[test]
fn what_the_vendor_would_be_told_otherwise_is_written_anew() {
    let with = |fields: &str| {
        format!(r#"{{"max_tokens":4096,"messages":[{{"role":"user","content":"a"}}],{fields}}}"#)
    };
    let talk = |messages: &str| format!(r#"{{"max_tokens":7,"messages":[{messages}]}}"#);
    let plain = r#"{"messages":[{"role":"user","content":"a"}]}"#.to_owned();
    let thinks = r#""thinking":{"type":"enabled","budget_tokens":2048}"#;
    let effort = r#""output_config":{"effort":"low"}"#;
    for (model, body, passes) in [
        ("m-2", plain, false),
        ("m-2", with(r#""max_tokens":5"#), false),
        ("m-2", with(r#""betas":["a"]"#), false),
        ("m-2", with(r#""anthropic_version":"vertex-2023-10-16""#), false),
        ("m-2", with(thinks), true),
        ("claude-sonnet-4-5", with(thinks), true),
        ("claude-sonnet-5-5", with(thinks), false),
        ("claude-3-haiku", with(thinks), false),
        ("claude-sonnet-5-5", with(effort), true),
        ("claude-sonnet-4-5", with(effort), true),
        ("claude-sonnet-5-5", with(r#""thinking":{"type":"disabled"}"#), false),
        ("claude-sonnet-4-5", with(r#""thinking":{"type":"disabled"}"#), true),
        ("m-2", talk(r#"{"role":"user","content":" "}"#), false),
        ("m-2", talk(r#"{"role":"user","content":"a"},{"role":"assistant","content":"b "}"#), false),
        ("m-2", talk(r#"{"role":"user","content":"a"},{"role":"assistant","content":"b"}"#), true),
        ("m-2", talk(r#"{"role":"system","content":"a"},{"role":"user","content":"a"}"#), false),
        ("claude-opus-4-7", talk(r#"{"role":"user","content":"a"},{"role":"system","content":"a"}"#), false),
        ("claude-opus-4-8", talk(r#"{"role":"user","content":"a"},{"role":"system","content":"a"}"#), true),
        (
            "m-2",
            talk(
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""},{"type":"text","text":"b"}]}"#,
            ),
            false,
        ),
        (
            "m-2",
            talk(r#"{"role":"assistant","content":[{"type":"tool_use","id":"a.b","name":"f","input":{}}]}"#),
            false,
        ),
    ] {
        assert_eq!(sent(&Messages::new(), &came(&body, model)).is_some(), passes, "{model}: {body}");
    }
}

#[test]
fn a_break_after_frames_that_passed_is_an_event_of_its_own() {
    let request = came(r#"{"max_tokens":7,"messages":[]}"#, "m-2");
    let mut encoder = Messages::new().encoder(&Answering { request: &request, id: "1", created: 7 });
    assert!(encoder.passes(&Native::new(NAME, r#"{"type":"message_stop"}"#)));
    let mut out = Vec::new();
    encoder.end_passing(&mut out);
    assert_eq!(out, []);
    encoder.fail(&Error::new(ErrorKind::Interrupted, "it broke off"), &mut out);
    let event: Value = serde_json::from_slice(&out[0].data).unwrap();
    assert_eq!((out.len(), out[0].name, &event["type"]), (1, "error", &json!("error")));
    assert_eq!(event["error"]["message"], "it broke off");
}
