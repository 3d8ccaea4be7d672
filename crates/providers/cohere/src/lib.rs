#![doc = include_str!("../README.md")]

mod embed;
mod models;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, Error, ErrorKind, Field, Provider, ProviderRegistration, Result, register_provider,
};
use ultraai_protocol_cohere::{Chat, VENDOR};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

const BASE_URL: &str = "https://api.cohere.com";

/// The usual name, and the one that Cohere's own SDKs read.
const KEY_VARIABLES: &[&str] = &["COHERE_API_KEY", "CO_API_KEY"];

/// The model of general use in <https://docs.cohere.com/docs/models> that production keys may use without a contract.
const DEFAULT_MODEL: &str = "command-a-03-2025";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field { name: "base_url", doc: "The address before `/v2/chat`. Default: https://api.cohere.com." },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let endpoint = connect(settings, context, Chat::PATH)?;
    Ok(Arc::new(HttpProvider::new(VENDOR, endpoint, Chat)))
}

/// What stands at `path` below the address of the settings.
fn connect(settings: Value, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    endpoint(&settings, context, path).map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let base_url = settings.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
    if ["/v1", "/v2", "/v2/chat"].iter().any(|end| base_url.ends_with(end)) {
        let message = match base_url.ends_with("compatibility/v1") {
            true => "`base_url` is where Cohere speaks OpenAI's protocol: set `type` to `compatible`",
            false => "`base_url` ends in the path of the protocol: give the address before `/v2/chat`",
        };
        return Err(Error::new(ErrorKind::Config, message));
    }
    let address = BaseUrl::parse(base_url)?.join(path);
    settings
        .http
        .endpoint(context.connect_timeout, address)
        .with_bearer(context.required_api_key(KEY_VARIABLES)?)
}

register_provider!(
    ProviderRegistration::new("cohere", build)
        .summary("Cohere's models over its own chat protocol")
        .key_variables(KEY_VARIABLES)
        .base_url(Some(BASE_URL))
        .default_model(Some(DEFAULT_MODEL))
        .fields(FIELDS)
);
