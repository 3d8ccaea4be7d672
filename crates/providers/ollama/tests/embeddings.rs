//! Embeddings and model lists, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{BuildContext, CallContext, EmbeddingRequest, Lookup, ModelName, ProviderId, Registry};
use ultraai_provider_ollama as _;
use ultraai_testkit::{Received, Reply, Server};

fn context() -> BuildContext {
    let lookup = Lookup::new(|name| (name == "OLLAMA_API_KEY").then(|| "key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

fn answered(received: &Received) -> Reply {
    assert_eq!(received.header("authorization"), Some("Bearer key-embed-test"));
    match received.path.as_str() {
        "/api/embed" => {
            let expected: Value =
                json!({ "model": "m", "input": ["a", "b"], "truncate": false, "keep_alive": "5m" });
            assert_eq!(received.json(), expected);
            Reply::json(200, &json!({ "model": "m", "embeddings": [[1], [2]], "prompt_eval_count": 3 }))
        }
        "/api/tags" => Reply::json(200, &json!({ "models": [{ "name": "m:latest", "model": "m:latest" }] })),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_providers_settings_hold_for_its_embeddings_and_its_models() {
    let server = Server::answering(answered);
    let settings = json!({ "base_url": server.url(), "keep_alive": "5m" });
    let registry = Registry::linked().unwrap();
    let embedder = registry.embedder("ollama", settings.clone(), &context()).unwrap();
    let request = EmbeddingRequest::new(["a", "b"]).with_model(ModelName::new("m").unwrap());
    let answer = embedder.embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!((answer.embeddings, answer.usage.unwrap().input_tokens), (vec![vec![1.0], vec![2.0]], 3));
    let lister = registry.model_lister("ollama", settings, &context()).unwrap();
    assert_eq!(lister.models(&CallContext::new()).await.unwrap()[0].id, "m:latest");
    let error = registry.embedder("ollama", json!({ "base_url": "http://x/v1" }), &context()).unwrap_err();
    assert!(error.message().contains("`compatible`") && error.provider().is_some(), "{error}");
}
