//! Ollama's and Cohere's chat protocols: a stream to events beside `serde_json` parsing the same payloads into typed structs,
//! and a request of 100 messages beside `serde_json` writing the same one from typed structs. Before that it tells the
//! allocations per piece of text.

use std::{collections::VecDeque, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ultraai::{ChatEvent, ChatRequest, Codec, Losses, Message, ModelName};
use ultraai_protocol_cohere as cohere;
use ultraai_protocol_ollama as ollama;
use ultraai_wire::{LineDecoder, SseDecoder};

const DELTAS: usize = 500;
const MESSAGES: usize = 100;

/// What Ollama's API says of a line: <https://docs.ollama.com/api/chat>.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Line {
    model: String,
    created_at: String,
    message: LineMessage,
    done: bool,
    done_reason: Option<String>,
    total_duration: Option<u64>,
    load_duration: Option<u64>,
    prompt_eval_count: Option<u64>,
    prompt_eval_duration: Option<u64>,
    eval_count: Option<u64>,
    eval_duration: Option<u64>,
    logprobs: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct LineMessage {
    role: String,
    content: String,
    thinking: Option<String>,
    tool_calls: Option<Vec<Value>>,
    images: Option<Vec<String>>,
}

/// What Cohere's API says of events, as one struct, since an enum that is told by a field inside of it is slower to parse:
/// <https://docs.cohere.com/reference/chat-stream>. The first event, where a list stands for `content`, is left out.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Event {
    r#type: String,
    id: Option<String>,
    index: Option<u32>,
    delta: Option<EventDelta>,
    logprobs: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct EventDelta {
    message: Option<EventMessage>,
    error: Option<String>,
    finish_reason: Option<String>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct EventMessage {
    role: Option<String>,
    content: Option<Content>,
    tool_plan: Option<String>,
    tool_calls: Option<Value>,
    citations: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the parsing is measured")]
struct Content {
    r#type: Option<String>,
    text: Option<String>,
    thinking: Option<String>,
}

/// A request of texts, which both protocols write alike but for the names of a few fields.
#[derive(Serialize)]
struct Request {
    model: String,
    messages: Vec<RequestMessage>,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<bool>,
}

#[derive(Serialize)]
struct RequestMessage {
    role: String,
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

fn lines() -> Vec<String> {
    let line = |message: Value, done: bool| {
        let mut line = json!({
            "model": "qwen3.6:latest", "created_at": "2026-08-07T06:08:23.577476Z", "message": message, "done": done,
        });
        if done {
            for key in
                ["total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count"]
            {
                line[key] = 1_000_000.into();
            }
            line["done_reason"] = "stop".into();
        }
        line.to_string()
    };
    let message = |text: String| json!({ "role": "assistant", "content": text });
    let mut lines: Vec<_> =
        (0..DELTAS).map(|number| line(message(format!(" word{number}")), false)).collect();
    lines.push(line(message(String::new()), true));
    lines
}

fn events() -> Vec<String> {
    let message =
        json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
    let content = |kind: &str, content: Value| {
        format!(r#"{{"type":"{kind}","index":0,"delta":{{"message":{{"content":{content}}}}}}}"#)
    };
    let mut events = vec![format!(r#"{{"id":"1","type":"message-start","delta":{{"message":{message}}}}}"#)];
    events.push(content("content-start", json!({ "type": "text", "text": "" })));
    events.extend(
        (0..DELTAS).map(|number| content("content-delta", json!({ "text": format!(" word{number}") }))),
    );
    events.push(r#"{"type":"content-end","index":0}"#.to_owned());
    let usage = json!({ "tokens": { "input_tokens": 7, "output_tokens": 3 } });
    events
        .push(format!(r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{usage}}}}}"#));
    events
}

fn cut(text: &str) -> Vec<Bytes> {
    text.as_bytes().chunks(1400).map(Bytes::copy_from_slice).collect()
}

fn read_lines(pieces: &[Bytes], events: &mut VecDeque<ChatEvent>) {
    let (mut lines, mut frames, mut decoder) =
        (LineDecoder::new(1 << 20), VecDeque::new(), ollama::Decoder::new());
    for piece in pieces {
        lines.push(piece, &mut frames).expect("the stream is sound");
        while let Some(frame) = frames.pop_front() {
            decoder.push(&frame.data, events).expect("the stream is sound");
        }
        black_box(events.drain(..).count());
    }
}

fn read_events(pieces: &[Bytes], request: &ChatRequest, events: &mut VecDeque<ChatEvent>) {
    let (mut sse, mut frames, mut decoder) =
        (SseDecoder::new(1 << 20), VecDeque::new(), cohere::Decoder::new(request));
    for piece in pieces {
        sse.push(piece, &mut frames).expect("the stream is sound");
        while let Some(frame) = frames.pop_front() {
            decoder.push(&frame.data, events).expect("the stream is sound");
        }
        black_box(events.drain(..).count());
    }
}

fn parse<'a, T: Deserialize<'a>>(payloads: &'a [String]) {
    for payload in payloads {
        black_box(serde_json::from_str::<T>(payload).expect("the payload is sound"));
    }
}

/// The allocations of the decoder alone, per piece of text.
#[expect(clippy::cast_precision_loss, clippy::print_stdout, reason = "a figure that is told")]
fn tell_allocations(name: &str, payloads: &[String], mut push: impl FnMut(&Bytes, &mut VecDeque<ChatEvent>)) {
    let frames: Vec<_> = payloads.iter().map(|payload| Bytes::copy_from_slice(payload.as_bytes())).collect();
    let mut events = VecDeque::with_capacity(64);
    let counted = allocation_counter::measure(|| {
        for frame in &frames {
            push(frame, &mut events);
            black_box(events.drain(..).count());
        }
    });
    println!("{name}: {:.3} allocations per piece of text", counted.count_total as f64 / DELTAS as f64);
}

fn decoding(criterion: &mut Criterion) {
    let (lines, events, request) = (lines(), events(), ChatRequest::from_prompt("hello"));
    let mut decoder = ollama::Decoder::new();
    tell_allocations("ollama", &lines, |frame, out| decoder.push(frame, out).expect("the stream is sound"));
    let mut decoder = cohere::Decoder::new(&request);
    tell_allocations("cohere", &events, |frame, out| decoder.push(frame, out).expect("the stream is sound"));

    let pieces = cut(&(lines.join("\n") + "\n"));
    let mut out = VecDeque::new();
    let mut group = criterion.benchmark_group("decode_lines_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group.bench_function("ollama_events", |bencher| bencher.iter(|| read_lines(&pieces, &mut out)));
    group.bench_function("serde_json_of_payloads", |bencher| bencher.iter(|| parse::<Line>(&lines)));
    group.finish();

    let text = events.join("\n\nevent: content-delta\ndata: ");
    let pieces = cut(&format!("event: message-start\ndata: {text}\n\ndata: [DONE]\n\n"));
    let mut group = criterion.benchmark_group("decode_cohere_of_500_deltas");
    group.throughput(Throughput::Bytes(pieces.iter().map(|piece| piece.len() as u64).sum()));
    group
        .bench_function("cohere_events", |bencher| bencher.iter(|| read_events(&pieces, &request, &mut out)));
    group.bench_function("serde_json_of_payloads", |bencher| bencher.iter(|| parse::<Event>(&events[1..])));
    group.finish();
}

fn encoding(criterion: &mut Criterion) {
    let text = |number: usize| {
        format!("Message {number}: \"what\" is said here, in a line\nand another one. ").repeat(4)
    };
    let messages = (0..MESSAGES).map(|number| match number % 2 {
        0 => Message::user(text(number)),
        _ => Message::assistant(text(number)),
    });
    let request = ChatRequest::new(messages.collect()).with_max_tokens(500);
    let request = request.with_model(ModelName::new("m").expect("it is a name"));
    let typed = |ollama: bool| Request {
        model: "m".into(),
        messages: request
            .messages
            .iter()
            .map(|message| RequestMessage {
                role: message.role.as_str().into(),
                content: message.text(),
                thinking: None,
                images: Vec::new(),
                tool_calls: Vec::new(),
            })
            .collect(),
        stream: false,
        tools: Vec::new(),
        format: None,
        options: ollama.then(|| json!({ "num_predict": 500 })),
        max_tokens: (!ollama).then_some(500),
        truncate: ollama.then_some(false),
    };
    let codecs: [(&str, Box<dyn Codec>); 2] =
        [("ollama", Box::new(ollama::Chat::default())), ("cohere", Box::new(cohere::Chat))];
    for (name, codec) in &codecs {
        let typed = typed(*name == "ollama");
        let written = codec.encode(&request, &mut Losses::refused()).expect("it can be sent");
        let (written, plain): (Value, Value) = (
            serde_json::from_slice(&written).expect("it is JSON"),
            serde_json::to_value(&typed).expect("it is JSON"),
        );
        assert_eq!(written, plain, "both write the same");
        let mut group = criterion.benchmark_group(format!("encode_100_messages_{name}"));
        group.bench_function("codec", |bencher| {
            bencher.iter(|| black_box(codec.encode(black_box(&request), &mut Losses::refused())));
        });
        group.bench_function("serde_json", |bencher| {
            bencher.iter(|| black_box(serde_json::to_vec(black_box(&typed))));
        });
        group.finish();
    }
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
