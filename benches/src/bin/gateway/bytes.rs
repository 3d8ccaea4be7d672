//! The bytes that are sent and answered, and how HTTP/1.1 is cut.

use std::fmt::Write as _;

/// The request of a whole answer: a system prompt and a question, about 1.5 KB.
pub(crate) fn whole_request(host: &str) -> Vec<u8> {
    request(host, "")
}

/// The request of a live answer of `events` events, one each `interval` milliseconds.
pub(crate) fn live_request(host: &str, events: usize, interval: u64) -> Vec<u8> {
    // The upstream reads its orders in fields that every proxy hands on.
    request(host, &format!(r#","stream":true,"max_completion_tokens":{events},"seed":{interval}"#))
}

fn request(host: &str, more: &str) -> Vec<u8> {
    let system = "You answer questions about animals in plain words. ".repeat(14);
    let question = "What do zebras eat in the dry season, and how do they find it? ".repeat(10);
    let body = format!(
        r#"{{"model":"default","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{question}"}}],"temperature":0.7{more}}}"#
    );
    let length = body.len();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nuser-agent: bench/1\r\naccept: application/json\r\n\
         authorization: Bearer sk-bench-0123456789\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// A whole answer of about 1 KB, with its head.
pub(crate) fn whole_answer() -> Vec<u8> {
    let text = "Zebras graze on grass, and on leaves and bark where there is none. ".repeat(10);
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench-model","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":317,"completion_tokens":130,"total_tokens":447,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"system_fingerprint":"fp_1"}}"#
    );
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_upstream\r\ncontent-length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// The head of a live answer.
pub(crate) const LIVE_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// Where a text with the time of sending begins, in nanoseconds since 1970.
pub(crate) const SENT: &str = "sent ";

/// One event of a live answer as a chunk.
pub(crate) fn live_event(content: &str, finish: &str) -> String {
    chunk(&format!(
        r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench-model","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{{"content":"{content}"}},"logprobs":null,"finish_reason":{finish}}}]}}"#
    ))
}

/// The end of a live answer.
pub(crate) fn live_end() -> String {
    chunk("data: [DONE]") + "0\r\n\r\n"
}

fn chunk(event: &str) -> String {
    let mut text = String::new();
    let _ = write!(text, "{:x}\r\n{event}\n\n\r\n", event.len() + 2);
    text
}

/// Where the head ends, and how long the body is that follows it.
pub(crate) fn head_of(received: &[u8]) -> Option<(usize, usize)> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((end, length.unwrap_or(0)))
}
