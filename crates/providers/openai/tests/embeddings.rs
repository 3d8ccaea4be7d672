//! Embeddings and model lists, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{BuildContext, CallContext, EmbeddingRequest, Lookup, ModelName, ProviderId, Registry};
use ultraai_provider_openai as _;
use ultraai_testkit::{Received, Reply, Server};

fn context() -> BuildContext {
    let lookup = Lookup::new(|name| (name == "OPENAI_API_KEY").then(|| "key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

fn answered(received: &Received) -> Reply {
    assert_eq!(received.header("authorization"), Some("Bearer key-embed-test"));
    assert_eq!(received.header("openai-project"), Some("proj-1"));
    if received.path == "/v1/models" {
        return Reply::json(200, &json!({ "object": "list", "data": [{ "id": "m", "owned_by": "me" }] }));
    }
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/v1/embeddings"));
    let sent = received.json();
    assert_eq!(sent["encoding_format"], "base64");
    let count = sent["input"].as_array().unwrap().len();
    let data: Vec<Value> =
        (0..count).rev().map(|index| json!({ "index": index, "embedding": "AACAPwAAAL8=" })).collect();
    Reply::json(
        200,
        &json!({ "data": data, "model": "m", "usage": { "prompt_tokens": count, "total_tokens": count } }),
    )
}

#[tokio::test]
async fn the_providers_settings_hold_for_its_embeddings_and_its_models() {
    let server = Server::answering(answered);
    let settings = json!({ "base_url": format!("{}/v1", server.url()), "project": "proj-1" });
    let registry = Registry::linked().unwrap();
    let embedder = registry.embedder("openai", settings.clone(), &context()).unwrap();
    let request = EmbeddingRequest::new(vec!["a"; 2050]).with_model(ModelName::new("m").unwrap());
    let answer = embedder.embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!((answer.embeddings.len(), answer.usage.unwrap().input_tokens), (2050, 2050));
    assert!(answer.embeddings.iter().all(|vector| *vector == [1.0, -0.5]));
    assert_eq!(server.requests().len(), 2);
    assert_eq!(embedder.name(), "openai");
    let lister = registry.model_lister("openai", settings, &context()).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    assert_eq!((models[0].id.as_str(), models[0].owned_by.as_deref()), ("m", Some("me")));
}
