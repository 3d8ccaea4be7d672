//! Callers who take their time.

use std::{io::Write as _, time::Duration};

use ultraai_testkit::{Reply, Server, openai, refusing_url};

use crate::support::{Gateway, SHORT, SOON, chat, get, read_answer, read_head, rest};

/// Less than the limit, so that it is never silent.
const TRICKLE: Duration = Duration::from_millis(20);

#[test]
fn a_head_that_comes_byte_by_byte_is_closed_in_time() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.idle_timeout = SHORT);
    let mut stream = gateway.connect();
    let mut writer = stream.try_clone().unwrap();
    let trickling = std::thread::spawn(move || {
        let begun = writer.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
        let mut sent = begun.is_ok();
        while sent {
            std::thread::sleep(TRICKLE);
            sent = writer.write_all(b"a").is_ok();
        }
    });
    assert_eq!(rest(&mut stream), "");
    trickling.join().unwrap();
}

#[test]
fn a_connection_without_a_request_is_closed_in_time() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.idle_timeout = SHORT);
    let mut silent = gateway.connect();
    assert_eq!(rest(&mut silent), "");
    let mut kept = gateway.connect();
    kept.write_all(get("/healthz").as_bytes()).unwrap();
    assert_eq!(read_answer(&mut kept).status, 200);
    assert_eq!(rest(&mut kept), "");
}

#[test]
fn a_body_that_stalls_is_refused() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.stall_timeout = SHORT);
    let request = chat(false);
    let answer = gateway.request(&request[..request.len() - 9]);
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("too slowly"), "{answer:?}");
}

#[test]
fn a_body_that_comes_byte_by_byte_is_refused() {
    let gateway = Gateway::start(&refusing_url(), |gateway| gateway.stall_timeout = SHORT);
    let mut stream = gateway.connect();
    let mut writer = stream.try_clone().unwrap();
    let trickling = std::thread::spawn(move || {
        let request = chat(false).replace("content-length: ", "content-length: 9");
        let begun = writer.write_all(request.as_bytes());
        let mut sent = begun.is_ok();
        while sent {
            std::thread::sleep(TRICKLE);
            sent = writer.write_all(b" ").is_ok();
        }
    });
    assert_eq!(read_answer(&mut stream).status, 408);
    rest(&mut stream);
    trickling.join().unwrap();
}

#[tokio::test]
async fn a_caller_who_reads_nothing_is_closed_and_the_provider_with_it() {
    let piece = "x".repeat(60 << 10);
    // More than the buffers of all sockets between hold.
    let upstream = Server::always(openai::stream(std::iter::repeat_n(piece.as_str(), 500)));
    let gateway = Gateway::start(&upstream.url(), |gateway| gateway.stall_timeout = SHORT);
    let mut stream = gateway.connect();
    stream.write_all(chat(true).as_bytes()).unwrap();
    assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(upstream.open_connections(), 1);
    assert!(upstream.all_closed(SOON).await);
}

#[tokio::test]
async fn a_caller_who_leaves_closes_the_connection_to_the_provider() {
    let upstream = Server::always(Reply::hang());
    let gateway = Gateway::start(&upstream.url(), |_| {});
    for is_live in [false, true] {
        let mut stream = gateway.connect();
        stream.write_all(chat(is_live).as_bytes()).unwrap();
        assert!(upstream.received(1, SOON).await);
        drop(stream);
        assert!(upstream.all_closed(SOON).await);
    }
}
