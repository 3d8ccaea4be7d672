//! Streams that break after frames have passed.

use std::time::Duration;

use ultraai_testkit::{End, Server};

use crate::{
    protocol::{CHAT, MESSAGES, PROTOCOLS, Protocol, RESPONSES, written},
    support::{Answer, Gateway, providers},
};

/// What a caller gets of a stream that breaks before its last two frames.
async fn broken(protocol: &Protocol) -> Answer {
    let server = Server::always(protocol.live().pieces(protocol.frames.len() - 2).ending(End::Reset));
    let answer =
        Gateway::over(&server).await.post(protocol.path, &protocol.asking_live(protocol.provider)).await;
    assert_eq!(server.requests().len(), 1, "{}", protocol.path);
    answer
}

#[tokio::test]
async fn what_came_before_a_break_passes_and_nothing_is_made_up() {
    for protocol in PROTOCOLS {
        let answer = broken(protocol).await;
        let before: String =
            protocol.frames[..protocol.frames.len() - 2].iter().map(|frame| written(*frame)).collect();
        assert_eq!(answer.status, 200);
        let rest = answer.text.strip_prefix(&before);
        let rest = rest.unwrap_or_else(|| panic!("{}: {}", protocol.path, answer.text));
        for end in ["[DONE]", "message_stop", "response.completed"] {
            assert!(!rest.contains(end), "{rest}");
        }
    }
}

#[tokio::test]
async fn what_a_broken_stream_took_is_told_before_its_error() {
    for protocol in PROTOCOLS {
        let comments = broken(protocol).await.comments;
        let told = format!(": x-ultraai-provider={} x-ultraai-strategy=fallback ", protocol.provider);
        assert!(comments.starts_with(&told), "{comments}");
        assert!(comments.contains(" x-ultraai-attempts=1 x-ultraai-cost=0.0"), "{comments}");
    }
}

/// An upstream whose stream breaks off with an error of its own.
fn failing(kind: &str) -> Server {
    let event = format!(
        "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"Too much.\"}}}}\n\n"
    );
    // What breaks off before anything has left is an error with a status of its own.
    let pause = Duration::from_millis(100);
    Server::always(
        MESSAGES.live().edited(|pieces| pieces.splice(4.., [event.into()]).for_each(drop)).paced(pause),
    )
}

#[tokio::test]
async fn a_break_is_of_the_kind_of_what_caused_it() {
    let broke = "the answer broke off after its first pieces had been handed on: messages: ";
    for (upstreams, kind, code) in [
        ("overloaded_error", "overloaded_error", Some("overloaded")),
        ("rate_limit_error", "rate_limit_error", Some("rate_limit_exceeded")),
        ("api_error", "api_error", None),
        // The key is the operator's.
        ("authentication_error", "api_error", None),
    ] {
        let server = failing(upstreams);
        let gateway = Gateway::over(&server).await;
        let answer = gateway.post(MESSAGES.path, &MESSAGES.asking_live("messages")).await;
        let event = answer.events().pop().unwrap_or_else(|| panic!("{answer:?}"));
        let error = &event["error"];
        assert_eq!(error["type"], kind, "{upstreams}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(broke) && message.contains("Too much."), "{message}");
        let body = r#"{"model":"messages","stream":true,"messages":[{"role":"user","content":"a"}]}"#;
        let answer = gateway.post(CHAT.path, body).await;
        let event = answer.events().pop().unwrap_or_else(|| panic!("{answer:?}"));
        assert_eq!(event["error"]["code"].as_str(), code, "{upstreams}: {event}");
    }
}

#[tokio::test]
async fn a_stream_that_takes_too_long_ends_as_one_that_did() {
    let server = Server::always(MESSAGES.live().pieces(4).ending(End::Hang));
    let limit = "[orchestrator]\ntimeout_seconds = 0.3\n";
    let gateway = Gateway::new(&format!("{limit}{}", providers(&server))).await;
    let event = gateway.post(MESSAGES.path, &MESSAGES.asking_live("messages")).await.events().pop().unwrap();
    assert_eq!(event["error"]["type"], "timeout_error", "{event}");
}

#[tokio::test]
async fn a_break_is_the_error_event_of_the_protocol() {
    let event = broken(&CHAT).await.events().pop().unwrap();
    assert!(event["error"]["message"].is_string() && event["error"]["type"].is_string(), "{event}");

    let messages = broken(&MESSAGES).await;
    assert!(messages.text.contains("event: error\ndata: {"), "{}", messages.text);
    let event = messages.events().pop().unwrap();
    assert_eq!(event["type"], "error");
    assert!(event["error"]["message"].is_string() && event["error"]["type"].is_string(), "{event}");

    let mut events = broken(&RESPONSES).await.events();
    let (failed, error) = (events.pop().unwrap(), events.pop().unwrap());
    assert_eq!((&error["type"], &error["sequence_number"]), (&"error".into(), &4.into()));
    assert_eq!((&failed["type"], &failed["sequence_number"]), (&"response.failed".into(), &5.into()));
    let response = &failed["response"];
    assert_eq!((&response["id"], &response["status"]), (&"theirs-1".into(), &"failed".into()));
}
