//! Embeddings, with the settings of the provider.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::{Value, json};
use ultraai_core::{BuildContext, CallContext, EmbeddingRequest, Lookup, ModelName, ProviderId, Registry};
use ultraai_provider_bedrock as _;
use ultraai_testkit::{Reply, Server};

fn context() -> BuildContext {
    let lookup =
        Lookup::new(|name| (name == "AWS_BEARER_TOKEN_BEDROCK").then(|| "key-embed-test".to_owned()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

#[tokio::test]
async fn the_providers_settings_hold_for_the_embeddings_of_each_makers_models() {
    let server = Server::answering(|received| {
        assert_eq!(received.header("authorization"), Some("Bearer key-embed-test"));
        match received.json() {
            body if body["inputText"].is_string() => {
                assert!(received.path.starts_with("/model/amazon.titan-embed-text-v2"), "{}", received.path);
                Reply::json(200, &json!({ "embedding": [1, 2], "inputTextTokenCount": 3 }))
            }
            body => {
                assert!(received.path.starts_with("/model/cohere.embed-v4"), "{}", received.path);
                let vectors: Vec<Value> =
                    body["texts"].as_array().unwrap().iter().map(|_| json!([1, 2])).collect();
                Reply::json(200, &json!({ "embeddings": { "float": vectors } }))
                    .header("x-amzn-bedrock-input-token-count", "5")
            }
        }
    });
    let settings = json!({ "base_url": server.url() });
    let embedder = Registry::linked().unwrap().embedder("bedrock", settings, &context()).unwrap();
    for (model, exchanges, tokens) in [("amazon.titan-embed-text-v2:0", 3, 9), ("cohere.embed-v4:0", 1, 5)] {
        let before = server.requests().len();
        let request = EmbeddingRequest::new(["a", "b", "c"]).with_model(ModelName::new(model).unwrap());
        let answer = embedder.embed(&CallContext::new(), &request).await.unwrap();
        assert_eq!((answer.embeddings.len(), answer.usage.unwrap().input_tokens), (3, tokens), "{model}");
        assert_eq!(server.requests().len() - before, exchanges, "{model}");
    }
}
