//! `POST /v1/embeddings`, with an upstream on loopback.
#![expect(clippy::float_cmp, reason = "they are counts, which are whole")]

use serde_json::{Value, json};
use ultraai_testkit::{Reply, Server, openai};

use crate::support::Gateway;

fn vectors(vectors: &[&[f32]]) -> Reply {
    let data = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector }));
    Reply::json(
        200,
        &json!({
            "object": "list", "data": data.collect::<Vec<_>>(), "model": "text-embedding-3-small",
            "usage": { "prompt_tokens": 5, "total_tokens": 5 },
        }),
    )
}

/// OpenAI's form at the upstream, and a vendor that makes no embeddings beside it.
async fn gateway(url: &str) -> Gateway {
    let text = format!(
        "[providers.claude]\ntype = \"anthropic\"\nmodel = \"claude-x\"\nbase_url = \"{url}\"\n\n\
         [providers.vectors]\ntype = \"openai\"\nmodel = \"gpt-4o\"\nbase_url = \"{url}/v1\"\napi_key = \"k\"\n\n\
         [providers.vectors.price]\ninput = 2.0\noutput = 0.0\n"
    );
    Gateway::with(&text, |settings| {
        settings.gateway.aliases.insert("embedder".into(), "vectors/text-embedding-3-large".into());
    })
    .await
}

async fn embed(gateway: &Gateway, body: &Value) -> crate::support::Answer {
    gateway.post("/v1/embeddings", body).await
}

#[tokio::test]
async fn a_name_finds_the_provider_and_the_model_that_is_asked() {
    let server = Server::always(vectors(&[&[0.5, -1.0]]));
    let gateway = gateway(&server.url()).await;
    for (name, model) in [
        ("vectors", "text-embedding-3-small"),
        ("default", "text-embedding-3-small"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("vectors/text-embedding-ada-002", "text-embedding-ada-002"),
        ("embedder", "text-embedding-3-large"),
    ] {
        let answer = embed(&gateway, &json!({ "model": name, "input": "hello" })).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(server.requests().last().unwrap().json()["model"], model, "{name}");
        let body = answer.json();
        assert_eq!(body["data"][0]["embedding"], json!([0.5, -1.0]), "{name}");
        assert_eq!(body["usage"], json!({ "prompt_tokens": 5, "total_tokens": 5 }));
        assert_eq!(answer.header("x-ultraai-provider"), "vectors");
        assert_eq!(answer.header("x-ultraai-attempts"), "1");
    }
}

#[tokio::test]
async fn who_has_no_usual_model_of_embeddings_is_not_the_default_where_another_has() {
    let server = Server::always(vectors(&[&[0.5]]));
    let url = server.url();
    let first = format!("[providers.chats]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{url}/v1\"\n");
    let second =
        format!("[providers.vectors]\ntype = \"openai\"\nbase_url = \"{url}/v1\"\napi_key = \"k\"\n");
    let body = json!({ "model": "default", "input": "hello" });
    let answer = embed(&Gateway::new(&format!("{first}{second}")).await, &body).await;
    assert_eq!((answer.status, answer.header("x-ultraai-provider")), (200, "vectors"), "{answer:?}");
    let alone = embed(&Gateway::new(&first).await, &body).await;
    assert_eq!(alone.status, 404, "{alone:?}");
    assert!(alone.text.contains("name one that `chats` has, as `chats/MODEL`"), "{alone:?}");
}

#[tokio::test]
async fn vectors_come_in_base64_where_the_caller_asks_for_it() {
    let server = Server::always(vectors(&[&[0.5, -1.0], &[1.0, 2.0]]));
    let gateway = gateway(&server.url()).await;
    let body = json!({
        "model": "vectors", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 2, "user": "u-1",
    });
    let answer = embed(&gateway, &body).await.json();
    // 0.5 and -1.0, little-endian.
    assert_eq!(answer["data"][0]["embedding"], "AAAAPwAAgL8=");
    assert_eq!(answer["data"][1]["index"], 1);
    let sent = server.requests()[0].json();
    assert_eq!(
        (&sent["dimensions"], &sent["user"], &sent["input"]),
        (&json!(2), &json!("u-1"), &json!(["a", "b"]))
    );
}

#[tokio::test]
async fn tokens_are_sent_as_they_are() {
    let server = Server::always(vectors(&[&[1.0], &[1.0]]));
    let gateway = gateway(&server.url()).await;
    let answer = embed(&gateway, &json!({ "model": "vectors", "input": [[1, 2, 3], [4]] })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.requests()[0].json()["input"], json!([[1, 2, 3], [4]]));
}

#[tokio::test]
async fn what_it_used_and_cost_stands_in_the_log_and_the_measurements() {
    let server = Server::always(vectors(&[&[1.0]]));
    let gateway = gateway(&server.url()).await;
    embed(&gateway, &json!({ "model": "vectors", "input": "hello" })).await;
    let lines = gateway.log.lines(1).await;
    let line = &lines[0];
    assert_eq!((&line["input_tokens"], &line["attempts"]), (&json!(5), &json!(1)), "{line}");
    assert_eq!(
        (&line["provider"], &line["model"], &line["strategy"]),
        (&json!("vectors"), &json!("vectors"), &Value::Null)
    );
    let metrics = crate::exposition::Exposition::read(&gateway.get("/metrics").await.text);
    let of = ["gen_ai_operation_name=\"embeddings\"", "ultraai_provider_id=\"vectors\""];
    assert_eq!(metrics.sum("gen_ai_client_operation_duration_seconds_count", &of), 1.0);
    assert_eq!(metrics.sum("gen_ai_client_token_usage_sum", &of), 5.0);
}

#[tokio::test]
async fn what_cannot_be_embedded_is_refused_by_name() {
    let server = Server::start(Vec::<Reply>::new());
    let gateway = gateway(&server.url()).await;
    for (body, status, says) in [
        (json!({ "input": "x" }), 400, "`model` is missing"),
        (
            json!({ "model": "claude", "input": "x" }),
            404,
            "`claude` makes no embeddings: those that do are vectors, embedder",
        ),
        (json!({ "model": "vectros", "input": "x" }), 404, "did you mean `vectors`?"),
        (json!({ "model": "embeder", "input": "x" }), 404, "did you mean `embedder`?"),
        (json!({ "model": "vectors" }), 400, "input"),
        (json!({ "model": "vectors", "input": [] }), 400, "`input` is empty"),
        (json!({ "model": "vectors", "input": "x", "encoding_format": "hex" }), 400, "encoding_format"),
    ] {
        let answer = embed(&gateway, &body).await;
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, status, "{message}");
        assert!(message.contains(says), "{message}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_upstreams_error_is_told_in_openais_form() {
    let server = Server::start([openai::error(429, "slow down"), openai::error(400, "too long")]);
    let gateway = gateway(&server.url()).await;
    let body = json!({ "model": "vectors", "input": "hello" });
    let answer = embed(&gateway, &body).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    let answer = embed(&gateway, &body).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("too long"), "{answer:?}");
    let lines = gateway.log.lines(2).await;
    assert_eq!((&lines[0]["error"], &lines[0]["attempts"]), (&json!("rate_limited"), &json!(1)));
}
