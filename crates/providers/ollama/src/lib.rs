#![doc = include_str!("../README.md")]

mod embed;
mod host;
mod models;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, Error, ErrorKind, Field, Provider, ProviderRegistration, Result, register_provider,
};
use ultraai_protocol_ollama::{Chat, Defaults};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

use self::host::HOST_VARIABLE;

const NAME: &str = "ollama";
const BASE_URL: &str = "http://localhost:11434";
const KEY_VARIABLES: &[&str] = &["OLLAMA_API_KEY"];

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/api/chat`. Default: what OLLAMA_HOST names, else http://localhost:11434.",
    },
    Field {
        name: "keep_alive",
        doc: "How long the model stays loaded: seconds, or a duration such as \"10m\"; below 0 for ever. Default: the server's own.",
    },
    Field {
        name: "num_ctx",
        doc: "Tokens of context that the model is loaded with. Default: the server's own.",
    },
    Field {
        name: "truncate",
        doc: "Whether the server may drop the start of a conversation that does not fit, in silence. Default: false, and that is an error.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
    keep_alive: Option<Value>,
    num_ctx: Option<u64>,
    truncate: bool,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let (endpoint, defaults) = connect(settings, context, Chat::PATH)?;
    Ok(Arc::new(HttpProvider::new(NAME, endpoint, Chat::new(defaults))))
}

/// What stands at `path` below the address of the settings, and what they send where a request does not say it.
fn connect(settings: Value, context: &BuildContext, path: &str) -> Result<(Endpoint, Defaults)> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let connected = endpoint(&settings, context, path).and_then(|there| Ok((there, defaults(settings)?)));
    connected.map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let address = address(settings.base_url.as_deref(), context)?.join(path);
    let endpoint = settings.http.endpoint(context.connect_timeout, address);
    match context.api_key(KEY_VARIABLES)? {
        Some(key) => endpoint.with_bearer(key),
        None => Ok(endpoint),
    }
}

fn address(base_url: Option<&str>, context: &BuildContext) -> Result<BaseUrl> {
    let Some(base_url) = base_url else {
        return match context.lookup.get(HOST_VARIABLE) {
            Some(host) => host::address(&host),
            None => BaseUrl::parse(BASE_URL),
        };
    };
    if base_url.trim_end_matches('/').ends_with("/v1") {
        let message = "`base_url` ends in `/v1`, where Ollama speaks OpenAI's protocol: leave that out, or set `type` to `compatible`";
        return Err(Error::new(ErrorKind::Config, message));
    }
    BaseUrl::parse(base_url)?.before(&["/api/chat", "/api/generate", "/api/embed", "/api"])
}

fn defaults(settings: Settings) -> Result<Defaults> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
    if settings.keep_alive.as_ref().is_some_and(|time| !(time.is_number() || time.is_string())) {
        return wrong("`keep_alive` must be a number of seconds, or a duration such as \"10m\"");
    }
    if settings.num_ctx == Some(0) {
        return wrong("`num_ctx` is 0: it must be at least 1");
    }
    let mut defaults = Defaults::default();
    defaults.keep_alive = settings.keep_alive;
    defaults.num_ctx = settings.num_ctx;
    defaults.truncate = settings.truncate;
    Ok(defaults)
}

register_provider!(
    ProviderRegistration::new(NAME, build)
        .summary("models on an Ollama server, here or in its cloud")
        .key_variables(KEY_VARIABLES)
        .key_optional(true)
        .base_url(Some(BASE_URL))
        .fields(FIELDS)
);
