//! As many requests as may are under way.

use std::time::Duration;

use serde_json::json;
use ultraai_testkit::{Reply, Server};

use crate::support::{Gateway, one_upstream};

#[tokio::test]
async fn beyond_the_cap_a_request_is_told_to_come_again_and_the_place_is_free_afterwards() {
    let mut hang = true;
    let upstream = Server::answering(move |_| match std::mem::replace(&mut hang, false) {
        true => Reply::hang(),
        false => Reply::status(400),
    });
    let settings = one_upstream(&format!("http://{}", upstream.address())).replace(
        "[orchestrator]\n",
        "[orchestrator]\nmax_requests_in_flight = 1\nmax_queued_requests = 0\ntimeout_seconds = 0.5\n",
    );
    let gateway = Gateway::new(&settings).await;
    let body =
        json!({ "model": "default", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
    let first = gateway.post("/v1/chat/completions", &body);
    let others = async {
        // The first one is under way as soon as the upstream has it.
        assert!(upstream.received(1, Duration::from_secs(10)).await);
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let answer = gateway.post(path, &body).await;
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_eq!(answer.header("x-should-retry"), "", "an SDK may ask again after that");
        }
        let mut live = body.clone();
        live["stream"] = json!(true);
        assert_eq!(gateway.post("/v1/chat/completions", &live).await.status, 503);
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.status, 504, "{first:?}");
    assert_eq!(gateway.post("/v1/chat/completions", &body).await.status, 400);
}
