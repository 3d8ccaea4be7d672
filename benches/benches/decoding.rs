//! Decoding a stream and encoding a request, beside `serde_json` doing the same with complete typed structs: as the published
//! schema, with owned strings. And what a piece of text costs in allocations.

use std::{collections::VecDeque, fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ultraai::{ChatRequest, Losses, Message, ModelName};
use ultraai_protocol_openai_chat::{Decoder, Dialect, encode};
use ultraai_wire::SseDecoder;

#[path = "decoding_chat/schema.rs"]
mod schema;

const DELTAS: usize = 500;

/// A stream as OpenAI sends it, in pieces as a socket hands them over.
fn stream() -> (Vec<Bytes>, Vec<String>) {
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","service_tier":"default","system_fingerprint":"fp","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null,"obfuscation":"abcdefgh"}}"#
        )
    };
    let mut payloads = vec![chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
    payloads.extend((0..DELTAS).map(|number| chunk(&format!(r#"{{"content":" word{number}"}}"#), "null")));
    payloads.push(chunk("{}", r#""stop""#));
    let mut text = String::new();
    for payload in &payloads {
        let _ = write!(text, "data: {payload}\n\n");
    }
    text.push_str("data: [DONE]\n\n");
    (text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect(), payloads)
}

fn decoding(criterion: &mut Criterion) {
    let (pieces, payloads) = stream();
    let mut group = criterion.benchmark_group("decode_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("openai_chat_events", |bencher| {
        bencher.iter(|| {
            let (mut sse, mut frames) = (SseDecoder::new(1 << 20), VecDeque::new());
            let (mut decoder, mut events) = (Decoder::new(&Dialect::OPENAI), VecDeque::new());
            for piece in &pieces {
                sse.push(piece, &mut frames).expect("the stream is sound");
                while let Some(frame) = frames.pop_front() {
                    decoder.push(frame.name(), &frame.data, &mut events).expect("the stream is sound");
                }
                black_box(events.drain(..).count());
            }
        });
    });
    let frames: Vec<_> = payloads.iter().map(|payload| Bytes::copy_from_slice(payload.as_bytes())).collect();
    group.bench_function("openai_chat_events_of_payloads", |bencher| {
        bencher.iter(|| events_of(&frames));
    });
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(serde_json::from_str::<schema::Chunk>(payload).expect("the payload is sound"));
            }
        });
    });
    group.finish();
    count_allocations(&frames);
}

/// Says what a piece of text costs; two are the most that are allowed, one of which is the text.
#[expect(clippy::print_stdout, reason = "it is a result of the bench")]
fn count_allocations(frames: &[Bytes]) {
    let per_delta = allocation_counter::measure(|| events_of(frames)).count_total / DELTAS as u64;
    println!("allocations per text delta: {per_delta}");
    assert!(per_delta <= 2, "{per_delta} allocations for a piece of text");
}

fn events_of(frames: &[Bytes]) {
    let (mut decoder, mut events) = (Decoder::new(&Dialect::OPENAI), VecDeque::with_capacity(16));
    for frame in frames {
        decoder.push("", frame, &mut events).expect("the payload is sound");
        black_box(events.drain(..).count());
    }
}

fn encoding(criterion: &mut Criterion) {
    let text = "The quick brown fox jumps over the lazy dog, \"twice\".\n".repeat(4);
    let messages = (0..100).map(|number| match number % 2 {
        0 => Message::user(text.as_str()),
        _ => Message::assistant(text.as_str()),
    });
    let mut request = ChatRequest::new(messages.collect()).with_max_tokens(100);
    request.model = ModelName::new("m").ok();
    let typed = schema::Request::of(&request);
    let body = encode(&Dialect::OPENAI, &request, &mut Losses::refused()).expect("it can be sent");
    assert_eq!(body, serde_json::to_vec(&typed).expect("it is JSON"));
    let mut group = criterion.benchmark_group("encode_100_messages");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("openai_chat", |bencher| {
        bencher.iter(|| black_box(encode(&Dialect::OPENAI, black_box(&request), &mut Losses::refused())));
    });
    group.bench_function("serde_json", |bencher| {
        bencher.iter(|| black_box(serde_json::to_vec(black_box(&typed))));
    });
    group.finish();
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
