//! The list of models.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_lister};
use ultraai_protocol_cohere::{Models, VENDOR};
use ultraai_wire::HttpModelLister;

use crate::connect;

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let endpoint = connect(settings, context, Models::PATH)?;
    Ok(Arc::new(HttpModelLister::new(VENDOR, endpoint, Models)))
}

register_model_lister!(
    ModelListerRegistration::new("cohere", build).summary("the models that a key of Cohere may ask")
);
