//! Answers as they are written.

use serde_json::json;
use ultraai_core::{
    ChatEvent, ChatRequest, Choice, Delta, Losses, OwnedFrame, Part, ServerCodec as _, ToolCall, VendorState,
    events_of,
};

use super::*;
use crate::{GenerateContent, NAME, VENDOR, decode};

fn answering<T>(answer: impl FnOnce(&Answering<'_>) -> T) -> T {
    let request = ChatRequest::from_prompt("hello");
    answer(&Answering { request: &request, id: "x", created: 7 })
}

fn written(answer: &ChatResponse) -> Value {
    let body = answering(|to| GenerateContent::new().encode_response(to, answer, &mut Losses::refused()));
    serde_json::from_slice(&body.unwrap()).unwrap()
}

fn chunks(events: &[ChatEvent]) -> Vec<Value> {
    let mut frames: Vec<OwnedFrame> = Vec::new();
    answering(|to| {
        let mut encoder = GenerateContent::new().encoder(to);
        for event in events {
            encoder.push(event, &mut frames, &mut Losses::refused()).unwrap();
        }
    });
    frames.iter().map(|frame| serde_json::from_slice(&frame.data).unwrap()).collect()
}

#[test]
fn an_answer_of_this_protocol_is_written_as_it_was() {
    let whole = json!({
        "candidates": [
            {
                "content": { "parts": [{ "text": "a", "thoughtSignature": "s" }], "role": "model", "novel": 1 },
                "finishReason": "RECITATION", "index": 0, "safetyRatings": [], "avgLogprobs": -0.5,
                "logprobsResult": { "chosenCandidates": [{ "token": "a", "tokenId": 7, "logProbability": -0.5 }] },
                "groundingMetadata": {
                    "groundingChunks": [{ "web": { "uri": "u" } }],
                    "groundingSupports": [{ "segment": { "endIndex": 1 }, "groundingChunkIndices": [0] }],
                },
            },
            {
                "content": { "parts": [{ "functionCall": { "name": "f", "args": {} } }], "role": "model" },
                "finishReason": "STOP", "index": 1,
            },
        ],
        "usageMetadata": {
            "promptTokenCount": 5, "cachedContentTokenCount": 2, "candidatesTokenCount": 7, "thoughtsTokenCount": 3,
            "toolUsePromptTokenCount": 4, "totalTokenCount": 19, "trafficType": "ON_DEMAND", "serviceTier": "flex",
        },
        "modelVersion": "m", "responseId": "r", "createTime": "t", "promptFeedback": { "safetyRatings": [] }, "novel": 7,
    });
    let answer = decode(whole.to_string().as_bytes()).unwrap();
    assert_eq!(answer.logprobs[0].token, "a");
    assert_eq!(answer.content[0].notes().unwrap().citations[0].url.as_deref(), Some("u"));
    assert_eq!(written(&answer), whole);
    // The stream of it says the same besides the content.
    let last = chunks(&events_of(answer)).pop().unwrap();
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    assert_eq!(last["candidates"][0]["groundingMetadata"], whole["candidates"][0]["groundingMetadata"]);
    assert_eq!((&last["novel"], &last["candidates"][0]["finishReason"]), (&json!(7), &json!("RECITATION")));
}

#[test]
fn an_answer_of_another_protocol_is_said_in_this_one() {
    let mut text = Part::text("a");
    let mut citation = Citation::default();
    (citation.url, citation.range) = (Some("u".into()), Some((0, 1)));
    text.annotate(|notes| notes.citations.push(citation));
    let mut call = ToolCall::new("call_1", "f", "{\n\"b\": 1}");
    call.state = Some(VendorState::new("anthropic", json!({ "signature": "secret" })));
    let mut token = TokenLogprob::default();
    token.token = "a".into();
    let mut answer = ChatResponse::default();
    answer.content = vec![text, Part::ToolCall(call)];
    answer.finish_reason = FinishReason::ToolCalls;
    answer.logprobs = vec![token];
    answer.alternatives = vec![Choice::default()];
    answer.usage = Some(Usage::reported(1, 2));
    let expected = json!({
        "candidates": [
            {
                "content": { "parts": [
                    { "text": "a" }, { "functionCall": { "id": "call_1", "name": "f", "args": { "b": 1 } } },
                ], "role": "model" },
                "finishReason": "STOP", "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{ "web": { "uri": "u" } }],
                    "groundingSupports": [{ "segment": { "startIndex": 0, "endIndex": 1 }, "groundingChunkIndices": [0] }],
                },
                "logprobsResult": { "chosenCandidates": [{ "token": "a", "logProbability": 0.0 }] },
            },
            { "content": { "parts": [], "role": "model" }, "finishReason": "STOP", "index": 1 },
        ],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3 },
        "responseId": "x",
    });
    assert_eq!(written(&answer), expected);
}

#[test]
fn what_cannot_be_said_is_refused_by_name_or_left_out_and_noted() {
    let mut answer = ChatResponse::from_text("a");
    answer.stop_sequence = Some("\n".into());
    answer.finish_reason = FinishReason::Other("pause_turn".into());
    answer.content.push(Part::Vendor(VendorState::new("acme", json!({ "a": "secret" }))));
    let mut usage = Usage::reported(1, 2);
    usage.cache_write = Some(3);
    answer.usage = Some(usage);
    let codec = GenerateContent::new();
    let mut losses = Losses::noted();
    let body = answering(|to| codec.encode_response(to, &answer, &mut losses)).unwrap();
    assert!(!String::from_utf8(body).unwrap().contains("secret"));
    let names: Vec<_> = losses.as_slice().iter().map(|loss| loss.split_once(": ").unwrap().0).collect();
    assert_eq!(names, ["the part `content[1]`", "`finish_reason`", "`stop_sequence`", "`usage.cache_write`"]);
    let error = answering(|to| codec.encode_response(to, &answer, &mut Losses::refused())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_stream_is_written_chunk_by_chunk() {
    let delta = ChatEvent::Delta;
    let state = |vendor: &str| VendorState::new(vendor, json!({ "thoughtSignature": "s" }));
    let start = |index, name: &str| {
        delta(Delta::ToolCallStart { index, id: String::new(), name: name.into(), state: None })
    };
    let arguments =
        |index, arguments: &str| delta(Delta::ToolCallArguments { index, arguments: arguments.into() });
    let events = [
        ChatEvent::Started { model: Some("m".into()), request_id: Some("r".into()) },
        delta(Delta::Reasoning("r".into())),
        delta(Delta::ReasoningState(state(VENDOR))),
        delta(Delta::ReasoningState(state("anthropic"))),
        ChatEvent::text("a"),
        ChatEvent::text(""),
        delta(Delta::NextPart),
        ChatEvent::text("b"),
        delta(Delta::Refusal("no".into())),
        start(0, "f"),
        arguments(0, "{\"x\""),
        start(1, "g"),
        arguments(0, ":1}"),
        delta(Delta::Part(Box::new(Part::Vendor(VendorState::new(NAME, json!({ "novel": 1 })))))),
        ChatEvent::Usage(Usage::reported(1, 2)),
        ChatEvent::Finished { finish_reason: FinishReason::ToolCalls },
    ];
    let chunks = chunks(&events);
    let parts: Vec<_> = chunks.iter().map(|chunk| &chunk["candidates"][0]["content"]["parts"]).collect();
    let expected = [
        json!([{ "text": "r", "thought": true }]),
        json!([{ "text": "", "thought": true, "thoughtSignature": "s" }]),
        json!([{ "text": "a" }]),
        json!([{ "text": "" }, { "text": "b" }]),
        json!([{ "text": "" }, { "text": "no" }]),
        json!([{ "functionCall": { "name": "f", "args": { "x": 1 } } }]),
        json!([{ "functionCall": { "name": "g", "args": {} } }]),
        json!([{ "novel": 1 }]),
        json!([{ "text": "" }]),
    ];
    assert_eq!(parts, expected.iter().collect::<Vec<_>>());
    assert!(chunks.iter().all(|chunk| chunk["modelVersion"] == "m" && chunk["responseId"] == "r"));
    let last = chunks.last().unwrap();
    assert_eq!(
        (&last["candidates"][0]["finishReason"], &last["usageMetadata"]["totalTokenCount"]),
        (&json!("STOP"), &json!(3))
    );
}

#[test]
fn an_error_ends_a_stream_as_google_says_it() {
    let mut frames = Vec::new();
    let error = Error::new(ErrorKind::Overloaded, "try later");
    answering(|to| GenerateContent::new().encoder(to).fail(&error, &mut frames));
    let frame: Value = serde_json::from_slice(&frames[0].data).unwrap();
    assert_eq!(frame, json!({ "error": { "code": 503, "message": "try later", "status": "UNAVAILABLE" } }));
}
