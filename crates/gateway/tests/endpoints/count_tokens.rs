//! `POST /v1/messages/count_tokens`: counted by the vendor, or estimated with a word that it is.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use ultraai_testkit::{Reply, Server, anthropic};

use crate::support::{Answer, Gateway, one_upstream};

async fn gateway(url: &str) -> Gateway {
    let claude = format!(
        "[providers.claude]\ntype = \"anthropic\"\nmodel = \"claude-x\"\nbase_url = \"{url}\"\napi_key = \"k\"\nweight = 2\n"
    );
    Gateway::new(&format!("{}\n{claude}", one_upstream(url))).await
}

fn body(model: &str) -> Value {
    json!({
        "model": model, "system": "Be short.", "messages": [{ "role": "user", "content": "Hello there" }],
        "tools": [{ "name": "look", "input_schema": { "type": "object" } }],
    })
}

async fn count(gateway: &Gateway, body: &Value) -> Answer {
    gateway.post("/v1/messages/count_tokens", body).await
}

#[tokio::test]
async fn the_vendor_counts_what_it_is_sent_as_it_came() {
    let server = Server::start([Reply::json(200, &json!({ "input_tokens": 2095 }))]);
    let gateway = gateway(&server.url()).await;
    let answer = count(&gateway, &body("claude")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "input_tokens": 2095 })));
    assert_eq!(answer.header("x-ultraai-estimated"), "");
    assert_eq!(answer.header("x-ultraai-provider"), "claude");
    let sent = &server.requests()[0];
    assert_eq!((sent.path.as_str(), sent.header("x-api-key")), ("/v1/messages/count_tokens", Some("k")));
    assert_eq!(sent.json(), body("claude-x"));
    let lines = gateway.log.lines(1).await;
    assert_eq!((&lines[0]["attempts"], &lines[0]["status"]), (&json!(0), &json!(200)), "it is asked nothing");
}

#[tokio::test]
async fn the_betas_of_the_head_are_the_counts_too() {
    let server = Server::start([Reply::json(200, &json!({ "input_tokens": 7 }))]);
    let gateway = gateway(&server.url()).await;
    let asked = Request::post("/v1/messages/count_tokens").header("anthropic-beta", "b-1,b-2");
    let answer = gateway.ask(asked.body(Body::from(body("claude").to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.requests()[0].header("anthropic-beta"), Some("b-1,b-2"));
}

#[tokio::test]
async fn who_counts_nothing_is_estimated_and_the_head_says_so() {
    let server = Server::start(Vec::<Reply>::new());
    let gateway = gateway(&server.url()).await;
    let answer = count(&gateway, &body("fast")).await;
    assert_eq!((answer.status, answer.header("x-ultraai-estimated")), (200, "true"));
    let tokens = answer.json()["input_tokens"].as_u64().unwrap();
    assert!((10..40).contains(&tokens), "{tokens}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_vendor_that_is_down_is_replaced_by_an_estimate() {
    let server = Server::start([anthropic::error(529, "overloaded")]);
    let gateway = gateway(&server.url()).await;
    let answer = count(&gateway, &body("claude")).await;
    assert_eq!((answer.status, answer.header("x-ultraai-estimated")), (200, "true"), "{answer:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_told_in_anthropics_form() {
    let server = Server::start([anthropic::error(400, "messages: roles must alternate")]);
    let gateway = gateway(&server.url()).await;
    let answer = count(&gateway, &body("claude")).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["type"]),
        (400, &json!("invalid_request_error")),
        "{answer:?}"
    );
    assert!(answer.text.contains("roles must alternate"), "{answer:?}");
    let missing = count(&gateway, &json!({ "messages": [] })).await;
    assert!(missing.status == 400 && missing.text.contains("`model` is missing"), "{missing:?}");
    let unknown = count(&gateway, &body("clade")).await;
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["type"]),
        (404, &json!("not_found_error")),
        "{unknown:?}"
    );
}
