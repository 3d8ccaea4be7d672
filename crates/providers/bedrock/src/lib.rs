#![doc = include_str!("../README.md")]

mod credentials;
mod embed;
mod signer;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, Error, ErrorKind, Field, Provider, ProviderRegistration, Result, register_provider,
};
use ultraai_protocol_bedrock::Converse;
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

use self::{
    credentials::{BEARER_VARIABLE, Credential},
    signer::Signer,
};

const NAME: &str = "bedrock";

/// `gen_ai.provider.name`.
const SEMCONV_NAME: &str = "aws.bedrock";

/// The address in the region that has most models.
const BASE_URL: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";

/// The variables that name the region, the first one first.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "region",
        doc: "The region whose models are asked, such as `us-east-1`. Default: what AWS_REGION or AWS_DEFAULT_REGION names.",
    },
    Field {
        name: "profile",
        doc: "The profile in ~/.aws/credentials whose keys sign the requests. Default: the environment's keys, then the profile that AWS_PROFILE names, then `default`.",
    },
    Field {
        name: "base_url",
        doc: "The address before `/model`. Default: https://bedrock-runtime.REGION.amazonaws.com.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    region: Option<String>,
    profile: Option<String>,
    base_url: Option<String>,
    http: HttpSettings,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    Ok(Arc::new(HttpProvider::new(SEMCONV_NAME, connect(settings, context)?, Converse::new())))
}

fn connect(settings: Value, context: &BuildContext) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    endpoint(&settings, context).map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(settings: &Settings, context: &BuildContext) -> Result<Endpoint> {
    let base_url = match &settings.base_url {
        Some(base_url) => base_url.clone(),
        None => address(&region(settings, context)?),
    };
    let endpoint = settings.http.endpoint(context.connect_timeout, BaseUrl::parse(&base_url)?.join(""));
    match credentials::find(settings.profile.as_deref(), context)? {
        Some(Credential::Bearer(key)) => endpoint.with_bearer(key),
        Some(Credential::Keys(keys)) => {
            let signer = Signer::new(&keys, region(settings, context)?);
            Ok(endpoint.with_authorizer(Arc::new(signer), keys.secret_access_key))
        }
        // Whoever names an address knows whether the server there wants a key.
        None if settings.base_url.is_some() => Ok(endpoint),
        None => {
            let message = format!(
                "no keys: set the variable {BEARER_VARIABLE}, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a `profile`"
            );
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}

/// The region, which is part of an address and of a signature.
fn region(settings: &Settings, context: &BuildContext) -> Result<String> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
    let found = || REGION_VARIABLES.iter().find_map(|name| context.lookup.get(name));
    match settings.region.clone().or_else(found) {
        None => wrong("no region: set `region`, or the variable AWS_REGION"),
        Some(region) => {
            let region = region.trim();
            let plain =
                region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            match plain && !region.is_empty() {
                true => Ok(region.to_owned()),
                false => wrong("`region` is no region: write it like us-east-1"),
            }
        }
    }
}

/// The vendor's address in a region: <https://docs.aws.amazon.com/general/latest/gr/bedrock.html>; those of China have a domain
/// of their own.
fn address(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://bedrock-runtime.{region}.{domain}")
}

register_provider!(
    ProviderRegistration::new(NAME, build)
        .semconv_name(Some(SEMCONV_NAME))
        .summary("models on Amazon Bedrock over its Converse API")
        // Keys of AWS in general are there for many purposes: only Bedrock's own says that it is meant to be asked.
        .key_variables(&[BEARER_VARIABLE])
        .key_optional(true)
        .fields(FIELDS)
        // That of another region is Bedrock's too; what `base_url` names need not be.
        .base_url(Some(BASE_URL))
);
