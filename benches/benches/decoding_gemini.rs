//! Gemini's protocol: a stream to events, and a request to bytes, beside `serde_json` with complete typed structs.

use std::{collections::VecDeque, fmt::Write as _, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use ultraai_core::{ChatEvent, ChatRequest, Codec as _, Losses, Message, ModelName};
use ultraai_protocol_gemini::{Decoder, GenerateContent};
use ultraai_wire::SseDecoder;

const DELTAS: usize = 500;

/// A stream as Google sends it, in pieces as a socket hands them over.
fn stream() -> (Vec<Bytes>, Vec<String>) {
    let chunk = |text: &str, finish: &str, tokens: usize| {
        format!(
            r#"{{"candidates": [{{"content": {{"parts": [{{"text": "{text}"}}],"role": "model"}},{finish}"index": 0}}],"usageMetadata": {{"promptTokenCount": 12,"candidatesTokenCount": {tokens},"totalTokenCount": {},"promptTokensDetails": [{{"modality": "TEXT","tokenCount": 12}}],"serviceTier": "standard"}},"modelVersion": "gemini-3.8-flash","responseId": "JiyGasHJHe-wjMcP4aqWmQg"}}"#,
            12 + tokens
        )
    };
    let text = |number: usize| format!(" word{number} and what a model says in one go, a few words long");
    let mut payloads: Vec<_> = (1..=DELTAS).map(|number| chunk(&text(number), "", number)).collect();
    payloads.push(chunk("", r#""finishReason": "STOP","#, DELTAS + 1));
    let mut text = String::new();
    for payload in &payloads {
        let _ = write!(text, "data: {payload}\r\n\r\n");
    }
    (text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect(), payloads)
}

/// The published schema of an answer (<https://ai.google.dev/api/generate-content>), with what a stream of text fills.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Answer {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<serde_json::Value>,
    usage_metadata: Option<Usage>,
    model_version: Option<String>,
    response_id: Option<String>,
    create_time: Option<String>,
    model_status: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
    safety_ratings: Option<Vec<serde_json::Value>>,
    citation_metadata: Option<serde_json::Value>,
    token_count: Option<u64>,
    grounding_attributions: Option<Vec<serde_json::Value>>,
    grounding_metadata: Option<serde_json::Value>,
    avg_logprobs: Option<f64>,
    logprobs_result: Option<serde_json::Value>,
    url_context_metadata: Option<serde_json::Value>,
    index: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    parts: Option<Vec<Part>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the published names")]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable_code: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_execution_result: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_metadata: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Usage {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    total_token_count: Option<u64>,
    prompt_tokens_details: Option<Vec<Tokens>>,
    cache_tokens_details: Option<Vec<Tokens>>,
    candidates_tokens_details: Option<Vec<Tokens>>,
    tool_use_prompt_tokens_details: Option<Vec<Tokens>>,
    service_tier: Option<String>,
    traffic_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Tokens {
    modality: Option<String>,
    token_count: Option<u64>,
}

/// Reads the stream and gives how many texts came.
fn read(pieces: &[Bytes]) -> usize {
    let (mut sse, mut frames) = (SseDecoder::new(1 << 20), VecDeque::new());
    let (mut decoder, mut events) = (Decoder::new(), VecDeque::new());
    let mut texts = 0;
    for piece in pieces {
        sse.push(piece, &mut frames).expect("the stream is sound");
        while let Some(frame) = frames.pop_front() {
            decoder.push(&frame.data, &mut events).expect("the stream is sound");
        }
        texts += events.drain(..).filter(ChatEvent::is_commit).count();
    }
    texts
}

#[expect(clippy::print_stdout, reason = "allocations are no time, which is all that criterion reports")]
fn decoding(criterion: &mut Criterion) {
    let (pieces, payloads) = stream();
    let allocated = allocation_counter::measure(|| assert_eq!(read(&pieces), DELTAS));
    println!(
        "gemini: {:.2} allocations per text delta",
        f64::from(u32::try_from(allocated.count_total).unwrap_or(u32::MAX)) / 500.0
    );
    let mut group = criterion.benchmark_group("decode_gemini_stream_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("events", |bencher| bencher.iter(|| black_box(read(&pieces))));
    group.bench_function("serde_json_of_payloads", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(serde_json::from_str::<Answer>(payload).expect("the payload is sound"));
            }
        });
    });
    group.finish();
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    contents: Vec<Content>,
    generation_config: Config,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    max_output_tokens: u64,
    temperature: f64,
}

fn encoding(criterion: &mut Criterion) {
    let text = |number: usize| format!("message {number}: ").repeat(20);
    let messages = (0..100).map(|number| match number % 2 {
        0 => Message::user(text(number)),
        _ => Message::assistant(text(number)),
    });
    let mut request = ChatRequest::new(messages.collect()).with_max_tokens(500);
    request.temperature = Some(0.5);
    request.model = ModelName::new("gemini-3.8-flash").ok();
    let contents = (0..100).map(|number| Content {
        role: Some(if number % 2 == 0 { "user" } else { "model" }.to_owned()),
        parts: Some(vec![Part { text: Some(text(number)), ..Part::default() }]),
    });
    let generation_config = Config { max_output_tokens: 500, temperature: 0.5 };
    let typed = Request { contents: contents.collect(), generation_config };
    let codec = GenerateContent::new();
    let encode = || codec.encode(&request, &mut Losses::refused()).expect("it can be sent");
    assert_eq!(encode(), serde_json::to_vec(&typed).expect("it is JSON"));
    let mut group = criterion.benchmark_group("encode_gemini_request_of_100_messages");
    group.bench_function("request", |bencher| bencher.iter(|| black_box(encode())));
    group.bench_function("serde_json_of_structs", |bencher| {
        bencher.iter(|| black_box(serde_json::to_vec(&typed).expect("it is JSON")));
    });
    group.finish();
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
