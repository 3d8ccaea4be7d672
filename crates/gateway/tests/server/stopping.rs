//! How it ends.

use std::{io::Write as _, net::TcpStream, time::Duration};

use serde_json::{Value, json};
use ultraai_gateway::ServeOptions;
use ultraai_testkit::{End, Reply, Server, openai};

use crate::support::{
    Gateway, SHORT, Written, app, chat, get, post, read_answer, read_chunk, read_head, rest,
};

/// Begins a live answer, and reads its first piece.
fn begin(gateway: &Gateway) -> TcpStream {
    let mut stream = gateway.connect();
    stream.write_all(chat(true).as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
    read_chunk(&mut stream).unwrap();
    stream
}

fn endless() -> Reply {
    openai::stream(["one"]).edited(|pieces| pieces.truncate(2)).ending(End::Hang)
}

#[test]
fn a_stream_under_way_is_finished_and_nobody_else_is_let_in() {
    let upstream = Server::always(openai::stream(["one", "two", "three"]).paced(Duration::from_millis(100)));
    let mut gateway = Gateway::start(&upstream.url(), |gateway| gateway.workers = Some(2));
    let mut streams: Vec<_> = (0..4).map(|_| begin(&gateway)).collect();
    let mut idle = gateway.connect();
    idle.write_all(get("/healthz").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut idle).status, 200);
    let mut fresh = gateway.connect();
    assert!(gateway.app.is_ready());
    gateway.app.stop();
    assert!(!gateway.app.is_ready());
    // Those who wait for another request are closed while the streams go on.
    assert_eq!((rest(&mut idle).as_str(), rest(&mut fresh).as_str()), ("", ""));
    // The workers close their sockets one after the other.
    let refused = || TcpStream::connect(gateway.address).is_err();
    assert!((0..200).any(|_| refused() || {
        std::thread::sleep(Duration::from_millis(1));
        false
    }));
    for stream in &mut streams {
        let rest = rest(stream);
        assert!(rest.contains("three") && rest.contains("[DONE]") && rest.ends_with("0\r\n\r\n"), "{rest}");
    }
    gateway.ended().unwrap();
}

#[test]
fn a_request_that_waits_for_its_answer_gets_it_and_the_connection_is_closed() {
    let upstream = Server::always(openai::answer("late").after(Duration::from_millis(200)));
    let mut gateway = Gateway::start(&upstream.url(), |_| {});
    let mut stream = gateway.connect();
    stream.write_all(chat(false).as_bytes()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(upstream.received(1, crate::support::SOON)));
    gateway.app.stop();
    let answer = read_answer(&mut stream);
    assert!(answer.status == 200 && answer.body.contains("late"), "{answer:?}");
    assert_eq!(rest(&mut stream), "");
    gateway.ended().unwrap();
}

#[test]
fn what_takes_too_long_is_cut_off_with_its_protocols_error_and_the_log_says_why() {
    let upstream = Server::always(endless());
    let log = Written::default();
    let app = app(&upstream.url(), |gateway| {
        gateway.shutdown_timeout = SHORT;
        gateway.access_log = true;
    });
    let mut gateway = Gateway::of(app.with_access_log(log.clone()), ServeOptions::default());
    let message =
        r#""model":"near","max_tokens":9,"messages":[{"role":"user","content":"hello"}],"stream":true"#;
    let streams = [
        ("/v1/chat/completions", format!("{{{message}}}"), "data: {\"error\":"),
        ("/v1/messages", format!("{{{message}}}"), "event: error\n"),
        (
            "/v1/responses",
            r#"{"model":"near","input":"hello","stream":true}"#.to_owned(),
            "event: response.failed\n",
        ),
        (
            "/v1/orchestrate",
            r#"{"model":"near","prompt":"hello","stream":true}"#.to_owned(),
            "event: error\n",
        ),
    ];
    let under_way = streams.map(|(path, body, error)| {
        let mut stream = gateway.connect();
        stream.write_all(post(path, &body).as_bytes()).unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"), "{path}");
        read_chunk(&mut stream).unwrap();
        (path, stream, error)
    });
    let mut whole = gateway.connect();
    whole.write_all(chat(false).as_bytes()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(upstream.received(5, crate::support::SOON)));
    gateway.app.stop();
    gateway.ended().unwrap();
    for (path, mut stream, error) in under_way {
        let rest = rest(&mut stream);
        assert!(rest.contains(error) && rest.contains("the server is shutting down"), "{path}: {rest}");
        assert!(!rest.contains("[DONE]") && rest.ends_with("0\r\n\r\n"), "{path}: {rest}");
        if path == "/v1/orchestrate" {
            let (_, told) = rest.rsplit_once("event: error\ndata: ").unwrap();
            let told: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
            let rows = told["report"]["ledger"]["rows"].as_array().unwrap();
            let outcomes: Vec<_> = rows.iter().map(|row| &row["outcome"]).collect();
            assert_eq!(outcomes, ["abandoned"], "{told}");
        }
    }
    let answer = read_answer(&mut whole);
    assert!(answer.status == 503 && answer.body.contains("the server is shutting down"), "{answer:?}");
    for line in log.lines(5) {
        let status = if line["stream"] == true { 200 } else { 503 };
        let told = [&line["error"], &line["client_gone"], &line["status"]];
        assert_eq!(told, [&json!("shutdown"), &json!(false), &json!(status)], "{line}");
    }
}

#[test]
fn who_reads_nothing_is_cut_off_all_the_same_and_is_not_said_to_have_left() {
    // More than the sockets hold.
    let words = "word ".repeat(4000);
    let upstream = Server::always(openai::stream(std::iter::repeat_n(words.as_str(), 1000)));
    let log = Written::default();
    let app = app(&upstream.url(), |gateway| {
        gateway.shutdown_timeout = SHORT;
        gateway.access_log = true;
    });
    let mut gateway = Gateway::of(app.with_access_log(log.clone()), ServeOptions::default());
    let stream = begin(&gateway);
    gateway.app.stop();
    gateway.ended().unwrap();
    let line = &log.lines(1)[0];
    assert_eq!((&line["error"], &line["client_gone"]), (&json!("shutdown"), &json!(false)), "{line}");
    drop(stream);
}

#[test]
fn who_asks_twice_does_not_wait() {
    let upstream = Server::always(endless());
    let hour = Duration::from_hours(1);
    let mut gateway = Gateway::start(&upstream.url(), |gateway| gateway.shutdown_timeout = hour);
    let mut stream = begin(&gateway);
    gateway.app.stop();
    gateway.app.stop();
    gateway.ended().unwrap();
    assert!(!rest(&mut stream).contains("[DONE]"));
}
