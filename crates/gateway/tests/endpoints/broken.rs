//! Answers that break off.

use serde_json::json;
use ultraai_testkit::{Reply, Server};

use crate::support::Gateway;

/// A piece of a chat completion.
fn piece(text: &str) -> String {
    json!({ "id": "c", "object": "chat.completion.chunk", "model": "m", "created": 1,
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
    .to_string()
}

#[tokio::test]
async fn what_broke_off_before_anything_had_left_is_answered_by_another_one() {
    // Content and the break come together, so that both are known before the head of the answer has left.
    let broken = Server::always(Reply::sse([piece("bro")]).framed(ultraai_testkit::Framing::Length));
    let whole = Server::always(Reply::json(
        200,
        &json!({ "id": "c", "object": "chat.completion", "model": "m", "created": 1, "choices": [
            { "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "whole" } },
        ] }),
    ));
    let provider = |name: &str, server: &Server| {
        format!(
            "[providers.{name}]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{}/v1\"\n",
            server.url()
        )
    };
    let settings = format!(
        "[orchestrator]\nstrategy = \"fallback\"\nmax_retries = 0\n\n{}\n{}",
        provider("first", &broken),
        provider("second", &whole)
    );
    let gateway = Gateway::new(&settings).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let asked = json!({ "model": "default", "stream": true, "max_tokens": 9,
            "messages": [{ "role": "user", "content": "hi" }] });
        let answer = gateway.post(path, &asked).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text.contains("whole") && !answer.text.contains("bro"), "{}", answer.text);
        assert_eq!(answer.header("x-ultraai-provider"), "second");
    }
    assert_eq!(broken.requests().len(), 2, "it was asked first");
}

#[tokio::test]
async fn an_answer_that_breaks_its_schema_is_not_ended_as_a_good_one() {
    let finish = json!({ "id": "c", "object": "chat.completion.chunk", "model": "m", "created": 1,
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })
    .to_string();
    let wrong = Server::always(Reply::sse([piece("{\"a\": \"no number\"}"), finish, "[DONE]".to_owned()]));
    let settings = format!(
        "[providers.first]\ntype = \"openai\"\napi_key = \"k\"\nmodel = \"m\"\nbase_url = \"{}/v1\"\n",
        wrong.url()
    );
    let gateway = Gateway::new(&settings).await;
    let schema = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
    let asked = json!({ "model": "first", "stream": true, "messages": [{ "role": "user", "content": "hi" }],
        "response_format": { "type": "json_schema", "json_schema": { "name": "s", "schema": schema } } });
    let answer = gateway.post("/v1/chat/completions", &asked).await;
    assert!(answer.text.contains("no number"), "it passed as it came: {}", answer.text);
    assert!(answer.text.contains("\"error\"") && !answer.text.contains("[DONE]"), "{}", answer.text);
}
