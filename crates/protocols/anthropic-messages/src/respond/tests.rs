//! How answers are written.

use serde_json::{Value, json};
use ultraai_core::{
    ChatEvent, ChatRequest, Delta, Error, ErrorKind, EventEncoder as _, FinishReason, ModelName, OwnedFrame,
    Reasoning, ToolCall, Usage, VendorState, events_of,
};

use super::*;
use crate::NAME;

fn request() -> ChatRequest {
    ChatRequest::from_prompt("a").with_model(ModelName::new("m").unwrap())
}

fn written(answer: &ChatResponse) -> Value {
    let request = request();
    let to = Answering { request: &request, id: "1", created: 0 };
    serde_json::from_slice(&encode(&to, answer, &mut Losses::refused()).unwrap()).unwrap()
}

fn streamed(events: impl IntoIterator<Item = ChatEvent>) -> Vec<Value> {
    let request = request();
    let mut encoder = Encoder::new(&Answering { request: &request, id: "1", created: 0 });
    let (mut frames, mut losses) = (Vec::new(), Losses::refused());
    events.into_iter().try_for_each(|event| encoder.push(&event, &mut frames, &mut losses)).unwrap();
    let read = |frame: OwnedFrame| {
        let event: Value = serde_json::from_slice(&frame.data).unwrap();
        assert_eq!(event["type"], frame.name);
        event
    };
    frames.into_iter().map(read).collect()
}

/// An answer of another vendor.
fn foreign() -> ChatResponse {
    let mut reasoning = Reasoning::new("r");
    reasoning.state = Some(VendorState::new("openai", json!({ "encrypted": "secret" })));
    let mut cited = Part::text("b");
    let mut citation = Citation::default();
    citation.url = Some("https://host".into());
    cited.annotate(|notes| notes.citations.push(citation));
    let mut answer = ChatResponse::default();
    answer.content = vec![Part::Reasoning(reasoning), Part::text("a"), cited, Part::refusal("no")];
    answer.content.push(Part::ToolCall(ToolCall::new("call:1", "f", "{\"a\": 1}")));
    let mut usage = Usage::reported(10, 5);
    (usage.cache_read, usage.reasoning) = (Some(4), Some(2));
    answer.with_usage(usage)
}

#[test]
fn an_answer_of_another_vendor_is_said_in_this_protocol() {
    let cited = json!({ "type": "web_search_result_location", "url": "https://host", "title": null, "cited_text": "", "encrypted_index": "" });
    let expected = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [
            { "type": "thinking", "thinking": "r", "signature": "" },
            { "type": "text", "text": "a" },
            { "type": "text", "text": "b", "citations": [cited] },
            { "type": "text", "text": "no" },
            { "type": "tool_use", "id": "call:1", "name": "f", "input": { "a": 1 } },
        ],
        "stop_reason": "refusal", "stop_sequence": null,
        "usage": { "input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 5, "output_tokens_details": { "thinking_tokens": 2 } },
    });
    assert_eq!(written(&foreign()), expected);
}

#[test]
fn of_what_another_vendor_keeps_without_words_nothing_is_told() {
    let mut kept = Reasoning::default();
    kept.state = Some(VendorState::new("openai", json!({ "id": "rs_1" })));
    let mut answer = ChatResponse::default();
    answer.content = vec![Part::Reasoning(kept), Part::text("a")];
    assert_eq!(written(&answer)["content"], json!([{ "type": "text", "text": "a" }]));
}

#[test]
fn a_stream_says_its_blocks_one_after_the_other() {
    let events = streamed(events_of(foreign()));
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let mut expected = vec!["message_start"];
    for pieces in [1, 1, 2, 1, 1] {
        expected.push("content_block_start");
        expected.extend(std::iter::repeat_n("content_block_delta", pieces));
        expected.push("content_block_stop");
    }
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(kinds, expected);
    let indexes: Vec<_> = events.iter().filter_map(|event| event["index"].as_u64()).collect();
    assert!(indexes.is_sorted() && indexes.first() == Some(&0) && indexes.last() == Some(&4), "{indexes:?}");
    assert!(!format!("{events:?}").contains("secret"));
    let end = &events[events.len() - 2];
    assert_eq!(end["delta"], json!({ "stop_reason": "refusal", "stop_sequence": null }));
    assert_eq!(end["usage"]["input_tokens"], 6);
}

#[test]
fn what_went_in_is_told_at_the_start_where_it_is_known() {
    let started = || ChatEvent::Started { model: Some("n".into()), request_id: None };
    let finished = || ChatEvent::Finished { finish_reason: FinishReason::Other("pause_turn".into()) };
    let usage = ChatEvent::Usage(Usage::reported(7, 1));
    let events = streamed([started(), usage, ChatEvent::text("a"), finished()]);
    assert_eq!(events[0]["message"]["model"], "n");
    assert_eq!(events[0]["message"]["usage"], json!({ "input_tokens": 7, "output_tokens": 0 }));
    assert_eq!(events[4]["delta"]["stop_reason"], "pause_turn");
    assert_eq!(streamed([started(), finished()]).len(), 3);
}

#[test]
fn what_cannot_be_said_is_refused_by_name_or_noted() {
    let mut answer = foreign();
    answer.alternatives.push(ultraai_core::Choice::default());
    answer.content.push(Part::Vendor(VendorState::new("openai", json!({}))));
    answer.content.push(Part::ToolCall(ToolCall::new("1", "f", "{")));
    let request = request();
    let to = Answering { request: &request, id: "1", created: 0 };
    let error = encode(&to, &answer, &mut Losses::refused()).unwrap_err();
    assert!(error.message().starts_with("the answers after the first cannot be sent"), "{error}");
    let mut losses = Losses::noted();
    encode(&to, &answer, &mut losses).unwrap();
    let noted: Vec<_> = losses.as_slice().iter().map(|loss| loss.split(": ").next().unwrap()).collect();
    let expected = [
        "the answers after the first",
        "a part of the kind `vendor` in `content[5]`",
        "the arguments of the tool call in `content[6]`",
    ];
    assert_eq!(noted, expected);
    let mut encoder = Encoder::new(&to);
    let late = ChatEvent::Delta(Delta::ToolCallArguments { index: 0, arguments: "{}".into() });
    let error = encoder.push(&late, &mut Vec::new(), &mut Losses::refused()).unwrap_err();
    assert!(error.message().starts_with("arguments of the tool call 0"), "{error}");
}

#[test]
fn what_stands_beside_a_text_is_told_at_its_end() {
    let mut answer = ChatResponse::from_text("a");
    answer.content[0].annotate(|notes| notes.extra = Some(VendorState::new(NAME, json!({ "novel": 1 }))));
    let events = streamed(events_of(answer));
    assert_eq!(events[3], json!({ "type": "content_block_stop", "index": 0, "novel": 1 }));
}

#[test]
fn an_error_ends_the_stream_as_the_event_of_its_name() {
    let request = request();
    let mut encoder = Encoder::new(&Answering { request: &request, id: "1", created: 0 });
    let mut frames = Vec::new();
    encoder.fail(&Error::new(ErrorKind::Overloaded, "slow down"), &mut frames);
    assert_eq!(frames[0].name, "error");
    let expected = br#"{"type":"error","error":{"type":"overloaded_error","message":"slow down"}}"#;
    assert_eq!(frames[0].data, expected);
}
