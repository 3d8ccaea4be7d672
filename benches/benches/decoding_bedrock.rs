//! Decoding a binary stream of Bedrock's: bytes to events, beside `serde_json` parsing the same payloads into typed structs; and
//! encoding a conversation, beside `serde_json` writing the same from typed structs.

use std::{collections::VecDeque, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use ultraai::{ChatRequest, Framing, Losses, Message, ModelName, OwnedFrame};
use ultraai_protocol_bedrock::{Decoder, encode};
use ultraai_wire::{EventStreamDecoder, write_frame};

const DELTAS: usize = 500;

/// The frames of a stream as Bedrock sends it, and their bytes in pieces as a socket hands them over.
fn stream() -> (Vec<Bytes>, Vec<OwnedFrame>) {
    let frame = |name, data: String| OwnedFrame { name, data: data.into_bytes() };
    let mut frames = vec![frame("messageStart", r#"{"p":"abcdefghijkl","role":"assistant"}"#.into())];
    frames.extend((0..DELTAS).map(|number| {
        let data = format!(
            r#"{{"contentBlockIndex":0,"delta":{{"text":" word{number}"}},"p":"abcdefghijklmnopqrstuvwxyz"}}"#
        );
        frame("contentBlockDelta", data)
    }));
    frames.push(frame("contentBlockStop", r#"{"contentBlockIndex":0,"p":"abc"}"#.into()));
    frames.push(frame("messageStop", r#"{"p":"abc","stopReason":"end_turn"}"#.into()));
    let usage = r#"{"metrics":{"latencyMs":700},"p":"abc","usage":{"inputTokens":7,"outputTokens":500,"totalTokens":507}}"#;
    frames.push(frame("metadata", usage.into()));
    let mut bytes = Vec::new();
    for frame in &frames {
        write_frame(Framing::AwsEventStream, frame, &mut bytes);
    }
    (bytes.chunks(1400).map(Bytes::copy_from_slice).collect(), frames)
}

/// Every event of the published schema, as a typed client has them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Event {
    role: Option<String>,
    content_block_index: Option<u32>,
    delta: Option<Piece>,
    stop_reason: Option<String>,
    usage: Option<Usage>,
    metrics: Option<Metrics>,
    p: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Piece {
    text: Option<String>,
    tool_use: Option<Input>,
    reasoning_content: Option<Thought>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Input {
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Thought {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
#[expect(clippy::struct_field_names, reason = "the protocol's own names")]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Metrics {
    latency_ms: u64,
}

/// Events of the stream; returns how many there were.
fn read(pieces: &[Bytes]) -> usize {
    let (mut cut, mut frames) = (EventStreamDecoder::new(1 << 20), VecDeque::new());
    let (mut decoder, mut events) = (Decoder::new(&ChatRequest::default()), VecDeque::new());
    let mut count = 0;
    for piece in pieces {
        cut.push(piece, &mut frames).expect("the stream is sound");
        while let Some(frame) = frames.pop_front() {
            decoder.push(frame.name(), &frame.data, &mut events).expect("the stream is sound");
        }
        count += black_box(events.drain(..).count());
    }
    count
}

fn decoding(criterion: &mut Criterion) {
    let (pieces, frames) = stream();
    let mut group = criterion.benchmark_group("decode_bedrock_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("bedrock_events", |bencher| bencher.iter(|| read(&pieces)));
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for frame in &frames {
                black_box(serde_json::from_slice::<Event>(&frame.data).expect("the payload is sound"));
            }
        });
    });
    group.finish();
    let counted = allocation_counter::measure(|| {
        black_box(read(&pieces));
    });
    #[expect(clippy::cast_precision_loss, reason = "it is a count of hundreds")]
    let each = counted.count_total as f64 / DELTAS as f64;
    assert!(each <= 2.0, "{each} allocations for each delta");
    tell(each);
}

#[expect(clippy::print_stdout, reason = "a bench tells its figures")]
fn tell(each: f64) {
    println!("{each:.2} allocations for each text delta");
}

#[derive(Serialize)]
struct Body<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(rename = "inferenceConfig")]
    inference: Inference,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'a str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
struct Block<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inference {
    max_tokens: u64,
}

fn encoding(criterion: &mut Criterion) {
    let texts: Vec<_> =
        (0..100).map(|number| format!("Message {number}: \"quoted\" words. ").repeat(8)).collect();
    let messages = texts.iter().enumerate().map(|(number, text)| match number % 2 {
        0 => Message::user(text),
        _ => Message::assistant(text),
    });
    let request = ChatRequest::new(messages.collect()).with_max_tokens(500);
    let request = request.with_model(ModelName::new("us.anthropic.claude-sonnet-4-6").expect("it is a name"));
    let turns = texts.iter().enumerate().map(|(number, text)| Turn {
        role: if number % 2 == 0 { "user" } else { "assistant" },
        content: vec![Block { text }],
    });
    let typed = Body { messages: turns.collect(), inference: Inference { max_tokens: 500 } };
    let written = encode(&request, &mut Losses::refused()).expect("it can be sent");
    assert_eq!(written, serde_json::to_vec(&typed).expect("it is JSON"));
    let mut group = criterion.benchmark_group("encode_bedrock_request_of_100_messages");
    group.throughput(Throughput::Bytes(written.len() as u64));
    group.bench_function("bedrock_request", |bencher| {
        bencher
            .iter(|| black_box(encode(black_box(&request), &mut Losses::refused())).expect("it can be sent"));
    });
    group.bench_function("serde_json_of_structs", |bencher| {
        bencher.iter(|| black_box(serde_json::to_vec(black_box(&typed))).expect("it is JSON"));
    });
    group.finish();
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
