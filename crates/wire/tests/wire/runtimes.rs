//! Runtimes that come and go.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use ultraai_core::{CallContext, ChatEvent, Provider as _};
use ultraai_testkit::{Reply, Server};
use ultraai_wire::Limits;

use crate::support::{ask_of, prompt, provider};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_ends_takes_no_stream_of_another_one_with_it() {
    let server = Server::always(Reply::sse(["a", "b", "c"]).paced(Duration::from_millis(50)));
    let provider = provider(&server.url(), Limits::default());
    let (first, second) = (runtime(), runtime());
    // It leaves a connection that waits for its next request.
    first.block_on(ask_of(&provider)).unwrap();
    let mut events = second.block_on(async {
        let mut events = provider.chat(&CallContext::new(), prompt()).await.unwrap().into_events();
        events.next().await.unwrap().unwrap();
        events
    });
    drop(first);
    let rest = second.block_on(async {
        let mut rest = Vec::new();
        while let Some(event) = events.next().await {
            rest.push(event.unwrap());
        }
        rest
    });
    assert!(matches!(rest.last(), Some(ChatEvent::Finished { .. })), "{rest:?}");
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_runtime_uses_its_connections_again_though_others_were_between() {
    let server = Server::always(Reply::sse(["a"]));
    let provider = provider(&server.url(), Limits::default());
    let (first, second) = (runtime(), runtime());
    for _ in 0..3 {
        first.block_on(ask_of(&provider)).unwrap();
        second.block_on(ask_of(&provider)).unwrap();
    }
    assert_eq!(server.connections(), 2);
}
