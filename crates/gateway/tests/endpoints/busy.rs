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

#[tokio::test]
async fn an_sdk_does_not_multiply_what_was_tried_again_upstream() {
    let upstream = Server::always(Reply::status(429).header("retry-after", "0"));
    for (retries, word) in [(0, ""), (1, "false")] {
        let settings = one_upstream(&format!("http://{}", upstream.address()))
            .replace("max_retries = 0", &format!("max_retries = {retries}"));
        let gateway = Gateway::new(&settings).await;
        let body =
            json!({ "model": "default", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
        for path in ["/v1/chat/completions", "/v1/messages"] {
            upstream.forget_requests();
            let answer = gateway.post(path, &body).await;
            assert_eq!((answer.status, answer.header("x-should-retry")), (429, word), "{answer:?}");
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_eq!(upstream.requests().len(), 1 + retries);
        }
    }
}

#[tokio::test]
async fn embeddings_and_counts_have_their_places_among_the_requests() {
    let upstream = Server::always(Reply::hang());
    let url = upstream.url();
    let settings = format!(
        "[orchestrator]\nmax_requests_in_flight = 1\nmax_queued_requests = 0\ntimeout_seconds = 0.5\nmax_retries = 0\n\n\
         [providers.vectors]\ntype = \"openai\"\nmodel = \"gpt-4o\"\nbase_url = \"{url}/v1\"\napi_key = \"k\"\n\n\
         [providers.claude]\ntype = \"anthropic\"\nmodel = \"claude-x\"\nbase_url = \"{url}\"\napi_key = \"k\"\n"
    );
    let gateway = Gateway::new(&settings).await;
    let messages = json!([{ "role": "user", "content": "hi" }]);
    let asks = [
        ("/v1/chat/completions", json!({ "model": "claude", "messages": messages })),
        ("/v1/embeddings", json!({ "model": "vectors", "input": "hi" })),
        ("/v1/messages/count_tokens", json!({ "model": "claude", "messages": messages })),
    ];
    for (number, (path, body)) in asks.iter().take(2).enumerate() {
        let others = async {
            assert!(upstream.received(number + 1, Duration::from_secs(10)).await);
            for (path, body) in &asks {
                let answer = gateway.post(path, body).await;
                assert_eq!(answer.status, 503, "{path}: {answer:?}");
                assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{path}");
            }
            let metrics = crate::exposition::Exposition::read(&gateway.get("/metrics").await.text);
            let of = ["ultraai_orchestrator=\"default\""];
            assert!((metrics.sum("ultraai_requests_in_flight", &of) - 1.0).abs() < 1e-9);
        };
        let (answer, ()) = tokio::join!(gateway.post(path, body), others);
        assert_eq!(answer.status, 504, "{path}: {answer:?}");
    }
    assert_eq!(upstream.requests().len(), 2);
}
