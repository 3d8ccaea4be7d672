//! What an upstream was not told of a request.

use serde_json::json;
use ultraai_testkit::{Server, anthropic};

use crate::support::Gateway;

#[tokio::test]
async fn what_the_upstream_was_not_told_stands_in_the_head_whole_and_live() {
    let server = Server::start([anthropic::answer("hello"), anthropic::stream(["hel", "lo"])]);
    let settings = format!(
        "[orchestrator]\ndrop_unsupported = true\n\n\
         [providers.claude]\ntype = \"anthropic\"\nmodel = \"claude-x\"\nbase_url = \"{}\"\napi_key = \"k\"\n",
        server.url()
    );
    let gateway = Gateway::new(&settings).await;
    let ask = async |stream: bool| {
        let message = json!({ "role": "user", "content": "hi" });
        let body = json!({ "model": "claude", "seed": 7, "messages": [message], "stream": stream });
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    };
    let says = "left out of what `claude` is asked: `seed`: ";
    let whole = ask(false).await;
    assert!(whole.header("x-ultraai-left-out").contains(says), "{whole:?}");
    let live = ask(true).await;
    assert!(live.header("x-ultraai-left-out").contains(says), "{live:?}");
    // At its end it is told with what the answer lost.
    assert!(live.text.contains(&format!(": x-ultraai-left-out={says}")), "{}", live.text);
    assert!(server.requests().iter().all(|request| request.json()["seed"].is_null()));
}

#[tokio::test]
async fn where_nothing_is_left_out_nothing_is_said() {
    let server = Server::always(ultraai_testkit::openai::answer("hello"));
    let gateway = Gateway::new(&crate::support::one_upstream(&server.url())).await;
    let body = json!({ "model": "fast", "seed": 7, "messages": [{ "role": "user", "content": "hi" }] });
    let answer = gateway.post("/v1/chat/completions", &body).await;
    assert_eq!((answer.status, answer.header("x-ultraai-left-out")), (200, ""), "{answer:?}");
}
