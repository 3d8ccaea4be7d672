//! Embeddings.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Embedder, EmbedderRegistration, Result, register_embedder};
use ultraai_protocol_gemini::{EmbedContents, VENDOR};
use ultraai_wire::HttpEmbedder;

use crate::connect;

/// The newest stable model for texts in <https://ai.google.dev/gemini-api/docs/embeddings>.
const DEFAULT_MODEL: &str = "gemini-embedding-001";

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(HttpEmbedder::new(VENDOR, connect(settings, context)?, EmbedContents::Batch)))
}

register_embedder!(
    EmbedderRegistration::new("gemini", build)
        .summary("Google's models of embeddings")
        .default_model(Some(DEFAULT_MODEL))
);
