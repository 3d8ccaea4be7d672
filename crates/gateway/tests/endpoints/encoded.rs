//! Bodies that come compressed.

use axum::{body::Body, http::Request};
use serde_json::json;
use ultraai_testkit::{Server, openai};

use crate::support::{Gateway, one_upstream};

#[tokio::test]
async fn a_compressed_body_is_refused_by_the_name_of_its_encoding() {
    let server = Server::always(openai::answer("hello"));
    let gateway = Gateway::new(&one_upstream(&server.url())).await;
    let ask = async |path: &str, encodings: &[&str]| {
        let mut request = Request::post(path);
        for encoding in encodings {
            request = request.header("content-encoding", *encoding);
        }
        let body =
            json!({ "model": "fast", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 9 });
        gateway.ask(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let paths = [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/embeddings",
        "/v1/orchestrate",
    ];
    for path in paths {
        let answer = ask(path, &["gzip"]).await;
        assert_eq!(answer.status, 415, "{path}: {answer:?}");
        let error = answer.json()["error"].clone();
        let says = "the body comes in the encoding `gzip`, and none is read here: send the JSON as it is";
        assert!(error["message"].as_str().unwrap().starts_with(says), "{error}");
    }
    for path in &paths[..3] {
        assert_eq!(ask(path, &["gzip"]).await.json()["error"]["type"], "invalid_request_error", "{path}");
    }
    assert_eq!(ask("/v1/chat/completions", &["identity", "br"]).await.status, 415);
    assert!(server.requests().is_empty());
    assert_eq!(ask("/v1/chat/completions", &["Identity"]).await.status, 200);
}
