//! Requests that are larger than they may be.

use std::io::Write as _;

use ultraai_testkit::refusing_url;

use crate::support::{Gateway, get, post, read_answer};

#[test]
fn an_oversized_head_is_refused() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_header_bytes = 8 << 10);
    let with = |bytes: usize| {
        get("/healthz").replace("\r\n\r\n", &format!("\r\nx-large: {}\r\n\r\n", "a".repeat(bytes)))
    };
    assert_eq!(gateway.request(&with(7 << 10)).status, 200);
    assert_eq!(gateway.request(&with(9 << 10)).status, 431);
    let many = "x-many: a\r\n".repeat(200);
    let many = get("/healthz").replace("\r\n\r\n", &format!("\r\n{many}\r\n"));
    assert_eq!(gateway.request(&many).status, 431);
}

#[test]
fn an_oversized_body_is_refused_in_the_words_of_each_protocol() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_body_bytes = 1000);
    let body = " ".repeat(1001);
    for path in ["/v1/chat/completions", "/v1/embeddings", "/v1/responses"] {
        let answer = gateway.request(&post(path, &body));
        assert_eq!(answer.status, 413, "{answer:?}");
        let error = answer.json()["error"].clone();
        assert!(error["message"].as_str().unwrap().contains("1000 bytes"), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
        // Whoever reads that code shortens the prompt.
        assert_ne!(error["code"], "context_length_exceeded", "{error}");
    }
    let answer = gateway.request(&post("/v1/messages", &body));
    assert_eq!((answer.status, &answer.json()["type"]), (413, &"error".into()), "{answer:?}");
    assert_eq!(answer.json()["error"]["type"], "request_too_large");
}

#[test]
fn a_body_that_would_take_much_memory_is_refused_before_it_is_read() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_body_bytes = 1 << 20);
    let body = |objects: usize| format!(r#"{{"metadata":[{}1]}}"#, r#"{"a":1},"#.repeat(objects));
    let answer = gateway.request(&post("/v1/chat/completions", &body(30_000)));
    assert_eq!(answer.status, 413, "{answer:?}");
    let error = answer.json()["error"]["message"].clone();
    assert!(error.as_str().unwrap().contains("more than 16777216 bytes of memory"), "{error}");
    assert_eq!(gateway.request(&post("/v1/chat/completions", &body(10_000))).status, 400);
}

#[test]
fn who_sends_all_of_an_oversized_body_still_reads_why_it_is_refused() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_body_bytes = 1000);
    let mut stream = gateway.connect();
    // It writes all of it before it looks for an answer, as many clients do; no socket has room for that much.
    stream.write_all(post("/v1/chat/completions", &" ".repeat(24 << 20)).as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).status, 413);
}

#[test]
fn a_body_that_does_not_say_its_length_has_the_same_limit() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.max_body_bytes = 1000);
    let chunk = format!("100\r\n{}\r\n", " ".repeat(256));
    let head = "POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    let with = |chunks: usize| format!("{head}{}0\r\n\r\n", chunk.repeat(chunks));
    assert_eq!(gateway.request(&with(4)).status, 413);
    assert_eq!(gateway.request(&with(3)).status, 400);
}
