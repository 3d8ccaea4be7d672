//! Embeddings and model lists, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{BuildContext, CallContext, EmbeddingRequest, Lookup, ModelName, ProviderId, Registry};
use ultraai_provider_gemini as _;
use ultraai_testkit::{Received, Reply, Server};

fn context() -> BuildContext {
    let lookup = Lookup::new(|name| (name == "GEMINI_API_KEY").then(|| "key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

fn answered(received: &Received) -> Reply {
    assert_eq!(received.header("x-goog-api-key"), Some("key-embed-test"));
    match received.path.as_str() {
        "/v1beta/models/m:batchEmbedContents" => {
            let count = received.json()["requests"].as_array().unwrap().len();
            let vectors: Vec<Value> = (0..count).map(|at| json!({ "values": [at] })).collect();
            Reply::json(
                200,
                &json!({ "embeddings": vectors, "usageMetadata": { "promptTokenCount": count } }),
            )
        }
        "/v1beta/models?pageSize=1000" => {
            Reply::json(200, &json!({ "models": [{ "name": "models/a" }], "nextPageToken": "t/1" }))
        }
        "/v1beta/models?pageSize=1000&pageToken=t%2F1" => {
            Reply::json(200, &json!({ "models": [{ "name": "models/b", "inputTokenLimit": 8 }] }))
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_providers_settings_hold_for_its_embeddings_and_its_models() {
    let server = Server::answering(answered);
    let settings = json!({ "base_url": format!("{}/v1beta", server.url()) });
    let registry = Registry::linked().unwrap();
    let embedder = registry.embedder("gemini", settings.clone(), &context()).unwrap();
    let request = EmbeddingRequest::new(vec!["a"; 150]).with_model(ModelName::new("m").unwrap());
    let answer = embedder.embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!((answer.embeddings.len(), answer.usage.unwrap().input_tokens), (150, 150));
    assert_eq!((&answer.embeddings[99], &answer.embeddings[100]), (&vec![99.0], &vec![0.0]));
    assert_eq!(embedder.name(), "gcp.gemini");
    let lister = registry.model_lister("gemini", settings, &context()).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!((ids, models[1].context_window), (vec!["a", "b"], Some(8)));
}
