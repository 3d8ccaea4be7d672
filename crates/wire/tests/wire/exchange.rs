//! Exchanges with a loopback server, by a codec that could not be simpler.

use std::{error::Error as _, sync::Arc, time::Duration};

use serde_json::json;
use ultraai_core::{CallContext, ChatRequest, ChatResponse, ErrorKind, Provider as _, Result};
use ultraai_testkit::{Act, End, Framing, Reply, Server, refusing_url};
use ultraai_wire::{BaseUrl, Headers, Limits, Transport, TransportSettings};

use crate::support::{ask, provider};

async fn answer(reply: Reply) -> Result<ChatResponse> {
    ask(&Server::always(reply).url()).await
}

async fn failure(reply: Reply) -> (ErrorKind, String) {
    let error = answer(reply).await.unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[tokio::test]
async fn a_request_is_json_with_the_key_and_nothing_about_encodings() {
    let server = Server::always(Reply::json(200, &json!({})));
    ask(&format!("{}/v1/", server.url())).await.unwrap();
    let request = server.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/chat"));
    for (name, value) in [
        ("authorization", Some("Bearer sk-wire-test")),
        ("content-type", Some("application/json")),
        ("user-agent", Some(concat!("ultraai/", env!("CARGO_PKG_VERSION")))),
        ("accept-encoding", None),
        ("referer", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_server_decides_the_form_of_its_answer() {
    let events = "data: a\n\ndata: b\n\n";
    for (kind, body, expected) in [
        ("application/json", "{}", "{}"),
        ("text/event-stream", "{}", "{}"),
        ("text/plain", " \n[1]", " \n[1]"),
        ("", "{}", "{}"),
        ("text/event-stream", events, "ab"),
        ("text/event-stream; charset=utf-8", ": ping\n\ndata: ab\n\n", "ab"),
        ("application/json", events, "ab"),
        ("", events, "ab"),
    ] {
        assert_eq!(answer(Reply::body(200, kind, body)).await.unwrap().text(), expected, "{kind}: {body}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_without_repeating_it() {
    let undecodable = |kind: &str| {
        let message = format!("the answer is neither JSON nor a stream of events ({kind}): check `base_url`");
        (ErrorKind::Undecodable, message)
    };
    for (kind, body, expected) in [
        ("text/html", "<html>secret</html>", undecodable("text/html")),
        ("text/event-stream", "<html>secret</html>", undecodable("text/event-stream")),
        ("text/plain", "error: secret", undecodable("text/plain")),
        ("application/json", "", (ErrorKind::Undecodable, "the provider answered with an empty body".into())),
        (
            "text/event-stream",
            "\n",
            (ErrorKind::Interrupted, "the stream ended before its first event".into()),
        ),
    ] {
        assert_eq!(failure(Reply::body(200, kind, body)).await, expected, "{kind}: {body}");
    }
}

#[tokio::test]
async fn the_ids_of_exchanges_come_from_the_header_where_the_body_has_none() {
    let reply = |status| Reply::json(status, &json!({})).header("x-request-id", "req-1");
    assert_eq!(answer(reply(200)).await.unwrap().request_id.as_deref(), Some("req-1"));
    assert_eq!(answer(reply(400)).await.unwrap_err().request_id(), Some("req-1"));
    for broken in [
        Reply::html(200),
        Reply::body(200, "application/json", ""),
        Reply::json(200, &json!({})).framed(Framing::Claimed(99)).ending(End::Closed),
        Reply::sse(["a"]).ending(End::Closed),
    ] {
        let error = answer(broken.header("x-request-id", "req-1")).await.unwrap_err();
        assert_eq!(error.request_id(), Some("req-1"), "{error}");
    }
}

#[tokio::test]
async fn a_failure_carries_status_delay_and_body_and_says_no_secret() {
    let body = "no: sk-wire-test cannot ask `a prompt of some length`";
    let reply = Reply::body(429, "text/plain", body).header("retry-after", "7");
    let error = answer(reply).await.unwrap_err();
    assert_eq!(error.message(), "no: [key] cannot ask `[text of the request]`");
    assert_eq!((error.status(), error.retry_after()), (Some(429), Some(Duration::from_secs(7))));
    assert_eq!(error.body().unwrap(), body);
}

#[tokio::test]
async fn a_redirect_names_the_host_and_no_more() {
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::redirect(status, "http://elsewhere.example:81/v1?key=secret");
        let (kind, message) = failure(reply).await;
        assert_eq!(kind, ErrorKind::Undecodable);
        assert!(message.contains("at elsewhere.example,") && !message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_given_up() {
    let mut limits = Limits::default();
    (limits.body, limits.frame, limits.error_body) = (10, 10, 10);
    for (reply, kind, size) in [
        (Reply::json(200, &json!(["0123456789"])), ErrorKind::Undecodable, None),
        (Reply::body(200, "application/json", "{\"0123456789\":0}"), ErrorKind::Undecodable, None),
        (Reply::sse(["0123456789"]), ErrorKind::Undecodable, None),
        (Reply::body(400, "text/plain", "0123456789012345"), ErrorKind::Rejected, Some(10)),
    ] {
        let server = Server::always(reply);
        let request = Arc::new(ChatRequest::from_prompt("hello"));
        let reply = provider(&server.url(), limits).chat(&CallContext::new(), request).await;
        let error = match reply {
            Ok(reply) => reply.collect().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(size, size.and(error.body().map(bytes::Bytes::len)));
    }
}

#[tokio::test]
async fn no_connection_says_where_and_why() {
    let error = ask(&refusing_url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.message().starts_with("no connection to 127.0.0.1:"), "{error}");
    assert!(error.message().ends_with("refused; is the server running there?"), "{error}");
    let source = error.source().unwrap().to_string();
    assert!(!source.contains("127.0.0.1") && !source.contains("/chat"), "{source}");

    let error = ask("http://no-such-host.invalid").await.unwrap_err();
    assert_eq!(error.message(), "no connection to no-such-host.invalid:80: the host name was not found");
}

#[tokio::test]
async fn a_break_before_and_within_the_answer_is_an_interruption() {
    for (reply, words) in [
        (Reply::close(), "broke off before an answer came"),
        (Reply::reset(), "before"),
        (
            Reply::json(200, &json!({})).framed(Framing::Claimed(99)).ending(End::Closed),
            "while the answer came",
        ),
        (Reply::sse(["a", "b"]).pieces(1).ending(End::Closed), "while the answer came"),
        (Reply::acts([Act::Send("HTTP/1.1 200 OK\r\n".into()), Act::Close]), "before"),
    ] {
        let (kind, message) = failure(reply).await;
        assert!(kind == ErrorKind::Interrupted && message.contains(words), "{kind}: {message}");
    }
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let mut turn = 0;
    let server = Server::answering(move |_| {
        turn += 1;
        match turn % 3 {
            0 => Reply::body(500, "text/plain", "failed"),
            1 => Reply::json(200, &json!({})),
            _ => Reply::sse(["a", "b"]),
        }
    });
    // Connections live as long as somebody who shares them.
    let _provider = provider(&server.url(), Limits::default());
    for _ in 0..9 {
        let _ = ask(&server.url()).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_get_brings_its_response_whatever_the_status() {
    let server = Server::always(Reply::json(404, &json!({ "a": 1 })).header("x-a", "b"));
    let address = BaseUrl::parse(&server.url()).unwrap().join("models");
    let transport = Transport::new(TransportSettings::default(), &address);
    let response = transport.get(&address, &Headers::default()).await.unwrap();
    assert_eq!((response.status(), response.is_success(), response.header("x-a")), (404, false, Some("b")));
    assert_eq!(response.into_body().read(99).await.unwrap(), "{\"a\":1}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_not_there() {
    use std::io::Write as _;

    // The kit's server would wait for the end of a head that never comes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server =
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 No\r\n\r\n"));
    let error = ask(&url).await.unwrap_err();
    server.join().unwrap().unwrap();
    // A system without any certificates says so instead.
    let words = match error.kind() {
        ErrorKind::Connect => "TLS could not be agreed upon",
        _ => "install its CA certificates",
    };
    assert!(error.message().contains(words), "{error}");
    assert!(ask(&refusing_url().replace("http:", "https:")).await.is_err());
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_told_by_its_status() {
    let head = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 500\r\n\r\n{\"error\"";
    let server = Server::start([Reply::raw(head).ending(End::Hang)]);
    let error = tokio::time::timeout(Duration::from_secs(5), ask(&server.url())).await.unwrap().unwrap_err();
    assert_eq!(error.status(), Some(401));
}
