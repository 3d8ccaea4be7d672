//! Who does not wait any more is gone for the server too.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use ultraai_core::{CallContext, Provider as _};
use ultraai_testkit::{End, Framing, Reply, Server};
use ultraai_wire::Limits;

use crate::support::{SOON, ask_of, prompt, provider};

/// Within this a server is to see it.
const AT_ONCE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_call_that_is_dropped_before_the_head_closes_its_connection() {
    let server = Server::always(Reply::hang());
    let provider = provider(&server.url(), Limits::default());
    let mut call = Box::pin(ask_of(&provider));
    tokio::select! {
        _ = &mut call => panic!("nothing was answered"),
        came = server.received(1, SOON) => assert!(came),
    }
    assert_eq!(server.open_connections(), 1);
    drop(call);
    assert!(server.all_closed(AT_ONCE).await);
}

#[tokio::test]
async fn a_live_reply_that_is_dropped_in_the_middle_closes_its_connection() {
    let server = Server::always(Reply::sse(["a", "b"]).ending(End::Hang));
    let provider = provider(&server.url(), Limits::default());
    let mut events = provider.chat(&CallContext::new(), prompt()).await.unwrap().into_events();
    events.next().await.unwrap().unwrap();
    assert_eq!(server.open_connections(), 1);
    drop(events);
    assert!(server.all_closed(AT_ONCE).await);
}

#[tokio::test]
async fn a_whole_answer_that_is_half_read_and_dropped_closes_its_connection() {
    let half = Reply::json(200, &json!({ "a": "b" })).framed(Framing::Claimed(99)).ending(End::Hang);
    let server = Server::always(half);
    let provider = provider(&server.url(), Limits::default());
    let call = Box::pin(ask_of(&provider));
    assert!(timeout(Duration::from_millis(200), call).await.is_err());
    assert!(server.all_closed(AT_ONCE).await);
    assert_eq!((server.requests().len(), server.connections()), (1, 1));
}
