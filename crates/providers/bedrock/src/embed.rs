//! Embeddings.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Embedder, EmbedderRegistration, Result, register_embedder};
use ultraai_protocol_bedrock::InvokeEmbeddings;
use ultraai_protocol_cohere::Embed;
use ultraai_wire::HttpEmbedder;

use crate::{NAME, SEMCONV_NAME, connect};

/// Amazon's own model for texts, which needs no subscription
/// (<https://docs.aws.amazon.com/bedrock/latest/userguide/titan-embedding-models.html>).
const DEFAULT_MODEL: &str = "amazon.titan-embed-text-v2:0";

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let codec = InvokeEmbeddings(Embed::Bedrock);
    Ok(Arc::new(HttpEmbedder::new(SEMCONV_NAME, connect(settings, context)?, codec)))
}

register_embedder!(
    EmbedderRegistration::new(NAME, build)
        .summary("models of embeddings on Amazon Bedrock")
        .default_model(Some(DEFAULT_MODEL))
);
