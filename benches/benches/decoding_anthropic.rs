//! Anthropic's messages: decoding a stream to events and encoding a request of 100 messages, beside `serde_json` with typed
//! structs of the published schema; and the allocations of a text delta.

use std::{collections::VecDeque, fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ultraai::{ChatRequest, Codec as _, Frame, Losses, Message, ModelName};
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_wire::SseDecoder;

const DELTAS: usize = 500;

/// A stream as Anthropic sends it, event by event.
fn events(deltas: usize) -> Vec<(&'static str, String)> {
    let start = r#"{"type":"message_start","message":{"model":"claude-sonnet-4-5-20250929","id":"msg_01QJm4vCMhSZqbQhd8fFZ9DV","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}"#;
    let mut events = vec![
        ("message_start", start.to_owned()),
        (
            "content_block_start",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
                .to_owned(),
        ),
        ("ping", r#"{"type": "ping"}"#.to_owned()),
    ];
    events.extend((0..deltas).map(|number| {
        let text = format!(" word{number} and more of it");
        let delta = format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
        );
        ("content_block_delta", delta)
    }));
    events.extend([
        ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.to_owned()),
        (
            "message_delta",
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":503}}"#
                .to_owned(),
        ),
        ("message_stop", r#"{"type":"message_stop"}"#.to_owned()),
    ]);
    events
}

/// An event of the published schema, whatever its type.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    index: Option<u32>,
    delta: Option<Delta>,
    content_block: Option<Block>,
    message: Option<WholeMessage>,
    usage: Option<Usage>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Delta {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    citation: Option<Value>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<Value>,
    container: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    citations: Option<Vec<Value>>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
    caller: Option<Value>,
    tool_use_id: Option<String>,
    content: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct WholeMessage {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    role: String,
    model: String,
    content: Vec<Block>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<Value>,
    container: Option<Value>,
    usage: Usage,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation: Option<Map<String, Value>>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Map<String, Value>>,
    server_tool_use: Option<Map<String, Value>>,
    service_tier: Option<String>,
    inference_geo: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Fault {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

fn decoding(criterion: &mut Criterion) {
    let events = events(DELTAS);
    let mut text = String::new();
    for (name, payload) in &events {
        let _ = write!(text, "event: {name}\ndata: {payload}\n\n");
    }
    let pieces: Vec<_> = text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect();
    let frames: Vec<_> = events.iter().map(|(name, payload)| (*name, Bytes::from(payload.clone()))).collect();
    let (codec, request) = (Messages::new(), ChatRequest::from_prompt("hello"));

    let mut group = criterion.benchmark_group("decode_anthropic_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("events_of_payloads", |bencher| {
        bencher.iter(|| {
            let (mut decode, mut events) = (codec.decoder(&request), VecDeque::new());
            for (name, data) in &frames {
                decode(Some(Frame { name, data }), &mut events).expect("the stream is sound");
                black_box(events.drain(..).count());
            }
        });
    });
    group.bench_function("events_of_bytes", |bencher| {
        bencher.iter(|| {
            let (mut sse, mut frames) = (SseDecoder::new(1 << 20), VecDeque::new());
            let (mut decode, mut events) = (codec.decoder(&request), VecDeque::new());
            for piece in &pieces {
                sse.push(piece, &mut frames).expect("the stream is sound");
                while let Some(frame) = frames.pop_front() {
                    let frame = Frame { name: frame.name(), data: &frame.data };
                    decode(Some(frame), &mut events).expect("the stream is sound");
                }
                black_box(events.drain(..).count());
            }
        });
    });
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for (_, payload) in &frames {
                black_box(serde_json::from_slice::<Event>(payload).expect("the payload is sound"));
            }
        });
    });
    group.finish();
}

/// A request of the published schema.
#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u64,
    system: &'a str,
    messages: Vec<Turn<'a>>,
    temperature: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: &'a str,
}

fn encoding(criterion: &mut Criterion) {
    let said = |number: usize| {
        format!("This is message {number}. It has \"quotes\", a line\nand some more words. ").repeat(4)
    };
    let texts: Vec<_> = (0..100).map(said).collect();
    let mut messages = vec![Message::system("be brief")];
    messages.extend(texts.iter().enumerate().map(|(number, text)| match number % 2 {
        0 => Message::user(text),
        _ => Message::assistant(text),
    }));
    let mut request = ChatRequest::new(messages).with_max_tokens(500);
    request.model = ModelName::new("claude-sonnet-4-5").ok();
    request.temperature = Some(0.5);
    let turns = texts.iter().enumerate().map(|(number, text)| Turn {
        role: if number % 2 == 0 { "user" } else { "assistant" },
        content: text,
    });
    let typed = Request {
        model: "claude-sonnet-4-5",
        max_tokens: 500,
        system: "be brief",
        messages: turns.collect(),
        temperature: 0.5,
        stream: None,
    };
    let codec = Messages::new();
    let encode = || codec.encode(&request, &mut Losses::refused()).expect("the protocol can say it");
    let expected = serde_json::to_value(&typed).expect("it is JSON");
    let mut written = serde_json::from_slice::<Value>(&encode()).expect("it is JSON");
    // The last turn is one that the model goes on with, without white space at its end.
    written["messages"][99] = expected["messages"][99].clone();
    assert_eq!(written, expected);

    let mut group = criterion.benchmark_group("encode_anthropic_request_of_100_messages");
    group.bench_function("codec", |bencher| bencher.iter(|| black_box(encode())));
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| black_box(serde_json::to_vec(&typed).expect("it is JSON")));
    });
    group.finish();
}

/// Allocations per text delta: those of a longer stream without those of a shorter one.
#[expect(clippy::print_stdout, reason = "this is what is measured")]
#[expect(clippy::cast_precision_loss, reason = "they are few")]
fn allocations(_: &mut Criterion) {
    let codec = Messages::new();
    let request = ChatRequest::from_prompt("hello");
    let count = |deltas: usize| {
        let frames: Vec<_> =
            events(deltas).into_iter().map(|(name, payload)| (name, Bytes::from(payload))).collect();
        let (mut decode, mut events) = (codec.decoder(&request), VecDeque::with_capacity(8));
        let counted = allocation_counter::measure(|| {
            for (name, data) in &frames {
                decode(Some(Frame { name, data }), &mut events).expect("the stream is sound");
                black_box(events.drain(..).count());
            }
        });
        counted.count_total
    };
    let per_delta = (count(1000) - count(500)) as f64 / 500.0;
    println!("decode_anthropic_stream: {per_delta:.3} allocations per text delta, at most 2");
    assert!(per_delta <= 2.0, "{per_delta} allocations per text delta");
}

criterion_group!(benches, allocations, decoding, encoding);
criterion_main!(benches);
