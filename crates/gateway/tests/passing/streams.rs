//! Streams.

use std::time::Duration;

use ultraai_testkit::Server;

use crate::{
    protocol::{CHAT, COST, PROTOCOLS, written},
    support::{Gateway, providers},
};

#[tokio::test]
async fn the_frames_of_an_upstream_pass_untouched_and_usage_is_told_to_those_who_ask() {
    for protocol in PROTOCOLS {
        let server = Server::always(protocol.live());
        let gateway = Gateway::over(&server).await;
        for asks in [false, true] {
            let body = match asks {
                true => protocol.asking_live(protocol.provider),
                false => protocol.just_live(protocol.provider),
            };
            let answer = gateway.post(protocol.path, &body).await;
            let sent = server.requests().pop().unwrap().body;
            assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), protocol.asking_live("m-up"));
            let unasked = protocol.unasked.filter(|_| !asks);
            let frames = protocol.frames.iter().enumerate().filter(|(place, _)| Some(*place) != unasked);
            let expected: String = frames.map(|(_, frame)| written(*frame)).collect();
            assert_eq!((answer.status, answer.text), (200, expected), "{}", protocol.path);
            // Usage stands in the ledger, whoever asked for it.
            let told = format!("x-ultraai-provider={} x-ultraai-strategy=fallback", protocol.provider);
            assert_eq!(answer.comments, format!(": {told} x-ultraai-attempts=1 x-ultraai-cost={COST}\n\n"));
            assert_eq!(answer.headers["x-ultraai-provider"], protocol.provider);
        }
    }
}

#[tokio::test]
async fn who_answered_is_told_at_the_end_where_the_head_left_before() {
    let server = Server::always(CHAT.live().after(Duration::from_millis(200)));
    let keep_alive = "[gateway]\nkeep_alive_seconds = 0.02\n";
    let gateway = Gateway::new(&format!("{keep_alive}{}", providers(&server))).await;
    let answer = gateway.post(CHAT.path, &CHAT.asking_live("chat")).await;
    assert_eq!((answer.status, answer.header("x-ultraai-provider")), (200, ""));
    assert!(answer.comments.starts_with(": working\n\n"), "{}", answer.comments);
    let end = ": x-ultraai-provider=chat x-ultraai-strategy=fallback x-ultraai-attempts=1 ";
    assert!(answer.comments.contains(end), "{}", answer.comments);
}

#[tokio::test]
async fn frames_that_come_in_small_pieces_are_the_same() {
    for protocol in PROTOCOLS {
        let server = Server::always(protocol.live().in_pieces_of(7));
        let gateway = Gateway::over(&server).await;
        let answer = gateway.post(protocol.path, &protocol.asking_live(protocol.provider)).await;
        let expected: String = protocol.frames.iter().map(|frame| written(*frame)).collect();
        assert_eq!(answer.text, expected, "{}", protocol.path);
    }
}

#[tokio::test]
async fn a_stream_without_its_last_word_gets_one() {
    let server = Server::always(CHAT.live().edited(|pieces| drop(pieces.pop())));
    let gateway = Gateway::over(&server).await;
    let answer = gateway.post(CHAT.path, &CHAT.asking_live("chat")).await;
    let expected: String = CHAT.frames.iter().map(|frame| written(*frame)).collect();
    assert_eq!(answer.text, expected);
}

#[tokio::test]
async fn the_frames_of_another_protocol_are_written_anew() {
    let server = Server::always(PROTOCOLS[2].live());
    let gateway = Gateway::over(&server).await;
    let body = r#"{"model":"messages","stream":true,"messages":[{"role":"user","content":"a"}]}"#;
    let answer = gateway.post(CHAT.path, body).await;
    let mut events = answer.events();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    assert!(events.iter().all(|event| event["object"] == "chat.completion.chunk"), "{}", answer.text);
    let said: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "hi");
}
