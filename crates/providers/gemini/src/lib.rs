#![doc = include_str!("../README.md")]

mod embed;
mod models;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{BuildContext, Field, Provider, ProviderRegistration, Result, register_provider};
use ultraai_protocol_gemini::{GenerateContent, VENDOR};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// The variables that Google's own SDKs read.
const KEY_VARIABLES: &[&str] = &["GEMINI_API_KEY", "GOOGLE_API_KEY"];

/// The newest stable model of general use in <https://ai.google.dev/gemini-api/docs/models>.
const DEFAULT_MODEL: &str = "gemini-3.8-flash";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/models`. Default: https://generativelanguage.googleapis.com/v1beta.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let endpoint = connect(settings, context)?;
    Ok(Arc::new(HttpProvider::new(VENDOR, endpoint, GenerateContent::new())))
}

fn connect(settings: Value, context: &BuildContext) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    endpoint(&settings, context).map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext) -> Result<Endpoint> {
    let address = BaseUrl::parse(settings.base_url.as_deref().unwrap_or(BASE_URL))?
        .before(&[":generateContent", ":streamGenerateContent", "/models"])?
        .join("");
    // In the address, where Google takes it too, the key would stand in every log on the way.
    settings.http.endpoint(context.connect_timeout, address).with_key(
        "x-goog-api-key",
        "",
        context.required_api_key(KEY_VARIABLES)?,
    )
}

const fn registration() -> ProviderRegistration {
    let mut row = ProviderRegistration::new("gemini", build)
        .summary("Google's Gemini models over its Gemini API")
        .key_variables(KEY_VARIABLES)
        .fields(FIELDS);
    row.semconv_name = Some(VENDOR);
    row.base_url = Some(BASE_URL);
    row.default_model = Some(DEFAULT_MODEL);
    row
}

register_provider!(registration());
