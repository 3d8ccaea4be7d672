//! Embeddings and model lists, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, EmbeddingRequest, EmbeddingTask, Lookup, ModelName, ProviderId, Registry,
};
use ultraai_provider_compatible as _;
use ultraai_testkit::{Received, Reply, Server};

fn context() -> BuildContext {
    let lookup = Lookup::new(|_| Some("key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

async fn sent(name: &str, request: &EmbeddingRequest) -> Vec<Received> {
    let server = Server::answering(|received| {
        let count = received.json()["input"].as_array().unwrap().len();
        let data: Vec<Value> = (0..count).map(|index| json!({ "index": index, "embedding": [1] })).collect();
        Reply::json(200, &json!({ "data": data, "model": "m" }))
    });
    let settings = json!({ "base_url": format!("{}/v1", server.url()) });
    let embedder = Registry::linked().unwrap().embedder(name, settings, &context()).unwrap();
    let answer = embedder.embed(&CallContext::new(), request).await.unwrap();
    assert_eq!(answer.embeddings.len(), request.input.len());
    server.requests()
}

#[tokio::test]
async fn each_vendor_is_asked_in_its_own_words_and_batches() {
    let many =
        EmbeddingRequest::new(vec!["a"; 300]).with_model(ModelName::new("m").unwrap()).with_dimensions(8);
    for (name, exchanges, dimensions, format) in [
        ("azure.ai.openai", 1, "dimensions", json!("base64")),
        ("mistral", 2, "output_dimension", Value::Null),
        ("qwen", 30, "dimensions", Value::Null),
        ("together", 3, "dimensions", Value::Null),
    ] {
        let requests = sent(name, &many).await;
        assert_eq!(requests.len(), exchanges, "{name}");
        let first = &requests[0];
        assert_eq!(
            (first.path.as_str(), &first.json()["encoding_format"]),
            ("/v1/embeddings", &format),
            "{name}"
        );
        assert_eq!(first.json()[dimensions], 8, "{name}");
        let header = if name.starts_with("azure") { "api-key" } else { "authorization" };
        assert!(first.header(header).unwrap().ends_with("key-embed-test"), "{name}");
    }
    let query = EmbeddingRequest::new(["a"]).with_model(ModelName::new("m").unwrap());
    let requests = sent("nvidia", &query.with_task(EmbeddingTask::Document)).await;
    assert_eq!(requests[0].json()["input_type"], "passage");
}

#[tokio::test]
async fn models_are_listed_and_who_lists_none_is_not_asked() {
    let server = Server::always(Reply::json(200, &json!([{ "id": "m", "context_length": 8 }])));
    let settings = json!({ "base_url": format!("{}/v1", server.url()) });
    let registry = Registry::linked().unwrap();
    let lister = registry.model_lister("together", settings.clone(), &context()).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    assert_eq!((models[0].id.as_str(), models[0].context_window), ("m", Some(8)));
    assert_eq!(server.requests()[0].path, "/v1/models");
    let error = registry.model_lister("perplexity", settings.clone(), &context()).unwrap_err().to_string();
    assert!(error.starts_with("the provider `perplexity` lists no models"), "{error}");
    let error = registry.embedder("groq", settings, &context()).unwrap_err().to_string();
    assert!(error.starts_with("the provider `groq` makes no embeddings"), "{error}");
}

#[test]
fn every_row_is_that_of_a_vendor() {
    let registry = Registry::linked().unwrap();
    let rows = registry.embedders().map(|row| row.name).chain(registry.model_listers().map(|row| row.name));
    for name in rows {
        let settings = json!({ "base_url": "http://localhost:9/v1" });
        assert!(registry.provider(name, settings, &context()).is_ok(), "{name}");
    }
}
