#![doc = include_str!("../README.md")]

mod embed;
mod models;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{BuildContext, Field, Provider, Result, register_provider};
use ultraai_protocol_openai_chat::{Chat, Dialect};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

const OPENAI: &Dialect = &Dialect::OPENAI;
const BASE_URL: &str = "https://api.openai.com/v1";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/chat/completions`. Default: https://api.openai.com/v1.",
    },
    Field { name: "organization", doc: "The organization that is charged. Default: the key's own." },
    Field { name: "project", doc: "The project that is charged. Default: the key's own." },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
    organization: Option<String>,
    project: Option<String>,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let endpoint = connect(settings, context, OPENAI.path)?;
    Ok(Arc::new(HttpProvider::new(OPENAI.provider_name(), endpoint, Chat(OPENAI))))
}

/// What stands at `path` below the address of the settings.
fn connect(settings: Value, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    endpoint(&settings, context, path).map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let address = BaseUrl::parse(settings.base_url.as_deref().unwrap_or(BASE_URL))?.join(path);
    let mut endpoint = settings
        .http
        .endpoint(context.connect_timeout, address)
        .with_bearer(context.required_api_key(OPENAI.key_variables)?)?;
    for (header, value) in
        [("openai-organization", &settings.organization), ("openai-project", &settings.project)]
    {
        if let Some(value) = value {
            endpoint = endpoint.with_header(header, value)?;
        }
    }
    Ok(endpoint)
}

register_provider!(Dialect::OPENAI.registration(FIELDS, build));
