//! Embeddings.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Embedder, EmbedderRegistration, Result, register_embedder};
use ultraai_protocol_cohere::{Embed, VENDOR};
use ultraai_wire::HttpEmbedder;

use crate::connect;

/// The newest model of embeddings in <https://docs.cohere.com/docs/cohere-embed>.
const DEFAULT_MODEL: &str = "embed-v4.0";

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let endpoint = connect(settings, context, Embed::PATH)?;
    Ok(Arc::new(HttpEmbedder::new(VENDOR, endpoint, Embed::Cohere)))
}

register_embedder!(
    EmbedderRegistration::new("cohere", build)
        .summary("Cohere's models of embeddings")
        .default_model(Some(DEFAULT_MODEL))
);
