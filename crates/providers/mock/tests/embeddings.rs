//! Vectors without a model.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;
use ultraai_core::{
    BuildContext, CallContext, Embedder, EmbeddingInput, EmbeddingRequest, ErrorKind, Lookup, ModelName,
    ProviderId, Registry, Usage,
};
use ultraai_provider_mock as _;

fn context() -> BuildContext {
    BuildContext::new(ProviderId::new("mine").unwrap(), Lookup::empty())
}

fn embedder(settings: Value) -> Arc<dyn Embedder> {
    Registry::linked().unwrap().embedder("mock", settings, &context()).unwrap()
}

fn likeness(one: &[f32], two: &[f32]) -> f32 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}

#[tokio::test]
async fn equal_texts_have_equal_vectors_and_texts_that_share_words_similar_ones() {
    let texts = ["the cat sat on the mat", "The cat sat on a mat.", "stock prices fell sharply", ""];
    let request = EmbeddingRequest::new(texts).with_model(ModelName::new("m").unwrap()).with_dimensions(256);
    let answer = embedder(json!({})).embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!(answer, embedder(json!({ "seed": 7 })).embed(&CallContext::new(), &request).await.unwrap());
    let vectors = &answer.embeddings;
    assert!(
        vectors.iter().all(|vector| vector.len() == 256 && (likeness(vector, vector) - 1.0).abs() < 1e-5)
    );
    let (near, far) = (likeness(&vectors[0], &vectors[1]), likeness(&vectors[0], &vectors[2]));
    assert!(near > 0.7 && far < 0.3, "{near} {far}");
    assert_eq!(answer.usage, Some(Usage::reported(16, 0)));
}

#[tokio::test]
async fn the_answer_says_that_it_is_a_mock() {
    let mut request = EmbeddingRequest::new(["a"]);
    request.input.push(EmbeddingInput::Tokens(vec![1, 2]));
    let answer = embedder(json!({})).embed(&CallContext::new(), &request).await.unwrap();
    assert_eq!((answer.model.as_deref(), answer.embeddings[1].len()), (Some("mock"), 64));
    let asked = request.with_model(ModelName::new("text-embedding-3-small").unwrap());
    let answer = embedder(json!({})).embed(&CallContext::new(), &asked).await.unwrap();
    assert_eq!(answer.model.as_deref(), Some("mock:text-embedding-3-small"));
    let lister = Registry::linked().unwrap().model_lister("mock", json!({}), &context()).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    assert!(models[0].id == "mock" && models[0].display_name.as_ref().unwrap().contains("no language model"));
}

#[tokio::test(start_paused = true)]
async fn latency_and_failures_are_those_of_the_settings() {
    let embedder = embedder(json!({ "latency_seconds": 2, "failures": ["rate_limited", "ok"] }));
    let before = Instant::now();
    let request = EmbeddingRequest::new(["a"]);
    let error = embedder.embed(&CallContext::new(), &request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(embedder.embed(&CallContext::new(), &request).await.is_ok());
    assert_eq!(before.elapsed(), Duration::from_secs(4));
}
