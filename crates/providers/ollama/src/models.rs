//! The list of models.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_lister};
use ultraai_protocol_ollama::Models;
use ultraai_wire::HttpModelLister;

use crate::{NAME, connect};

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let (endpoint, _) = connect(settings, context, Models::PATH)?;
    Ok(Arc::new(HttpModelLister::new(NAME, endpoint, Models)))
}

register_model_lister!(
    ModelListerRegistration::new(NAME, build).summary("the models that an Ollama server holds")
);
