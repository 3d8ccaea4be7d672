//! Answers that break off.

use std::time::Duration;

use serde_json::json;
use ultraai_testkit::{Reply, Server, openai};

use crate::support::{Gateway, one_upstream};

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
async fn what_failed_says_what_it_took_and_what_was_asked_of_nobody_does_not() {
    let server = Server::always(openai::error(500, "broken"));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    for (path, stream) in [
        ("/v1/chat/completions", false),
        ("/v1/chat/completions", true),
        ("/v1/messages", false),
        ("/v1/messages", true),
        ("/v1/orchestrate", false),
    ] {
        let asked = match path {
            "/v1/orchestrate" => json!({ "model": "fast", "prompt": "hi" }),
            _ => json!({ "model": "fast", "stream": stream, "max_tokens": 9,
                "messages": [{ "role": "user", "content": "hi" }] }),
        };
        let answer = gateway.post(path, &asked).await;
        let told = (answer.header("x-ultraai-attempts"), answer.header("x-ultraai-cost"));
        assert_eq!(told, ("1", "unknown"), "{path}: {answer:?}");
        assert!(answer.status >= 500, "{path}: {answer:?}");
    }
    let refused = gateway.post("/v1/chat/completions", &json!({ "model": "fats", "messages": [] })).await;
    assert!(refused.status >= 400 && !refused.headers.contains_key("x-ultraai-attempts"), "{refused:?}");
}

#[tokio::test]
async fn the_log_says_what_broke_a_stream() {
    // The head leaves with the first piece, before the break is known.
    let pieces = [piece("bro"), piece("ken")];
    let server = Server::always(Reply::sse(pieces).paced(Duration::from_millis(100)));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    let asked = json!({ "model": "fast", "stream": true, "messages": [{ "role": "user", "content": "hi" }] });
    let answer = gateway.post("/v1/chat/completions", &asked).await;
    assert!(answer.status == 200 && answer.text.contains("ken"), "{answer:?}");
    let lines = gateway.log.lines(1).await;
    assert_eq!(
        (&lines[0]["error"], &lines[0]["provider"]),
        (&json!("interrupted"), &json!("fast")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_the_operators_matter() {
    let server = Server::always(Reply::redirect(307, "http://elsewhere.invalid/v1"));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let asked =
            json!({ "model": "fast", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
        let answer = gateway.post(path, &asked).await;
        assert_eq!(
            answer.json()["error"]["type"].as_str().unwrap().replace("api_", "server_"),
            "server_error"
        );
        assert!(answer.text.contains("set `base_url` of the provider to it"), "{answer:?}");
        assert!([500, 502].contains(&answer.status), "{answer:?}");
    }
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
