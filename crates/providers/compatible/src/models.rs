//! Lists of models: nearly all who follow OpenAI answer `GET /models`.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_listers};
use ultraai_protocol_openai_chat::Models;
use ultraai_wire::HttpModelLister;

use crate::{reach, vendor};

/// The vendors of [`VENDORS`](crate::VENDORS) that list their models. Perplexity and `MiniMax` document no such address.
pub(crate) const LISTERS: &[&str] = &[
    "azure.ai.openai",
    "cerebras",
    "compatible",
    "deepseek",
    "fireworks",
    "groq",
    "huggingface",
    "llama-cpp",
    "mistral",
    "moonshot",
    "nvidia",
    "openrouter",
    "qwen",
    "sambanova",
    "together",
    "vllm",
    "xai",
    "zai",
];

fn build(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let vendor = vendor(name)?;
    let endpoint = reach(vendor, Models::PATH, settings, context)?;
    Ok(Arc::new(HttpModelLister::new(vendor.provider_name(), endpoint, Models)))
}

const ROWS: [ModelListerRegistration; LISTERS.len()] = {
    let mut rows = [row(LISTERS[0]); LISTERS.len()];
    let mut at = 1;
    while at < LISTERS.len() {
        rows[at] = row(LISTERS[at]);
        at += 1;
    }
    rows
};

const fn row(name: &'static str) -> ModelListerRegistration {
    ModelListerRegistration::new(name, build)
        .summary("the models that the key may ask, over OpenAI's protocol")
        .from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

register_model_listers!(&ROWS);
