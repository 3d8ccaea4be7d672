//! Decoding a stream: bytes to events, beside `serde_json` parsing the same `data:` payloads into typed structs.

use std::{collections::VecDeque, fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use ultraai_protocol_openai_chat::Decoder;
use ultraai_wire::SseDecoder;

const DELTAS: usize = 500;

/// A stream as OpenAI sends it, in pieces as a socket hands them over.
fn stream() -> (Vec<Bytes>, Vec<String>) {
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","system_fingerprint":"fp","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
        )
    };
    let mut payloads = vec![chunk(r#"{"role":"assistant","content":""}"#, "null")];
    payloads.extend((0..DELTAS).map(|number| chunk(&format!(r#"{{"content":" word{number}"}}"#), "null")));
    payloads.push(chunk("{}", r#""stop""#));
    let mut text = String::new();
    for payload in &payloads {
        let _ = write!(text, "data: {payload}\n\n");
    }
    text.push_str("data: [DONE]\n\n");
    (text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect(), payloads)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Chunk<'a> {
    id: &'a str,
    model: &'a str,
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Choice {
    index: u32,
    delta: Piece,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Piece {
    role: Option<String>,
    content: Option<String>,
}

fn decoding(criterion: &mut Criterion) {
    let (pieces, payloads) = stream();
    let mut group = criterion.benchmark_group("decode_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("openai_chat_events", |bencher| {
        bencher.iter(|| {
            let (mut sse, mut frames) = (SseDecoder::new(1 << 20), VecDeque::new());
            let (mut decoder, mut events) = (Decoder::new(), VecDeque::new());
            for piece in &pieces {
                sse.push(piece, &mut frames).expect("the stream is sound");
                while let Some(frame) = frames.pop_front() {
                    decoder.push(frame.name(), &frame.data, &mut events).expect("the stream is sound");
                }
                black_box(events.drain(..).count());
            }
        });
    });
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(serde_json::from_str::<Chunk<'_>>(payload).expect("the payload is sound"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
