//! OpenAI's Responses protocol: a stream to events, and a request to bytes, beside `serde_json` with complete typed structs.

use std::{collections::VecDeque, fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ultraai_core::{ChatEvent, ChatRequest, Codec as _, Frame, Losses, Message, ModelName, Part, Role};
use ultraai_protocol_openai_responses::Responses;
use ultraai_wire::SseDecoder;

const DELTAS: usize = 500;

/// A stream as OpenAI sends it, in pieces as a socket hands them over.
fn stream() -> (Vec<Bytes>, Vec<String>) {
    let text = |number: usize| format!(" word{number}");
    let whole: String = (0..DELTAS).map(text).collect();
    let item = |status: &str, content: Value| json!({ "id": "msg_68da7fd65a3481948bbb35ff2c79c6c2", "type": "message", "status": status, "role": "assistant", "content": content });
    let part = |text: &str| json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text });
    let response = |status: &str, output: Value, usage: Value| {
        json!({
            "id": "resp_68da7fd5d24481949fc2cf1cc60377050f", "object": "response", "created_at": 1_759_150_037, "status": status,
            "background": false, "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null,
            "max_tool_calls": null, "model": "gpt-5", "output": output, "parallel_tool_calls": true, "previous_response_id": null,
            "prompt_cache_key": null, "reasoning": { "effort": "medium", "summary": null }, "safety_identifier": null,
            "service_tier": "auto", "store": true, "temperature": 1.0, "text": { "format": { "type": "text" }, "verbosity": "medium" },
            "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "usage": usage,
            "user": null, "metadata": {},
        })
    };
    let usage = json!({ "input_tokens": 12, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": 500, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 512 });
    let done = json!([item("completed", json!([part(&whole)]))]);
    let mut events = vec![
        json!({ "type": "response.created", "response": response("in_progress", json!([]), Value::Null) }),
        json!({ "type": "response.in_progress", "response": response("in_progress", json!([]), Value::Null) }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item("in_progress", json!([])) }),
        json!({ "type": "response.content_part.added", "item_id": "msg_68da7fd65a3481948bbb35ff2c79c6c2", "output_index": 0, "content_index": 0, "part": part("") }),
    ];
    events.extend((0..DELTAS).map(|number| {
        json!({
            "type": "response.output_text.delta", "item_id": "msg_68da7fd65a3481948bbb35ff2c79c6c2", "output_index": 0,
            "content_index": 0, "delta": text(number), "logprobs": [], "obfuscation": "Jk3p0aQx",
        })
    }));
    events.extend([
        json!({ "type": "response.output_text.done", "item_id": "msg_68da7fd65a3481948bbb35ff2c79c6c2", "output_index": 0, "content_index": 0, "text": whole, "logprobs": [] }),
        json!({ "type": "response.content_part.done", "item_id": "msg_68da7fd65a3481948bbb35ff2c79c6c2", "output_index": 0, "content_index": 0, "part": part(&whole) }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": done[0] }),
        json!({ "type": "response.completed", "response": response("completed", done, usage) }),
    ]);
    let (mut payloads, mut text) = (Vec::new(), String::new());
    for (number, mut event) in events.into_iter().enumerate() {
        event["sequence_number"] = number.into();
        let _ = write!(text, "event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
        payloads.push(event.to_string());
    }
    (text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect(), payloads)
}

/// The published schema of the events of a stream of text
/// (<https://developers.openai.com/api/docs/api-reference/responses-streaming>).
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Event {
    r#type: String,
    sequence_number: u64,
    item_id: Option<String>,
    output_index: Option<u64>,
    content_index: Option<u64>,
    delta: Option<String>,
    text: Option<String>,
    logprobs: Option<Vec<Value>>,
    obfuscation: Option<String>,
    item: Option<Item>,
    part: Option<Piece>,
    response: Option<Response>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Item {
    r#type: String,
    id: String,
    status: String,
    role: String,
    content: Vec<Piece>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Piece {
    r#type: String,
    text: String,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Response {
    id: String,
    object: String,
    created_at: u64,
    status: String,
    background: Option<bool>,
    error: Option<Value>,
    incomplete_details: Option<Value>,
    instructions: Option<Value>,
    max_output_tokens: Option<u64>,
    max_tool_calls: Option<u64>,
    model: String,
    output: Vec<Item>,
    parallel_tool_calls: bool,
    previous_response_id: Option<String>,
    prompt_cache_key: Option<String>,
    reasoning: Option<Value>,
    safety_identifier: Option<String>,
    service_tier: Option<String>,
    store: Option<bool>,
    temperature: Option<f64>,
    text: Option<Value>,
    tool_choice: Value,
    tools: Vec<Value>,
    top_logprobs: Option<u64>,
    top_p: Option<f64>,
    truncation: Option<String>,
    usage: Option<Value>,
    user: Option<String>,
    metadata: Option<Value>,
}

/// Reads the stream and gives how many texts came.
fn read(pieces: &[Bytes]) -> usize {
    let (mut sse, mut frames) = (SseDecoder::new(1 << 20), VecDeque::new());
    let (mut decode, mut events) = (Responses::new().decoder(&ChatRequest::default()), VecDeque::new());
    let mut texts = 0;
    for piece in pieces {
        sse.push(piece, &mut frames).expect("the stream is sound");
        while let Some(frame) = frames.pop_front() {
            let frame = Frame { name: frame.name(), data: &frame.data };
            decode(Some(frame), &mut events).expect("the stream is sound");
        }
        texts += events.drain(..).filter(ChatEvent::is_commit).count();
    }
    texts
}

fn decoding(criterion: &mut Criterion) {
    let (pieces, payloads) = stream();
    assert_eq!(read(&pieces), DELTAS);
    let mut group = criterion.benchmark_group("decode_responses_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("events", |bencher| bencher.iter(|| black_box(read(&pieces))));
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(serde_json::from_str::<Event>(payload).expect("the payload is sound"));
            }
        });
    });
    group.finish();
}

#[derive(Serialize)]
struct Request {
    model: String,
    input: Vec<Said>,
    max_output_tokens: u64,
    temperature: f64,
}

#[derive(Serialize)]
struct Said {
    r#type: String,
    role: String,
    content: Vec<Text>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
struct Text {
    r#type: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Vec<Value>>,
}

fn encoding(criterion: &mut Criterion) {
    let text = |number: usize| format!("message {number}: ").repeat(20);
    // In two parts each, so that both sides say what the user says in a list too.
    let messages = (0..100).map(|number| {
        let role = if number % 2 == 0 { Role::User } else { Role::Assistant };
        Message::new(role, vec![Part::text(text(number)), Part::text("more")])
    });
    let mut request = ChatRequest::new(messages.collect()).with_max_tokens(500);
    request.temperature = Some(0.5);
    request.model = ModelName::new("gpt-5").ok();
    let said = |number: usize| {
        let users = number.is_multiple_of(2);
        let part = |text: String| Text {
            r#type: if users { "input_text" } else { "output_text" }.to_owned(),
            text,
            annotations: (!users).then(Vec::new),
        };
        Said {
            r#type: "message".to_owned(),
            role: if users { "user" } else { "assistant" }.to_owned(),
            content: vec![part(text(number)), part("more".to_owned())],
        }
    };
    let typed = Request {
        model: "gpt-5".to_owned(),
        input: (0..100).map(said).collect(),
        max_output_tokens: 500,
        temperature: 0.5,
    };
    let encode = || Responses::new().encode(&request, &mut Losses::refused()).expect("it can be sent");
    assert_eq!(encode(), serde_json::to_vec(&typed).expect("it is JSON"));
    let mut group = criterion.benchmark_group("encode_responses_request_of_100_messages");
    group.bench_function("request", |bencher| bencher.iter(|| black_box(encode())));
    group.bench_function("serde_json_of_structs", |bencher| {
        bencher.iter(|| black_box(serde_json::to_vec(&typed).expect("it is JSON")));
    });
    group.finish();
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
