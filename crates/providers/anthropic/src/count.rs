//! Counts of tokens.

use std::sync::Arc;

use serde_json::Value;
use ultraai_core::{BuildContext, Result, TokenCounter, TokenCounterRegistration, register_token_counter};
use ultraai_protocol_anthropic_messages::{Messages, TokenCounts};
use ultraai_wire::HttpTokenCounter;

use crate::{FIELDS, NAME, Settings, endpoint};

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn TokenCounter>> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let endpoint = endpoint(&settings, context, TokenCounts::PATH)
        .map_err(|error| error.with_provider(context.provider_id.clone()))?;
    let mut codec = Messages::new();
    if let Some(beta) = settings.beta {
        codec = codec.with_betas(beta);
    }
    Ok(Arc::new(HttpTokenCounter::new(NAME, endpoint, TokenCounts::new(codec))))
}

register_token_counter!(
    TokenCounterRegistration::new(NAME, build).summary("tokens as Anthropic counts them, without charge")
);
