#![doc = include_str!("../README.md")]

mod embed;
mod models;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{BuildContext, Error, ErrorKind, Field, Provider, Result, register_provider};
use ultraai_protocol_openai_chat::{Chat, Dialect};
use ultraai_protocol_openai_responses::Responses;
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

const OPENAI: &Dialect = &Dialect::OPENAI;
const BASE_URL: &str = "https://api.openai.com/v1";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "api",
        doc: "Which of its APIs is spoken: `chat`, its chat completions, or `responses`. Default: chat.",
    },
    Field {
        name: "base_url",
        doc: "The address before `/chat/completions` or `/responses`. Default: https://api.openai.com/v1.",
    },
    Field { name: "organization", doc: "The organization that is charged. Default: the key's own." },
    Field { name: "project", doc: "The project that is charged. Default: the key's own." },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    api: Option<String>,
    base_url: Option<String>,
    http: HttpSettings,
    organization: Option<String>,
    project: Option<String>,
}

/// Which of the vendor's APIs is spoken.
#[derive(Clone, Copy, Debug)]
enum Api {
    Chat,
    Responses,
}

impl Api {
    fn named(name: Option<&str>) -> Result<Self> {
        match name {
            None | Some("chat") => Ok(Self::Chat),
            Some("responses") => Ok(Self::Responses),
            Some(_) => Err(Error::new(ErrorKind::Config, "`api` must be `chat` or `responses`")),
        }
    }

    /// Where below the address it is.
    fn path(self) -> &'static str {
        match self {
            Self::Chat => OPENAI.path,
            Self::Responses => "responses",
        }
    }
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let name = OPENAI.provider_name();
    let spoken = Api::named(settings.api.as_deref());
    let built = spoken.and_then(|api| Ok((api, endpoint(&settings, context, api.path())?)));
    let (api, endpoint) = built.map_err(|error| error.with_provider(context.provider_id.clone()))?;
    Ok(match api {
        Api::Chat => Arc::new(HttpProvider::new(name, endpoint, Chat(OPENAI))),
        Api::Responses => Arc::new(HttpProvider::new(name, endpoint, Responses::new())),
    })
}

/// What stands at `path` below the address of the settings.
fn connect(settings: Value, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    endpoint(&settings, context, path).map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext, path: &str) -> Result<Endpoint> {
    let address = BaseUrl::parse(settings.base_url.as_deref().unwrap_or(BASE_URL))?
        .before(&["/chat/completions", "/responses", "/embeddings"])?
        .join(path);
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

register_provider!(
    Dialect::OPENAI
        .registration(FIELDS, build)
        .summary("OpenAI's models over its chat completions API or its Responses API")
);
