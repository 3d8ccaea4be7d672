//! Embeddings: what differs between the vendors that answer `POST /embeddings`.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{
    BatchLimits, BuildContext, Embedder, EmbedderRegistration, EmbeddingTask, Result, register_embedders,
};
use ultraai_protocol_openai_chat::{EmbeddingDialect, Embeddings, TaskWords, TruncateRule};
use ultraai_wire::HttpEmbedder;

use crate::{reach, vendor};

const BASE: EmbeddingDialect = EmbeddingDialect::COMPATIBLE;

/// The vendors of [`VENDORS`](crate::VENDORS) that make vectors, by name. A default model is one that the vendor's documentation
/// names.
pub(crate) const EMBEDDERS: &[EmbeddingDialect] = &[
    EmbeddingDialect {
        name: "azure.ai.openai",
        // The deployments' names are the user's own.
        default_model: None,
        ..EmbeddingDialect::OPENAI
    },
    BASE,
    EmbeddingDialect { name: "fireworks", default_model: Some("nomic-ai/nomic-embed-text-v1.5"), ..BASE },
    EmbeddingDialect { name: "llama-cpp", tokens: true, ..BASE },
    EmbeddingDialect {
        name: "mistral",
        default_model: Some("mistral-embed"),
        // It refuses 257: "Too many inputs in request, split into more batches."
        batch: BatchLimits::inputs(256),
        dimensions_field: "output_dimension",
        ..BASE
    },
    EmbeddingDialect {
        name: "nvidia",
        default_model: Some("nvidia/llama-3.2-nv-embedqa-1b-v2"),
        tasks: TaskWords(&[(EmbeddingTask::Query, "query"), (EmbeddingTask::Document, "passage")]),
        truncate: TruncateRule::Word,
        ..BASE
    },
    EmbeddingDialect {
        name: "openrouter",
        default_model: Some("openai/text-embedding-3-small"),
        user: true,
        ..BASE
    },
    EmbeddingDialect {
        name: "qwen",
        default_model: Some("text-embedding-v4"),
        // <https://www.alibabacloud.com/help/en/model-studio/embedding>
        batch: BatchLimits::inputs(10),
        ..BASE
    },
    EmbeddingDialect { name: "sambanova", default_model: Some("E5-Mistral-7B-Instruct"), ..BASE },
    EmbeddingDialect {
        name: "together",
        default_model: Some("intfloat/multilingual-e5-large-instruct"),
        ..BASE
    },
    EmbeddingDialect { name: "vllm", tokens: true, ..BASE },
];

fn build(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Embedder>> {
    let vendor = vendor(name)?;
    let dialect = EMBEDDERS.iter().find(|dialect| dialect.name == name).unwrap_or(&BASE);
    let endpoint = reach(vendor, Embeddings::PATH, settings, context)?;
    Ok(Arc::new(HttpEmbedder::new(vendor.provider_name(), endpoint, Embeddings(dialect))))
}

const ROWS: [EmbedderRegistration; EMBEDDERS.len()] = {
    let mut rows = [row(&EMBEDDERS[0]); EMBEDDERS.len()];
    let mut at = 1;
    while at < EMBEDDERS.len() {
        rows[at] = row(&EMBEDDERS[at]);
        at += 1;
    }
    rows
};

const fn row(dialect: &EmbeddingDialect) -> EmbedderRegistration {
    EmbedderRegistration::new(dialect.name, build)
        .summary("embeddings over OpenAI's protocol")
        .default_model(dialect.default_model)
        .from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

register_embedders!(&ROWS);
