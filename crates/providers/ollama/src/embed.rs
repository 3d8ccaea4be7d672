//! Embeddings.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Embedder, EmbedderRegistration, Result, register_embedder};
use ultraai_protocol_ollama::Embed;
use ultraai_wire::HttpEmbedder;

use crate::{NAME, connect};

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let (endpoint, defaults) = connect(settings, context, Embed::PATH)?;
    Ok(Arc::new(HttpEmbedder::new(NAME, endpoint, Embed::new(defaults))))
}

register_embedder!(
    EmbedderRegistration::new(NAME, build).summary("models of embeddings on an Ollama server")
);
