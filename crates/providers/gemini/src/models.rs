//! The list of models.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_lister};
use ultraai_protocol_gemini::{Models, VENDOR};
use ultraai_wire::HttpModelLister;

use crate::connect;

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    Ok(Arc::new(HttpModelLister::new(VENDOR, connect(settings, context)?, Models)))
}

register_model_lister!(
    ModelListerRegistration::new("gemini", build).summary("the models of Google's Gemini API")
);
