//! Embeddings: texts become vectors, and the document that is nearest to a question is found by them.
//!
//! The embedder is a mock that counts words, so it needs no key and no network; it finds what shares words, and a model finds
//! what shares meaning. `provider("openai").api_key_env("MY_KEY").embedder(&registry, context)` asks one (feature `provider-openai`).
//!
//! Run it with `cargo run -p example-embeddings`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde_json::json;
use ultraai::{
    BuildContext, CallContext, Embedder as _, EmbeddingRequest, EmbeddingTask, ErrorKind, Lookup,
    ModelLister as _, ProviderId, Registry, Result,
};

const DOCUMENTS: [&str; 4] = [
    "A rate limit is how many requests a provider takes in a minute.",
    "A breaker refuses requests at once while a provider is down.",
    "A budget says how much money may be spent in a day.",
    "A hedge asks a second time where an answer is late.",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let registry = Registry::linked()?;
    // A provider's own settings build its embedder and its list of models too. Key and model are not among them: the key stands
    // in the context, or is set by `provider("…").api_key_env("…").embedder(…)`, and each request names its model.
    let settings = json!({});
    let context = BuildContext::new(ProviderId::new("mine")?, Lookup::environment());
    let embedder = registry.embedder("mock", settings.clone(), &context)?;
    // A deadline holds for all exchanges of a request together.
    let cx = CallContext::new().with_timeout(std::time::Duration::from_secs(30));

    // A model that was trained for it makes other vectors of a question than of a document.
    let documents = EmbeddingRequest::new(DOCUMENTS).with_task(EmbeddingTask::Document).with_dimensions(256);
    let documents = embedder.embed(&cx, &documents).await?;
    let question = "how much money may be spent?";
    let asked = EmbeddingRequest::new([question]).with_task(EmbeddingTask::Query).with_dimensions(256);
    let asked = embedder.embed(&cx, &asked).await?;

    println!("model:    {}", documents.model.as_deref().unwrap_or("unknown"));
    println!("tokens:   {}", documents.usage.map_or(0, |usage| usage.input_tokens));
    println!("question: {question}\n");
    let mut ranked: Vec<_> = DOCUMENTS
        .into_iter()
        .zip(&documents.embeddings)
        .map(|(text, vector)| (likeness(vector, &asked.embeddings[0]), text))
        .collect();
    ranked.sort_by(|one, two| two.0.total_cmp(&one.0));
    for (likeness, text) in &ranked {
        println!("  {likeness:.2}  {text}");
    }
    assert_eq!(ranked[0].1, DOCUMENTS[2]);

    println!("\nmodels:");
    let lister = registry.model_lister("mock", settings, &context)?;
    for model in lister.models(&cx).await? {
        println!("  {} ({})", model.id, model.display_name.unwrap_or_default());
    }

    // A name that nobody registered says what is linked and what to do.
    let Err(error) = registry.embedder("openai", json!({}), &context) else { return Ok(()) };
    assert_eq!(error.kind(), ErrorKind::Config);
    println!("\nerror: {error}");
    Ok(())
}

/// The cosine of the angle between two vectors: 1 for the same direction, 0 for nothing in common.
fn likeness(one: &[f32], two: &[f32]) -> f32 {
    let product = |one: &[f32], two: &[f32]| one.iter().zip(two).map(|(one, two)| one * two).sum::<f32>();
    product(one, two) / (product(one, one) * product(two, two)).sqrt()
}
