//! Whatever a server sends, an exchange ends.

use std::{io::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::time::timeout;
use ultraai_core::{
    AttemptLimits, CallContext, ChatRequest, Delivery, Error, ErrorKind, Price, Provider as _, ProviderId,
    attempt::Attempt,
};
use ultraai_testkit::{End, Framing, Reply, Server};
use ultraai_wire::Limits;

use crate::support::{SOON, ask_of, prompt, provider, with_settings};

/// The error of a request under the settings `http`; its connection is closed with it.
async fn refused(reply: Reply, http: Value) -> Error {
    let server = Server::always(reply);
    let provider = with_settings(&server.url(), http);
    let error = timeout(SOON, ask_of(&provider)).await.unwrap().unwrap_err();
    assert!(server.all_closed(SOON).await, "{error}");
    error
}

fn bomb(kind: &str, text: &[u8]) -> Reply {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    Reply::chunked(kind, [encoder.finish().unwrap()]).header("content-encoding", "gzip").ending(End::Hang)
}

#[tokio::test]
async fn each_limit_ends_with_its_own_error_and_frees_the_connection() {
    let text = "x".repeat(300);
    let json =
        || Reply::json(200, &json!([text])).framed(Framing::Chunked).in_pieces_of(50).ending(End::Hang);
    let events = || Reply::sse(vec!["0123456789"; 30]).ending(End::Hang);
    let comments = || Reply::chunked("text/event-stream", vec![": ping\n\n"; 40]).ending(End::Hang);
    let blank = || Reply::chunked("application/json", vec!["   \n\n   "; 40]).ending(End::Hang);
    let many = || (0..40).fold(json(), |reply, at| reply.header(&format!("x-{at}"), "v"));
    for (key, reply) in [
        ("max_answer_bytes", json()),
        ("max_answer_bytes", bomb("application/json", format!("[{}]", "0,".repeat(1 << 20)).as_bytes())),
        ("max_frame_bytes", Reply::sse([&text]).ending(End::Hang)),
        ("max_stream_bytes", events()),
        ("max_stream_bytes", comments()),
        ("max_stream_bytes", bomb("text/event-stream", ": ping\n\n".repeat(1 << 20).as_bytes())),
        ("max_header_bytes", many().header("x-long", &text)),
        ("max_headers", many()),
    ] {
        let error = refused(reply, json!({ key: match key { "max_headers" => 30, _ => 200 } })).await;
        assert_eq!(error.kind(), ErrorKind::Undecodable, "{error}");
        assert!(error.message().contains(&format!("(`http.{key}`)")), "{key}: {error}");
    }
    let blank = refused(blank(), json!({ "max_stream_bytes": 200, "max_answer_bytes": 200 })).await;
    assert!(blank.message().contains("larger than 200 bytes"), "{blank}");
}

#[tokio::test]
async fn what_stays_within_the_limits_is_answered() {
    let limits = json!({ "max_stream_bytes": 36, "max_frame_bytes": 16, "max_headers": 9 });
    let server = Server::always(Reply::sse(["0123456789", "0123456789"]));
    assert_eq!(ask_of(&with_settings(&server.url(), limits)).await.unwrap().text().len(), 20);
}

#[tokio::test]
async fn more_headers_than_hyper_takes_by_itself_can_be_allowed() {
    let reply =
        (0..150).fold(Reply::json(200, &json!({})), |reply, at| reply.header(&format!("x-{at}"), "v"));
    let server = Server::always(reply);
    let error = ask_of(&with_settings(&server.url(), json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Undecodable);
    assert!(error.message().contains("`http.max_headers`"), "{error}");
    assert!(ask_of(&with_settings(&server.url(), json!({ "max_headers": 200 }))).await.is_ok());
}

#[tokio::test]
async fn of_an_error_the_start_is_read_and_the_connection_is_freed() {
    let reply = Reply::chunked("text/plain", ["0123456789".repeat(9)]).with_status(400).ending(End::Hang);
    let error = refused(reply, json!({ "max_error_bytes": 15 })).await;
    assert_eq!(error.body().map(Bytes::len), Some(15));
    assert_eq!(error.message(), "012345678901234");
}

#[tokio::test]
async fn pings_alone_keep_no_attempt_alive() {
    let pings = || vec![": ping\n\n"; 400].into_iter().map(Bytes::from);
    let pinging = Reply::chunked("text/event-stream", pings()).paced(Duration::from_millis(10));
    let after_one = Reply::chunked("text/event-stream", std::iter::once("data: a\n\n".into()).chain(pings()));
    let after_one = after_one.paced(Duration::from_millis(10));
    // As fast as they can be sent, so that there is always one to be read.
    let flood = Reply::chunked("text/event-stream", vec![": ping\n\n".repeat(4000); 4000]);
    for (reply, words) in [(pinging, "first"), (after_one, "gap_timeout_seconds"), (flood, "first")] {
        let server = Server::always(reply);
        let inner = Arc::new(provider(&server.url(), Limits::default()));
        let id = ProviderId::new("pinging").unwrap();
        let attempt = Attempt::new(inner, id, None::<Price>, Arc::default());
        let mut limits = AttemptLimits::default();
        (limits.first_event, limits.gap) =
            (Some(Duration::from_millis(150)), Some(Duration::from_millis(150)));
        let cx = CallContext::new().with_limits(limits);
        let asked = async {
            let request = ChatRequest::clone(&prompt()).with_delivery(Delivery::Live);
            attempt.chat(&cx, Arc::new(request)).await?.collect().await
        };
        let error = timeout(SOON, asked).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(server.all_closed(SOON).await, "{error}");
    }
}
