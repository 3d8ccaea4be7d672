//! The loopback server does exactly what its replies say, seen by a client on a bare socket.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use ultraai_testkit::{Act, End, Framing, Reply, Server, openai, refusing_url};

const SOON: Duration = Duration::from_secs(2);

async fn send(stream: &mut TcpStream) {
    let request = "POST /v1/chat HTTP/1.1\r\nHost: it\r\nX-Word: Yes\r\nContent-Length: 5\r\n\r\nhello";
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// What comes over one connection until it ends or nothing comes for a while.
async fn heard(server: &Server) -> (String, Result<(), ErrorKind>) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    send(&mut stream).await;
    let mut text = Vec::new();
    let end = loop {
        let mut piece = [0; 1024];
        match tokio::time::timeout(Duration::from_millis(150), stream.read(&mut piece)).await {
            Ok(Ok(0)) => break Ok(()),
            Ok(Ok(length)) => text.extend_from_slice(&piece[..length]),
            Ok(Err(error)) => break Err(error.kind()),
            Err(_) => break Err(ErrorKind::TimedOut),
        }
    };
    (String::from_utf8(text).unwrap(), end)
}

#[tokio::test]
async fn a_reply_is_http_and_the_request_is_remembered() {
    let server = Server::start([Reply::json(429, &serde_json::json!({ "a": 1 })).header("Retry-After", "7")]);
    let (text, end) = heard(&server).await;
    let expected = "HTTP/1.1 429 Client Error\r\ncontent-type: application/json\r\nretry-after: 7\r\n\
                    content-length: 7\r\n\r\n{\"a\":1}";
    assert_eq!((text.as_str(), end), (expected, Err(ErrorKind::TimedOut)));
    let requests = server.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/v1/chat"));
    assert_eq!((requests[0].header("x-word"), &requests[0].body[..]), (Some("Yes"), &b"hello"[..]));
    assert!(server.all_closed(SOON).await);
}

#[tokio::test]
async fn one_connection_carries_several_requests() {
    let server = Server::start([Reply::status(204), Reply::status(204)]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for count in 1..=2 {
        send(&mut stream).await;
        assert!(server.received(count, SOON).await);
    }
    assert_eq!((server.connections(), server.open_connections()), (1, 1));
}

#[tokio::test]
async fn a_client_may_ask_to_close() {
    let server = Server::start([Reply::status(204)]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 204 "), "{text}");
}

#[tokio::test]
async fn events_come_in_chunks_of_their_own() {
    let (text, _) = heard(&Server::start([Reply::sse(["a", "bc"])])).await;
    let body = text.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(body, "9\r\ndata: a\n\n\r\na\r\ndata: bc\n\n\r\n0\r\n\r\n");
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    let whole = || Reply::body(200, "text/plain", "0123456789");
    let open = Err(ErrorKind::TimedOut);
    for (what, reply, body, end) in [
        ("cut and closed", whole().cut_after(4).ending(End::Closed), "0123", Ok(())),
        (
            "cut and reset",
            whole().cut_after(4).ending(End::Reset).paced(Duration::from_millis(20)),
            "0123",
            Err(ErrorKind::ConnectionReset),
        ),
        ("hanging", whole().cut_after(4).ending(End::Hang), "0123", open),
        ("until it closes", whole().framed(Framing::UntilClose), "0123456789", Ok(())),
        (
            "one piece of two",
            Reply::chunked("a/b", ["ab", "cd"]).pieces(1).ending(End::Closed),
            "2\r\nab\r\n",
            Ok(()),
        ),
        (
            "in pieces of three",
            Reply::chunked("a/b", ["ab", "cd"]).in_pieces_of(3),
            "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            open,
        ),
    ] {
        let (text, ended) = heard(&Server::start([reply])).await;
        let heard_body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert_eq!((heard_body, ended), (body, end), "{what}");
    }
    for (reply, end) in
        [(Reply::hang(), open), (Reply::close(), Ok(())), (Reply::reset(), Err(ErrorKind::ConnectionReset))]
    {
        assert_eq!(heard(&Server::start([reply])).await, (String::new(), end));
    }
    let (text, end) =
        heard(&Server::start([Reply::acts([Act::Send("HTTP/1.1 2".into()), Act::Close])])).await;
    assert_eq!((text.as_str(), end), ("HTTP/1.1 2", Ok(())));
}

#[tokio::test]
async fn a_cut_body_keeps_the_length_it_claims() {
    let (text, _) = heard(&Server::start([Reply::body(200, "a/b", "0123456789").cut_after(4)])).await;
    assert!(text.contains("content-length: 10\r\n"), "{text}");
    let (text, _) =
        heard(&Server::start([Reply::body(200, "a/b", "0123").framed(Framing::Claimed(99))])).await;
    assert!(text.contains("content-length: 99\r\n"), "{text}");
}

#[tokio::test]
async fn pauses_take_their_time() {
    let server = Server::start([Reply::sse(["a", "b"])
        .paced(Duration::from_millis(30))
        .after(Duration::from_millis(30))]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let before = Instant::now();
    send(&mut stream).await;
    let mut text = String::new();
    while !text.ends_with("0\r\n\r\n") {
        let mut piece = [0; 1024];
        let length = stream.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    assert!(before.elapsed() >= Duration::from_millis(90), "{:?}", before.elapsed());
}

#[tokio::test]
async fn a_client_that_leaves_is_seen() {
    for reply in
        [Reply::hang(), openai::stream(["a", "b"]).ending(End::Hang), Reply::status(200).after(SOON * 5)]
    {
        let server = Server::start([reply]);
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        send(&mut stream).await;
        assert!(server.received(1, SOON).await);
        assert!(!server.all_closed(Duration::from_millis(20)).await);
        drop(stream);
        assert!(server.all_closed(Duration::from_millis(100)).await);
    }
}

#[tokio::test]
#[should_panic(expected = "POST /v1/chat came, more than the 1 requests scripted")]
async fn a_request_beyond_the_script_fails_the_test() {
    let server = Server::start([Reply::status(204)]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    send(&mut stream).await;
    assert!(server.received(1, SOON).await);
    send(&mut stream).await;
    assert!(server.received(2, SOON).await);
    drop(server);
}

#[tokio::test]
async fn nobody_listens_at_a_refusing_address() {
    let url = refusing_url();
    let refused = TcpStream::connect(url.strip_prefix("http://").unwrap()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
