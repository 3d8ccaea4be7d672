//! `GET /v1/models` as both vendors' SDKs read it.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use ultraai_testkit::refusing_url;

use crate::support::{Answer, Gateway, one_upstream};

async fn gateway() -> Gateway {
    // Nobody answers there: a list waits for no upstream.
    Gateway::with(&one_upstream(&refusing_url()), |settings| {
        settings.gateway.aliases.insert("gpt-4o".into(), "default".into());
    })
    .await
}

async fn as_anthropic(gateway: &Gateway, path: &str) -> Answer {
    let request = Request::get(path).header("anthropic-version", "2023-06-01").body(Body::empty());
    gateway.ask(request.unwrap()).await
}

fn ids(body: &Value) -> Vec<&str> {
    body["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn openais_list_names_orchestrators_aliases_providers_and_their_models() {
    let gateway = gateway().await;
    let answer = gateway.get("/v1/models").await;
    let body = answer.json();
    assert_eq!((answer.status, &body["object"]), (200, &json!("list")));
    assert_eq!(ids(&body), ["default", "gpt-4o", "fast", "fast/test-model"]);
    let first = &body["data"][0];
    assert_eq!((&first["object"], &first["owned_by"]), (&json!("model"), &json!("ultraai")));
    assert!(first["created"].as_u64().unwrap() > 1_700_000_000, "{first}");
    assert_eq!(body["data"][2]["owned_by"], "compatible");
}

#[tokio::test]
async fn anthropics_list_comes_to_who_speaks_its_protocol() {
    let gateway = gateway().await;
    let body = as_anthropic(&gateway, "/v1/models").await.json();
    assert_eq!(ids(&body), ["default", "gpt-4o", "fast", "fast/test-model"]);
    assert_eq!(
        (&body["has_more"], &body["first_id"], &body["last_id"]),
        (&json!(false), &json!("default"), &json!("fast/test-model"))
    );
    let first = &body["data"][0];
    assert_eq!((&first["type"], &first["display_name"]), (&json!("model"), &json!("default")));
    let created = first["created_at"].as_str().unwrap();
    assert!(created.len() == 20 && created.ends_with('Z'), "{created}");
}

#[tokio::test]
async fn anthropics_pages_are_cut_as_its_sdk_asks_for_them() {
    let gateway = gateway().await;
    let first = as_anthropic(&gateway, "/v1/models?limit=3").await.json();
    assert_eq!((ids(&first), &first["has_more"]), (vec!["default", "gpt-4o", "fast"], &json!(true)));
    let next = as_anthropic(&gateway, "/v1/models?limit=3&after_id=fast").await.json();
    assert_eq!((ids(&next), &next["has_more"]), (vec!["fast/test-model"], &json!(false)));
    let before = as_anthropic(&gateway, "/v1/models?limit=1&before_id=fast%2Ftest-model").await.json();
    assert_eq!((ids(&before), &before["has_more"]), (vec!["fast"], &json!(true)));
    let none = as_anthropic(&gateway, "/v1/models?after_id=fast/test-model").await.json();
    assert_eq!((ids(&none).len(), &none["first_id"]), (0, &Value::Null));
}

#[tokio::test]
async fn one_is_found_by_a_name_with_slashes_however_they_are_written() {
    let gateway = gateway().await;
    for path in ["/v1/models/fast/test-model", "/v1/models/fast%2Ftest-model"] {
        let body = gateway.get(path).await.json();
        assert_eq!((&body["id"], &body["object"]), (&json!("fast/test-model"), &json!("model")), "{path}");
        let body = as_anthropic(&gateway, path).await.json();
        assert_eq!((&body["id"], &body["type"]), (&json!("fast/test-model"), &json!("model")), "{path}");
    }
}

#[tokio::test]
async fn one_that_is_not_listed_is_not_found_in_the_words_of_either_vendor() {
    let gateway = gateway().await;
    let answer = gateway.get("/v1/models/gpt-4").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.json()["error"]["message"].as_str().unwrap().contains("did you mean `gpt-4o`?"),
        "{answer:?}"
    );
    let answer = as_anthropic(&gateway, "/v1/models/gpt-4").await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (404, &json!("not_found_error")));
    let lines = gateway.log.lines(2).await;
    assert_eq!(lines[0]["error"], "model_not_found");
}

#[tokio::test]
async fn who_asks_for_a_model_that_is_not_there_is_told_of_aliases_too() {
    let gateway = gateway().await;
    let ask = async |model: &str| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hi" }] });
        let answer = gateway.post("/v1/chat/completions", &body).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask("gpt-4").await, "no model `gpt-4` here: did you mean `gpt-4o`?");
    let listed = ask("something-else").await;
    assert_eq!(listed, "no model `something-else` here: name one of default, fast, gpt-4o");
}
