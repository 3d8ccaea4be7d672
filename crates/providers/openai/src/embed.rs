//! Embeddings.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Embedder, EmbedderRegistration, Result, register_embedder};
use ultraai_protocol_openai_chat::{EmbeddingDialect, Embeddings};
use ultraai_wire::HttpEmbedder;

use crate::{OPENAI, connect};

const DIALECT: &EmbeddingDialect = &EmbeddingDialect::OPENAI;

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let endpoint = connect(settings, context, Embeddings::PATH)?;
    Ok(Arc::new(HttpEmbedder::new(OPENAI.provider_name(), endpoint, Embeddings(DIALECT))))
}

register_embedder!(
    EmbedderRegistration::new(OPENAI.name, build)
        .summary("OpenAI's models of embeddings")
        .default_model(DIALECT.default_model)
);
