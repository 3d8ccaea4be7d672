//! Streams that break after frames have passed.

use ultraai_testkit::{End, Server};

use crate::{
    protocol::{CHAT, MESSAGES, PROTOCOLS, Protocol, RESPONSES, written},
    support::{Answer, Gateway},
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
