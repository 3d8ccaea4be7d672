//! Whole answers.
use serde_json::json;
use ultraai_core::{FinishReason, Usage};

use super::*;

fn read(body: &[u8]) -> Result<ChatResponse> {
    decode(&ChatRequest::default(), body)
}

#[test]
fn blocks_are_read_by_their_types() {
    let body = json!({
        "type": "message", "id": "msg_1", "model": "m", "role": "assistant", "stop_reason": "tool_use",
        "usage": { "input_tokens": 1, "output_tokens": 2 }, "new_field": [],
        "content": [
            { "type": "thinking", "thinking": "r", "signature": "s" },
            { "type": "thinking", "thinking": "", "signature": "" },
            { "type": "redacted_thinking", "data": "x" },
            { "type": "text", "text": "a", "citations": null },
            { "type": "text", "text": "b" },
            { "type": "text", "text": "" },
            { "type": "novel", "deep": { "text": [1] } },
            { "type": "tool_use", "id": "1", "name": "f", "input": { "b": 1, "a": [] } },
        ],
    });
    let answer = read(body.to_string().as_bytes()).unwrap();
    assert_eq!((answer.model.as_deref(), answer.request_id.as_deref()), (Some("m"), Some("msg_1")));
    assert_eq!((answer.text().as_str(), answer.finish_reason), ("ab", FinishReason::ToolCalls));
    assert_eq!(answer.usage.unwrap().output_tokens, 2);
    let [
        Part::Reasoning(thought),
        Part::Vendor(hidden),
        Part::Text { .. },
        Part::Text { .. },
        Part::Vendor(novel),
        call,
    ] = answer.content.as_slice()
    else {
        panic!("{:?}", answer.content);
    };
    assert_eq!(
        (thought.text.as_str(), &thought.state.as_ref().unwrap().data["signature"]),
        ("r", &json!("s"))
    );
    assert_eq!((hidden.vendor.as_str(), &hidden.data), ("anthropic", &body["content"][2]));
    assert_eq!((novel.vendor.as_str(), &novel.data), (crate::NAME, &body["content"][6]));
    assert!(matches!(call, Part::ToolCall(call) if call.name == "f"));
}

#[test]
fn arguments_stay_as_the_model_wrote_them() {
    let body = br#"{"content":[{"type":"tool_use","id":"1","name":"f","input":{"z": 1, "a":1.0}}]}"#;
    let answer = read(body).unwrap();
    assert!(
        matches!(&answer.content[..], [Part::ToolCall(call)] if call.arguments == r#"{"z": 1, "a":1.0}"#)
    );
    assert_eq!(answer.finish_reason, FinishReason::Other("unknown".into()));
}

#[test]
fn an_answer_that_was_withheld_is_empty_and_filtered() {
    let body = br#"{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal"},
        "usage":{"input_tokens":7,"output_tokens":1}}"#;
    let answer = read(body).unwrap();
    assert!(answer.is_empty());
    assert_eq!(answer.finish_reason, FinishReason::ContentFilter);
    assert_eq!(answer.usage, Some(Usage::reported(7, 1)));
}

#[test]
fn an_answer_that_is_an_error_says_what_it_used_all_the_same() {
    let body =
        br#"{"error":{"message":"m"},"model":"m","usage":{"input_tokens":7,"output_tokens":1},"content":[]}"#;
    let error = read(body).unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!((partial.usage, partial.model.as_deref()), (Some(Usage::reported(7, 1)), Some("m")));
}

#[test]
fn an_answer_that_waits_to_be_continued_is_not_complete() {
    let body = br#"{"content":[{"type":"text","text":"a"}],"stop_reason":"pause_turn"}"#;
    let answer = read(body).unwrap();
    assert!(!answer.is_complete() && !answer.is_good());
    assert_eq!(answer.finish_reason.as_str(), "pause_turn");
}

#[test]
fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
    for (body, kind) in [
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, ErrorKind::Overloaded),
        (r#"{"error":{"message":"m","code":404}}"#, ErrorKind::ModelNotFound),
        (r#"{"error":"m"}"#, ErrorKind::ServerError),
        (r#"{"detail":"Invalid API Key"}"#, ErrorKind::Authentication),
        (r#"{"choices":["secret"]}"#, ErrorKind::Undecodable),
        (r#"{"content":"secret"}"#, ErrorKind::Undecodable),
        (r#"["secret"]"#, ErrorKind::Undecodable),
        (r#"{"content":[{"text":"secret"#, ErrorKind::Undecodable),
        ("<html>secret", ErrorKind::Undecodable),
        ("", ErrorKind::Undecodable),
    ] {
        let error = read(body.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), kind, "{body}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn what_the_vocabulary_has_no_words_for_is_kept() {
    let body = json!({
        "id": "msg_1", "content": [
            { "type": "text", "text": "a", "citations": [{ "type": "page_location", "document_title": "t", "cited_text": "c", "novel": 1 }], "novel": 2 },
            { "type": "tool_use", "id": "1", "name": "f", "input": {}, "caller": { "type": "direct" } },
        ],
        "stop_reason": "stop_sequence", "stop_sequence": "}", "container": { "id": "c" }, "novel": 3, "empty": null,
        "usage": { "input_tokens": "7", "output_tokens": 1.0, "service_tier": "priority", "cache_creation": { "ephemeral_1h_input_tokens": 5 } },
    });
    let answer = read(body.to_string().as_bytes()).unwrap();
    let notes = answer.content[0].notes().unwrap();
    let citation = &notes.citations[0];
    assert_eq!((citation.title.as_deref(), citation.cited_text.as_deref()), (Some("t"), Some("c")));
    assert_eq!(citation.native.as_ref().unwrap().data, body["content"][0]["citations"][0]);
    assert_eq!(notes.extra.as_ref().unwrap().data, json!({ "novel": 2 }));
    let Part::ToolCall(call) = &answer.content[1] else { panic!("{:?}", answer.content) };
    assert_eq!(call.state.as_ref().unwrap().data, json!({ "caller": { "type": "direct" } }));
    assert_eq!(
        (answer.stop_sequence.as_deref(), answer.service_tier.as_deref()),
        (Some("}"), Some("priority"))
    );
    assert_eq!(answer.usage, Some(Usage::reported(7, 1)));
    let raw = json!({ "container": { "id": "c" }, "novel": 3, "usage": { "cache_creation": { "ephemeral_1h_input_tokens": 5 } } });
    assert_eq!(Value::from(answer.raw), raw);
}

#[test]
fn a_field_of_another_form_is_named_by_its_path() {
    let error = read(br#"{"content":[{"type":"text","text":"a","citations":7}]}"#).unwrap_err();
    assert!(error.message().contains("`content[0].citations`"), "{error}");
}

#[test]
fn the_arguments_of_the_answer_tool_are_the_answer() {
    let mut request = ChatRequest::from_prompt("a");
    request.response_format = Some(ultraai_core::ResponseFormat::JsonObject);
    let call = |name: &str| json!({ "type": "tool_use", "id": "1", "name": name, "input": { "a": 1 } });
    let body = |content: Value| json!({ "content": content, "stop_reason": "tool_use" }).to_string();
    let answer = decode(&request, body(json!([call("json_answer")])).as_bytes()).unwrap();
    assert_eq!((answer.text().as_str(), answer.finish_reason), (r#"{"a":1}"#, FinishReason::Stop));
    let answer = decode(&request, body(json!([call("f")])).as_bytes()).unwrap();
    assert_eq!(answer.finish_reason, FinishReason::ToolCalls);
}

#[test]
fn content_that_is_null_says_nothing() {
    let answer = read(br#"{"content":null,"stop_reason":"end_turn","usage":null}"#).unwrap();
    assert!(answer.content.is_empty() && answer.usage.is_none());
    assert_eq!(answer.finish_reason, FinishReason::Stop);
}
