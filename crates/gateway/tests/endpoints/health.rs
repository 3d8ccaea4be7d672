//! Whether it is there, and what stands nowhere.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::support::Gateway;

const MOCK: &str = "[providers.mock]\ntype = \"mock\"\n";

#[tokio::test]
async fn it_is_ready_until_it_is_told_to_stop_and_alive_all_the_time() {
    let gateway = Gateway::new(MOCK).await;
    assert_eq!(gateway.get("/readyz").await.status, 200);
    gateway.app.stop();
    let stopping = gateway.get("/readyz").await;
    assert_eq!((stopping.status, stopping.text.as_str()), (503, "stopping\n"));
    assert_eq!(gateway.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn at_an_unknown_address_the_known_ones_are_listed() {
    let gateway = Gateway::new(MOCK).await;
    let answer = gateway.get("/v1/completions").await;
    assert_eq!(answer.status, 404);
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    for address in ["GET /v1/completions", "POST /v1/chat/completions", "GET /metrics", "POST /v1/embeddings"]
    {
        assert!(message.contains(address), "{message}");
    }
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn the_wrong_method_is_told_the_right_one() {
    let gateway = Gateway::new(MOCK).await;
    let answer = gateway.get("/v1/messages").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "POST");
    let body = answer.json();
    assert_eq!(body["type"], "error", "in Anthropic's form: {body}");
    assert!(body["error"]["message"].as_str().unwrap().contains("use POST"), "{body}");
}

#[tokio::test]
async fn what_is_read_may_be_asked_for_its_head_alone() {
    let gateway = Gateway::new(MOCK).await;
    let answer = gateway.ask(Request::head("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.text.as_str()), (200, "3", ""));
    let wrong = gateway.post("/healthz", &json!({})).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET,HEAD"));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_words_of_who_asks() {
    let gateway = Gateway::new(MOCK).await;
    let (wrong, absent) = ("invalid_request_error", "not_found_error");
    // Whether the caller tells Anthropic's version, and whether it is answered in Anthropic's form.
    for (method, path, tells, is_anthropics, status, kind) in [
        ("POST", "/v1/messages/batches", false, true, 404, absent),
        ("POST", "/v1/files", true, true, 404, absent),
        ("GET", "/v1/models/", true, true, 404, absent),
        ("GET", "/v1/messages", false, true, 405, wrong),
        ("POST", "/v1/models", true, true, 405, wrong),
        ("POST", "/v1/files", false, false, 404, wrong),
        ("POST", "/v1/messagesx", false, false, 404, wrong),
        ("GET", "/v1/responses/resp_1", false, false, 404, wrong),
        ("GET", "/v1/chat/completions/x", true, false, 404, wrong),
        ("GET", "/v1/responses", false, false, 405, wrong),
    ] {
        let asked = Request::builder().method(method).uri(path);
        let asked = if tells { asked.header("anthropic-version", "2023-06-01") } else { asked };
        let answer = gateway.ask(asked.body(Body::empty()).unwrap()).await;
        let body = answer.json();
        assert_eq!((answer.status, body["error"]["type"].as_str()), (status, Some(kind)), "{path}: {body}");
        assert_eq!(body["type"] == "error", is_anthropics, "{path}: {body}");
    }
}
