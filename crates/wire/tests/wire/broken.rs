//! What breaks on the way, and what was encoded, moved or garbled.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use ultraai_core::ErrorKind::{self, Interrupted, Undecodable};
use ultraai_testkit::{Act, End, Framing, Reply, Server};
use ultraai_wire::Limits;

use crate::support::{KEY, ask, ask_of, provider};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn encoded(status: u16, kind: &str, body: Vec<u8>, coding: &str) -> Reply {
    Reply::body(status, kind, body).header("content-encoding", coding)
}

async fn failure(reply: Reply) -> (ErrorKind, String) {
    let error = ask(&Server::always(reply).url()).await.unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[tokio::test]
async fn gzip_that_was_not_asked_for_is_decoded() {
    let (json, events) = (gzip("{\"a\": 1}"), gzip("data: a\n\ndata: b\n\n"));
    for (kind, body, expected) in
        [("application/json", json, "{\"a\": 1}"), ("text/event-stream", events, "ab")]
    {
        for size in [1, 7, 1000] {
            let reply = encoded(200, kind, body.clone(), "gzip").in_pieces_of(size).framed(Framing::Chunked);
            let server = Server::always(reply);
            assert_eq!(ask(&server.url()).await.unwrap().text(), expected, "{kind} in pieces of {size}");
        }
    }
    let (kind, message) = failure(encoded(400, "text/plain", gzip("this is why"), "x-gzip")).await;
    assert_eq!((kind, message.as_str()), (ErrorKind::Rejected, "this is why"));
}

#[tokio::test]
async fn broken_gzip_is_an_interruption_in_a_whole_answer_and_in_a_stream() {
    for (kind, text) in
        [("application/json", "{\"a\": 12345}"), ("text/event-stream", "data: a\n\ndata: b\n\n")]
    {
        let whole = gzip(text);
        let cut = whole[..whole.len() - 9].to_vec();
        let mut wrong = whole.clone();
        *wrong.last_mut().unwrap() ^= 1;
        for (body, words) in [(cut, "ended before its end"), (wrong, "is broken"), (text.into(), "is broken")]
        {
            let (error, message) = failure(encoded(200, kind, body, "gzip")).await;
            assert!(error == Interrupted && message.contains(words), "{kind}: {error}: {message}");
        }
    }
}

#[tokio::test]
async fn an_encoding_that_nobody_asked_for_is_named() {
    for coding in ["br", "zstd", "deflate", "gzip, br"] {
        let (kind, message) = failure(encoded(200, "application/json", b"{}".to_vec(), coding)).await;
        assert_eq!(kind, Undecodable);
        assert!(message.contains(&format!("encoded as `{coding}`, which was not asked for")), "{message}");
        // Of an error the status counts, whatever its body is.
        assert_eq!(failure(encoded(400, "text/plain", b"x".to_vec(), coding)).await.0, ErrorKind::Rejected);
    }
}

#[tokio::test]
async fn a_broken_transfer_is_an_interruption_that_says_what_broke() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let chunked = |body: &str| {
        let text = format!("{head}transfer-encoding: chunked\r\n\r\n{body}");
        Reply::acts([Act::Send(text.into()), Act::Close])
    };
    let json = Reply::json(200, &json!({ "a": 1 }));
    let stream = Reply::sse(["a", "b"]);
    for (reply, words) in [
        (chunked("2\r\n{}\r\nzz\r\n"), "the chunks of the body are broken"),
        (chunked("2\r\n{}xx"), "the chunks of the body are broken"),
        (chunked("2\r\n{}\r\n"), "broke off while the answer came"),
        (chunked("9\r\n{}"), "broke off while the answer came"),
        (json.clone().framed(Framing::Claimed(99)).ending(End::Closed), "broke off while the answer came"),
        (json.framed(Framing::Claimed(99)).ending(End::Reset), "while the answer came"),
        (stream.clone().ending(End::Reset), "while the answer came"),
        (stream.ending(End::Closed), "broke off while the answer came"),
    ] {
        let (kind, message) = failure(reply).await;
        assert!(kind == Interrupted && message.contains(words), "{kind}: {message}");
    }
}

#[tokio::test]
async fn what_does_not_speak_http_is_told_from_what_breaks_off() {
    let (kind, message) = failure(Reply::raw("220 mail.example ESMTP\r\n")).await;
    assert!(
        kind == Undecodable && message.ends_with("is not of HTTP: check `base_url`"),
        "{kind}: {message}"
    );
}

#[tokio::test]
async fn a_connection_that_dies_in_the_pool_is_an_interruption_or_a_new_connection() {
    let mut turn = 0;
    let server = Server::answering(move |_| {
        turn += 1;
        match turn {
            // The server takes the next request on this connection and dies.
            2 => Reply::reset(),
            _ => Reply::json(200, &json!({})),
        }
    });
    let provider = provider(&server.url(), Limits::default());
    ask_of(&provider).await.unwrap();
    assert_eq!(ask_of(&provider).await.unwrap_err().kind(), Interrupted);
    ask_of(&provider).await.unwrap();
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn no_redirect_takes_a_request_or_the_key_to_another_host() {
    let other = Server::always(Reply::json(200, &json!({})));
    for status in [301, 302, 303, 307, 308] {
        for location in [format!("{}/chat", other.url()), format!("//{}/chat", other.address())] {
            let server = Server::always(Reply::redirect(status, &location));
            assert_eq!(ask(&server.url()).await.unwrap_err().kind(), ErrorKind::Undecodable);
            assert!(server.requests()[0].header("authorization").unwrap().contains(KEY));
        }
    }
    assert_eq!((other.connections(), other.requests().len()), (0, 0));
}
