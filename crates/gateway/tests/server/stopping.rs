//! How it ends.

use std::{io::Write as _, net::TcpStream, time::Duration};

use ultraai_testkit::{End, Reply, Server, openai};

use crate::support::{Gateway, SHORT, chat, get, read_answer, read_chunk, read_head, rest};

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
fn what_takes_too_long_is_cut_off() {
    let upstream = Server::always(endless());
    let mut gateway = Gateway::start(&upstream.url(), |gateway| gateway.shutdown_timeout = SHORT);
    let mut stream = begin(&gateway);
    gateway.app.stop();
    gateway.ended().unwrap();
    assert!(!rest(&mut stream).contains("[DONE]"));
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
