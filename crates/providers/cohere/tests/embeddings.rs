//! Embeddings and model lists, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{BuildContext, CallContext, EmbeddingRequest, Lookup, ModelName, ProviderId, Registry};
use ultraai_provider_cohere as _;
use ultraai_testkit::{Reply, Server};

fn context() -> BuildContext {
    let lookup = Lookup::new(|name| (name == "COHERE_API_KEY").then(|| "key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

#[tokio::test]
async fn the_providers_settings_hold_for_its_embeddings_and_its_models() {
    let server = Server::answering(|received| {
        assert_eq!(received.header("authorization"), Some("Bearer key-embed-test"));
        match received.path.as_str() {
            "/v2/embed" => {
                let sent = received.json();
                assert_eq!(sent["input_type"], "search_document");
                let vectors: Vec<Value> =
                    sent["texts"].as_array().unwrap().iter().map(|_| json!([1, 2])).collect();
                let meta = json!({ "billed_units": { "input_tokens": vectors.len() } });
                Reply::json(200, &json!({ "id": "it", "embeddings": { "float": vectors }, "meta": meta }))
            }
            "/v1/models?page_size=1000" => {
                Reply::json(200, &json!({ "models": [{ "name": "m", "context_length": 8 }] }))
            }
            other => panic!("{other}"),
        }
    });
    let settings = json!({ "base_url": server.url() });
    let registry = Registry::linked().unwrap();
    let embedder = registry.embedder("cohere", settings.clone(), &context()).unwrap();
    let request = EmbeddingRequest::new(vec!["a"; 100]).with_model(ModelName::new("m").unwrap());
    let answer = embedder.embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!((answer.embeddings.len(), answer.usage.unwrap().input_tokens), (100, 100));
    assert_eq!(server.requests().len(), 2);
    let lister = registry.model_lister("cohere", settings, &context()).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    assert_eq!((models[0].id.as_str(), models[0].context_window), ("m", Some(8)));
}
