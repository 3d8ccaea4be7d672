//! The list of models.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, ModelLister, ModelListerRegistration, Result, register_model_lister};
use ultraai_protocol_anthropic_messages::Models;
use ultraai_wire::HttpModelLister;

use crate::{FIELDS, NAME, Settings, endpoint};

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn ModelLister>> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let endpoint = endpoint(&settings, context, Models::PATH)
        .map_err(|error| error.with_provider(context.provider_id.clone()))?;
    Ok(Arc::new(HttpModelLister::new(NAME, endpoint, Models)))
}

register_model_lister!(
    ModelListerRegistration::new(NAME, build).summary("the models that a key of Anthropic may ask")
);
