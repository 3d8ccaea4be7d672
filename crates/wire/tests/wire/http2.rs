//! HTTP/2 behind TLS, with a private certificate authority.

use std::{sync::Arc, time::Duration};

use h2::Reason;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};
use ultraai_core::{CallContext, ErrorKind, Provider as _};

use crate::support::{
    SOON, ask_of,
    http2::{Http2, Play},
    prompt, with_settings,
};

/// Within this a server is to see that nobody waits any more.
const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    let server = Http2::start(&[Play::Answer]);
    let trusting = with_settings(&server.url(), server.settings());
    assert_eq!(ask_of(&trusting).await.unwrap().text(), "{}");
    let error = ask_of(&with_settings(&server.url(), json!({}))).await.unwrap_err();
    // A system without any certificates says so instead.
    let words = match error.kind() {
        ErrorKind::Connect => "certificate is not trusted; name a private authority by `http.ca_file`",
        _ => "install its CA certificates",
    };
    assert!(error.message().contains(words), "{error}");
    assert_eq!(server.seen().requests, 1);
}

#[tokio::test]
async fn a_file_that_is_missing_is_an_error_of_the_settings_that_reaches_no_server() {
    let server = Http2::start(&[Play::Answer]);
    let provider = with_settings(&server.url(), json!({ "ca_file": "/no/such/ca.pem" }));
    let error = ask_of(&provider).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.is_unsent());
    assert!(error.message().contains("/no/such/ca.pem"), "{error}");
    assert_eq!(server.seen().connections, 0);
}

#[tokio::test]
async fn many_requests_share_one_connection() {
    let server = Http2::start(&[Play::Answer, Play::AnswerTogether(81)]);
    let provider = Arc::new(with_settings(&server.url(), server.settings()));
    // The first makes the connection and learns that it speaks HTTP/2.
    ask_of(&provider).await.unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..80 {
        let provider = Arc::clone(&provider);
        asking.spawn(async move { ask_of(&provider).await.unwrap().text() });
    }
    let answers = tokio::time::timeout(SOON, asking.join_all()).await.unwrap();
    assert_eq!(answers, vec!["{}"; 80]);
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn who_leaves_resets_the_stream_and_the_others_go_on() {
    let server = Http2::start(&[Play::AnswerTogether(4), Play::Hang, Play::Live, Play::Half, Play::Answer]);
    let provider = Arc::new(with_settings(&server.url(), server.settings()));
    let other = {
        let provider = Arc::clone(&provider);
        let mut asking = JoinSet::new();
        asking.spawn(async move { ask_of(&provider).await.unwrap().text() });
        asking
    };
    server.sees(|seen| seen.requests == 1).await;

    let mut left = Vec::new();
    let hanging = tokio::time::timeout(Duration::from_millis(100), ask_of(&provider));
    assert!(hanging.await.is_err());
    let at = Instant::now();
    server.sees(|seen| seen.resets.len() == 1).await;
    left.push(at.elapsed());

    let mut events = provider.chat(&CallContext::new(), prompt()).await.unwrap().into_events();
    events.next().await.unwrap().unwrap();
    let at = Instant::now();
    drop(events);
    server.sees(|seen| seen.resets.len() == 2).await;
    left.push(at.elapsed());

    let half = tokio::time::timeout(Duration::from_millis(100), ask_of(&provider));
    assert!(half.await.is_err());
    let at = Instant::now();
    server.sees(|seen| seen.resets.len() == 3).await;
    left.push(at.elapsed());

    assert!(left.iter().all(|time| *time < AT_ONCE), "{left:?}");
    assert_eq!(server.seen().resets, [Reason::CANCEL; 3]);
    assert_eq!(other.join_all().await, ["{}"]);
    assert_eq!(ask_of(&provider).await.unwrap().text(), "{}");
    assert_eq!(server.seen().connections, 1);
}

#[tokio::test]
async fn a_stream_or_a_connection_that_the_server_ends_is_interrupted_and_said() {
    for (plays, words) in [
        (
            &[Play::Refuse(Reason::REFUSED_STREAM)],
            "reset the HTTP/2 stream (REFUSED_STREAM) before an answer came",
        ),
        (
            &[Play::Refuse(Reason::INTERNAL_ERROR)],
            "reset the HTTP/2 stream (INTERNAL_ERROR) before an answer came",
        ),
        (&[Play::Break(Reason::INTERNAL_ERROR)], "the server reset the HTTP/2 stream (INTERNAL_ERROR) while"),
        (&[Play::Break(Reason::CANCEL)], "the server reset the HTTP/2 stream (CANCEL) while"),
        (&[Play::GoAway], "broke off before an answer came"),
    ] {
        let server = Http2::start(plays);
        let error = ask_of(&with_settings(&server.url(), server.settings())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(error.message().contains(words), "{plays:?}: {error:?}");
        assert_eq!(server.seen().requests, 1, "{plays:?}");
    }
}
