#![doc = include_str!("../README.md")]

mod count;
mod models;

use std::{num::NonZeroU64, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{BuildContext, Field, Provider, ProviderRegistration, Result, Secret, register_provider};
use ultraai_protocol_anthropic_messages::{Messages, VERSION};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

/// `gen_ai.provider.name`, and the registered name.
const NAME: &str = "anthropic";
const BASE_URL: &str = "https://api.anthropic.com";
/// The current model of the middle size: <https://platform.claude.com/docs/en/about-claude/models/overview>.
const DEFAULT_MODEL: &str = "claude-sonnet-5-5";
/// The variable that holds a key of the vendor's console.
const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";
/// The variable that holds a token, as gateways want it.
const TOKEN_VARIABLE: &str = "ANTHROPIC_AUTH_TOKEN";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/v1/messages`, with `/v1` or without it. Default: https://api.anthropic.com.",
    },
    Field {
        name: "auth",
        doc: "How the key is sent: `x-api-key`, `bearer` or `none`. Default: `bearer` for a token from ANTHROPIC_AUTH_TOKEN, else `x-api-key`.",
    },
    Field {
        name: "max_tokens",
        doc: "Upper bound of an answer, in tokens, where a request names none. Default: by the model's family, 4096 to 16384.",
    },
    Field {
        name: "beta",
        doc: "Beta features to use besides those that a request needs, separated by commas, as the header `anthropic-beta` names them. Default: none.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
    auth: Option<Auth>,
    max_tokens: Option<NonZeroU64>,
    beta: Option<String>,
}

/// How the key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Auth {
    XApiKey,
    Bearer,
    None,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let endpoint = endpoint(&settings, context, "messages")
        .map_err(|error| error.with_provider(context.provider_id.clone()))?;
    let mut codec = Messages::new();
    if let Some(max_tokens) = settings.max_tokens {
        codec = codec.with_max_tokens(max_tokens.get());
    }
    if let Some(beta) = settings.beta {
        // Beside those that a request needs.
        codec = codec.with_betas(beta);
    }
    Ok(Arc::new(HttpProvider::new(NAME, endpoint, codec)))
}

/// What stands at `path` below the vendor's version.
fn endpoint(settings: &Settings, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let base_url = settings.base_url.as_deref().unwrap_or(BASE_URL);
    // Anthropic's own SDKs take the address without `/v1`, others and local servers show it with it.
    let path = match base_url.trim().trim_end_matches('/').ends_with("/v1") {
        true => path.to_owned(),
        false => format!("v1/{path}"),
    };
    let address = BaseUrl::parse(base_url)?.before(&["/v1/messages"])?.join(&path);
    let mut endpoint =
        settings.http.endpoint(context.connect_timeout, address).with_header("anthropic-version", VERSION)?;
    if let Some(beta) = &settings.beta {
        endpoint = endpoint.with_header("anthropic-beta", beta)?;
    }
    match key(settings, context)? {
        Some((Auth::Bearer, key)) => endpoint.with_bearer(key),
        Some((_, key)) => endpoint.with_key("x-api-key", "", key),
        None => Ok(endpoint),
    }
}

/// The key and how it is sent.
fn key(settings: &Settings, context: &BuildContext) -> Result<Option<(Auth, Secret)>> {
    let is_set = |variable| context.lookup.get(variable).is_some();
    let auth = match settings.auth {
        Some(Auth::None) => return Ok(None),
        Some(auth) => auth,
        // A token is no key: the vendor takes it as a bearer alone.
        None if context.key.is_none() && !is_set(KEY_VARIABLE) && is_set(TOKEN_VARIABLE) => Auth::Bearer,
        None => Auth::XApiKey,
    };
    let variables: &[&str] = match auth {
        Auth::Bearer => &[TOKEN_VARIABLE, KEY_VARIABLE],
        _ => &[KEY_VARIABLE],
    };
    // Whoever names an address knows whether the server there wants a key.
    match settings.base_url {
        Some(_) => context.api_key(variables).map(|key| key.map(|key| (auth, key))),
        None => context.required_api_key(variables).map(|key| Some((auth, key))),
    }
}

register_provider!(
    ProviderRegistration::new(NAME, build)
        .summary("Anthropic's models over its messages API")
        .key_variables(&[KEY_VARIABLE, TOKEN_VARIABLE])
        .fields(FIELDS)
        .base_url(Some(BASE_URL))
        .default_model(Some(DEFAULT_MODEL))
);
