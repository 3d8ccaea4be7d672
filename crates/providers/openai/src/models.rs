//! The list of models.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_lister};
use ultraai_protocol_openai_chat::Models;
use ultraai_wire::HttpModelLister;

use crate::{OPENAI, connect};

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let endpoint = connect(settings, context, Models::PATH)?;
    Ok(Arc::new(HttpModelLister::new(OPENAI.provider_name(), endpoint, Models)))
}

register_model_lister!(
    ModelListerRegistration::new(OPENAI.name, build).summary("the models that a key of OpenAI may ask")
);
