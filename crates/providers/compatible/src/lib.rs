#![doc = include_str!("../README.md")]

mod embed;
mod models;
mod vendors;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, Error, ErrorKind, Field, Provider, ProviderRegistration, Result, register_providers,
};
pub use ultraai_protocol_openai_chat::{Chat, Dialect, KeyHeader};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

pub use self::vendors::VENDORS;

/// The settings of these providers.
pub const FIELDS: &[Field] = &[
    Field { name: "base_url", doc: "The address before `/chat/completions`. Default: the vendor's own." },
    HttpSettings::FIELD,
];

/// The settings of the provider that has no address of its own.
const ADDRESS_NEEDED: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/chat/completions`, such as http://localhost:8080/v1. Needed.",
    },
    HttpSettings::FIELD,
];

/// The settings of a vendor whose address is the user's own and whose key stands in a header of its own.
const ADDRESS_AND_HEADER: &[Field] = &[
    Field {
        name: "base_url",
        doc: "The address before `/chat/completions`, which is your resource's own. Needed.",
    },
    Field {
        name: "key_header",
        doc: "The header that the key is sent in: the vendor's own, or `authorization` for a bearer token. Default: the vendor's own.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    base_url: Option<String>,
    http: HttpSettings,
    key_header: Option<String>,
}

/// Builds the provider that speaks to the vendor `dialect`.
///
/// # Errors
/// `Config` for an unknown setting, a wrong or missing address, and a missing key.
pub fn connect(
    dialect: &'static Dialect,
    settings: Value,
    context: &BuildContext,
) -> Result<Arc<dyn Provider>> {
    let endpoint = reach(dialect, dialect.path, settings, context)?;
    Ok(Arc::new(HttpProvider::new(dialect.provider_name(), endpoint, Chat(dialect))))
}

/// What stands at `path` below the address of the settings.
fn reach(dialect: &Dialect, path: &str, settings: Value, context: &BuildContext) -> Result<Endpoint> {
    let settings: Settings = context.parse(settings, fields(dialect))?;
    endpoint(dialect, path, &settings, context)
        .map_err(|error| error.with_provider(context.provider_id.clone()))
}

fn endpoint(dialect: &Dialect, path: &str, settings: &Settings, context: &BuildContext) -> Result<Endpoint> {
    let Some(base_url) = settings.base_url.as_deref().or(dialect.base_url) else {
        let message = format!(
            "`base_url` is missing: name the address before `/chat/completions`, such as {}",
            dialect.base_url_example
        );
        return Err(Error::new(ErrorKind::Config, message));
    };
    let address = BaseUrl::parse(base_url)?.join(path);
    let endpoint = settings.http.endpoint(context.connect_timeout, address);
    let key = match dialect.key_optional {
        true => context.api_key(dialect.key_variables)?,
        false => Some(context.required_api_key(dialect.key_variables)?),
    };
    let header = key_header(dialect, settings.key_header.as_deref())?;
    match (key, header) {
        (None, _) => Ok(endpoint),
        (Some(key), KeyHeader::Bearer) => endpoint.with_bearer(key),
        (Some(key), KeyHeader::Own(name)) => endpoint.with_key(name, "", key),
    }
}

fn key_header(dialect: &Dialect, named: Option<&str>) -> Result<KeyHeader> {
    match (named, dialect.key_header) {
        (None, own) => Ok(own),
        (Some(name), _) if name.eq_ignore_ascii_case("authorization") => Ok(KeyHeader::Bearer),
        (Some(name), KeyHeader::Own(own)) if name.eq_ignore_ascii_case(own) => Ok(dialect.key_header),
        (Some(_), own) => {
            let own = match own {
                KeyHeader::Own(name) => format!("`{name}` or "),
                KeyHeader::Bearer => String::new(),
            };
            let message = format!("`key_header` must be {own}`authorization`");
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}

const fn fields(dialect: &Dialect) -> &'static [Field] {
    match (dialect.base_url, dialect.key_header) {
        (Some(_), _) => FIELDS,
        (None, KeyHeader::Bearer) => ADDRESS_NEEDED,
        (None, KeyHeader::Own(_)) => ADDRESS_AND_HEADER,
    }
}

fn build(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    connect(vendor(name)?, settings, context)
}

fn vendor(name: &str) -> Result<&'static Dialect> {
    VENDORS
        .iter()
        .find(|dialect| dialect.name == name)
        .ok_or_else(|| Error::new(ErrorKind::Config, format!("no compatible vendor `{name}` is known")))
}

const ROWS: [ProviderRegistration; VENDORS.len()] = {
    let mut rows = [row(&VENDORS[0]); VENDORS.len()];
    let mut at = 1;
    while at < VENDORS.len() {
        rows[at] = row(&VENDORS[at]);
        at += 1;
    }
    rows
};

const fn row(dialect: &Dialect) -> ProviderRegistration {
    let row = dialect.registration(fields(dialect), build);
    row.from_package(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

register_providers!(&ROWS);
