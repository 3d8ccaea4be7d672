//! What is written is read as the same, and nothing that comes breaks what reads it.

#![expect(clippy::unwrap_used, reason = "a round trip that cannot be made fails the test")]

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, Delivery, Losses, Native, ServerCodec as _, Usage,
};
use ultraai_protocol_openai_chat::{Chat, Dialect, NAME};
use ultraai_testkit::{
    codecs::{fold_frames, frames_of, nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CHAT: Chat = Chat(&Dialect::COMPATIBLE);

const CARRIES: Carries = Carries {
    reasoning_state: Some("openai-chat"),
    // The content of a message is one text, and its calls stand beside it.
    split_texts: false,
    mixed_order: false,
    ..Carries::EVERYTHING
};

#[test]
fn requests_answers_and_streams_are_read_as_they_were_written() {
    let same_request = |mut request: ChatRequest| {
        request.origin = None;
        request
    };
    let same_answer = |mut answer: ChatResponse| {
        answer.request_id = None;
        answer
    };
    round_trips(&CHAT, &CHAT, &CARRIES, 500, same_request, same_answer);
}

#[test]
fn nothing_that_comes_breaks_what_reads_it() {
    survives(&CHAT, &CHAT, &CARRIES, 2000);
}

fn live(body: &Value) -> ChatRequest {
    let mut request = CHAT.decode_request("/chat/completions", body.to_string().as_bytes()).unwrap();
    request.native = Some(Native::new(NAME, body.to_string()));
    request
}

fn chunks(request: &ChatRequest, answer: &ChatResponse) -> Vec<Value> {
    let to = Answering { request, id: "abc", created: 7 };
    let frames = frames_of(&CHAT, &to, answer).unwrap();
    let (done, chunks) = frames.split_last().unwrap();
    assert_eq!(done.data, b"[DONE]");
    chunks.iter().map(|frame| serde_json::from_slice(&frame.data).unwrap()).collect()
}

#[test]
fn usage_comes_in_a_chunk_of_its_own_exactly_when_it_was_asked_for() {
    let answer = ChatResponse::from_text("hi").with_usage(Usage::reported(3, 4));
    let mut body = json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": "a" }] });
    let without = chunks(&live(&body), &answer);
    assert!(without.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(without[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!((&without[0]["id"], &without[0]["created"]), (&json!("chatcmpl-abc"), &json!(7)));
    body["stream_options"] = json!({ "include_usage": true });
    let with = chunks(&live(&body), &answer);
    let (last, before) = with.split_last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(7)));
    assert!(before.iter().all(|chunk| chunk["usage"].is_null() && chunk["choices"] != json!([])));
}

#[test]
fn an_error_in_a_stream_is_one_chunk() {
    let request = ChatRequest::from_prompt("a").with_delivery(Delivery::Live);
    let mut encoder = CHAT.encoder(&Answering { request: &request, id: "a", created: 0 });
    let mut out = Vec::new();
    encoder.fail(&ultraai_core::Error::new(ultraai_core::ErrorKind::Overloaded, "m"), &mut out);
    let error: Value = serde_json::from_slice(&out[0].data).unwrap();
    assert_eq!((out.len(), &error["error"]["message"]), (1, &json!("m")));
}

#[test]
fn what_only_the_vendor_says_reaches_the_caller_whole_and_live() {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "m",
        "system_fingerprint": "fp", "citations": ["https://host/a"], "service_tier": "default",
        "choices": [
            {
                "index": 0, "finish_reason": "stop", "native_finish_reason": "STOP",
                "message": {
                    "role": "assistant", "content": "hi", "audio": { "id": "a" }, "novel": 7,
                    "annotations": [{ "type": "url_citation", "url_citation": {
                        "url": "https://host/a", "title": "A", "start_index": 0, "end_index": 2,
                    } }],
                },
                "logprobs": { "content": [{ "token": "hi", "logprob": -0.5, "bytes": [104, 105], "top_logprobs": [] }] },
            },
            { "index": 1, "finish_reason": "length", "message": { "role": "assistant", "content": "ho" } },
        ],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": 0.5,
            "completion_tokens_details": { "audio_tokens": 1 } },
    });
    let request = ChatRequest::from_prompt("a");
    let answer = CHAT.decode(&request, &body.to_string().into()).unwrap();
    assert_eq!(answer.alternatives[0].content, [ultraai_core::Part::text("ho")]);
    assert_eq!(answer.raw["message"], json!({ "novel": 7 }));
    let to = Answering { request: &request, id: "1", created: 7 };
    let written = CHAT.encode_response(&to, &answer, &mut Losses::refused()).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    for (place, value) in [
        ("/system_fingerprint", json!("fp")),
        ("/citations", json!(["https://host/a"])),
        ("/service_tier", json!("default")),
        ("/choices/0/native_finish_reason", json!("STOP")),
        ("/choices/0/message/audio", json!({ "id": "a" })),
        ("/choices/0/message/novel", json!(7)),
        ("/choices/0/message/annotations", body["choices"][0]["message"]["annotations"].clone()),
        ("/choices/0/logprobs/content", body["choices"][0]["logprobs"]["content"].clone()),
        ("/choices/1/message/content", json!("ho")),
        ("/choices/1/finish_reason", json!("length")),
        ("/usage/cost", json!(0.5)),
        ("/usage/completion_tokens_details", json!({ "audio_tokens": 1 })),
    ] {
        assert_eq!(written.pointer(place), Some(&value), "{place}");
    }
    let frames = frames_of(&CHAT, &to, &answer).unwrap();
    let folded = fold_frames(&CHAT, &request, &frames).unwrap();
    let same = |answer: &ChatResponse| {
        let mut raw = answer.raw.clone();
        // What goes with the message stands in a chunk, which is handed out as it came.
        raw.retain(|key, _| !matches!(key.as_str(), "message" | "choice"));
        (answer.content.clone(), answer.logprobs.clone(), answer.alternatives.clone(), answer.usage, raw)
    };
    assert_eq!(same(&folded), same(&answer));
}

#[test]
fn a_request_without_a_native_form_is_answered_with_usage() {
    let mut request = ChatRequest::from_prompt("a").with_delivery(Delivery::Live);
    let answer = ChatResponse::from_text("hi").with_usage(Usage::reported(3, 4));
    assert!(chunks(&request, &answer).iter().any(|chunk| chunk["usage"].is_object()));
    request.native = Some(Native::new(NAME, "{}"));
    assert!(!chunks(&request, &answer).iter().any(|chunk| chunk["usage"].is_object()));
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    nothing_is_dropped_in_silence(&CHAT, &CHAT, 500);
    let compatible = Chat(&Dialect::COMPATIBLE);
    nothing_is_dropped_in_silence(&compatible, &compatible, 500);
}
