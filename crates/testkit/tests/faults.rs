//! The faulty server, seen through plain sockets.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use ultraai_testkit::{
    faults::{Fault, FaultyServer},
    gemini::Gemini,
    openai::OpenAiChat,
};

fn connect(server: &FaultyServer) -> std::io::Result<TcpStream> {
    TcpStream::connect(server.url().strip_prefix("http://").unwrap())
}

/// What comes back for a request of this body.
fn ask(server: &FaultyServer, body: &str) -> String {
    let mut stream = connect(server).unwrap();
    let head =
        format!("POST /one/v1/chat HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset is an answer too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_fault_is_played_for_every_request_and_counted() {
    let server = FaultyServer::start(&OpenAiChat, Fault::named("503-retry-after"));
    for _ in 0..2 {
        let answer = ask(&server, "{}");
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
    }
    assert_eq!((server.attempts(), server.requests()[1].path.as_str()), (2, "/one/v1/chat"));
}

#[test]
fn a_fault_of_streams_leaves_whole_answers_alone() {
    let server = FaultyServer::start(&OpenAiChat, Fault::named("missing-finish"));
    let whole = ask(&server, "{}");
    assert!(whole.contains("żółw") && whole.contains("\"finish_reason\":\"stop\""), "{whole}");
    let live = ask(&server, "{\"stream\":true}");
    assert!(live.contains("żółw") && !live.contains("\"stop\"") && live.ends_with("\r\n0\r\n\r\n"), "{live}");
}

#[test]
fn a_refused_connection_stays_refused() {
    let server = FaultyServer::start(&OpenAiChat, Fault::named("connection-refused"));
    for _ in 0..2 {
        assert_eq!(connect(&server).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!((server.attempts(), server.reads()), (0, false));
}

#[test]
fn connections_count_where_no_request_is_read() {
    let server = FaultyServer::start(&OpenAiChat, Fault::named("connection-closed"));
    let mut stream = connect(&server).unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0)));
    assert_eq!((server.attempts(), server.requests().len()), (1, 0));
}

#[test]
#[should_panic(expected = "Gemini has no fault `missing-reason`: one word says")]
fn what_a_protocol_lacks_cannot_be_started() {
    FaultyServer::start(&Gemini, Fault::named("missing-reason"));
}
