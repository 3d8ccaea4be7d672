#![doc = include_str!("../README.md")]

mod account;
mod families;
mod token;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{
    BuildContext, Error, ErrorKind, Field, Provider, ProviderRegistration, Result, Secret, register_provider,
};
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_protocol_gemini::GenerateContent;
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings};

use self::{account::Account, families::Families, token::Tokens};

/// `gen_ai.provider.name`.
const NAME: &str = "gcp.vertex_ai";

/// The variable of an access token, such as `gcloud auth print-access-token` gives.
const TOKEN_VARIABLES: &[&str] = &["GOOGLE_ACCESS_TOKEN"];

/// The variables of an express key.
const EXPRESS_VARIABLES: &[&str] = &["VERTEX_API_KEY", "GOOGLE_API_KEY"];

/// The variables that Google's own SDKs and tools read.
const PROJECT_VARIABLES: &[&str] = &["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"];
const LOCATION_VARIABLES: &[&str] = &["GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"];
const FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Where no other is named: Google chooses the place (<https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations>).
const GLOBAL: &str = "global";

/// The settings of this provider.
pub const FIELDS: &[Field] = &[
    Field {
        name: "project",
        doc: "The project's id. Default: the variable GOOGLE_CLOUD_PROJECT or GCLOUD_PROJECT, else the project that the credentials file names.",
    },
    Field {
        name: "location",
        doc: "Where the models run, such as \"europe-west4\". Default: the variable GOOGLE_CLOUD_LOCATION or GOOGLE_CLOUD_REGION, else global.",
    },
    Field {
        name: "credentials_file",
        doc: "The JSON file of a service account, or of a user as gcloud writes it. Default: the file that the variable GOOGLE_APPLICATION_CREDENTIALS names.",
    },
    Field {
        name: "express",
        doc: "Whether the key is an API key of Vertex AI in express mode, which has no project and no location. Default: false.",
    },
    Field {
        name: "base_url",
        doc: "The address before `/publishers`. Default: https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION.",
    },
    HttpSettings::FIELD,
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    project: Option<String>,
    location: Option<String>,
    credentials_file: Option<PathBuf>,
    express: bool,
    base_url: Option<String>,
    http: HttpSettings,
}

fn build(_: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let settings: Settings = context.parse(settings, FIELDS)?;
    let endpoint =
        endpoint(&settings, context).map_err(|error| error.with_provider(context.provider_id.clone()))?;
    // The first family whose beginning a model's name has is asked; the last one takes every name.
    Ok(Arc::new(Families::new(
        NAME,
        vec![
            ("claude", Arc::new(HttpProvider::new(NAME, endpoint.clone(), Messages::on_vertex()))),
            ("", Arc::new(HttpProvider::new(NAME, endpoint, GenerateContent::on_vertex()))),
        ],
    )))
}

/// Who asks.
enum Credential {
    Express(Secret),
    Token(Secret),
    Account(Box<Account>),
}

fn endpoint(settings: &Settings, context: &BuildContext) -> Result<Endpoint> {
    let credential = credential(settings, context)?;
    let base_url = match &settings.base_url {
        Some(base_url) => base_url.clone(),
        None => base_url(settings, context, &credential)?,
    };
    let address = BaseUrl::parse(&base_url)?.join("");
    let endpoint = settings.http.endpoint(context.connect_timeout, address);
    match credential {
        Credential::Express(key) => endpoint.with_key("x-goog-api-key", "", key),
        Credential::Token(token) => endpoint.with_bearer(token),
        Credential::Account(account) => {
            let endpoint = match account.quota_project() {
                Some(project) => endpoint.with_header("x-goog-user-project", project)?,
                None => endpoint,
            };
            let secret = account.identity()?;
            let tokens = Tokens::new(*account, &settings.http, context.connect_timeout)?;
            Ok(endpoint.with_authorizer(Arc::new(tokens), secret))
        }
    }
}

/// A key that is named or set comes first, then the file.
fn credential(settings: &Settings, context: &BuildContext) -> Result<Credential> {
    if settings.express {
        return context.required_api_key(EXPRESS_VARIABLES).map(Credential::Express);
    }
    // A file that the settings name was meant, whatever the environment holds.
    let named = settings.credentials_file.clone().filter(|_| context.key.is_none());
    if named.is_none()
        && let Some(token) = context.api_key(TOKEN_VARIABLES)?
    {
        return Ok(Credential::Token(token));
    }
    let Some(file) = named.or_else(|| context.lookup.get(FILE_VARIABLE).map(PathBuf::from)) else {
        let message = format!(
            "no credentials: set the variable {} to an access token or {FILE_VARIABLE} to a credentials file, or name one as `credentials_file`",
            TOKEN_VARIABLES[0]
        );
        return Err(Error::new(ErrorKind::Config, message));
    };
    Account::read(&file).map(|account| Credential::Account(Box::new(account)))
}

fn base_url(settings: &Settings, context: &BuildContext, credential: &Credential) -> Result<String> {
    if matches!(credential, Credential::Express(_)) {
        return Ok("https://aiplatform.googleapis.com/v1".to_owned());
    }
    let variable = |names: &[&str]| names.iter().find_map(|name| context.lookup.get(name));
    let of_account = || match credential {
        Credential::Account(account) => account.project().map(str::to_owned),
        _ => None,
    };
    let project = settings.project.clone().or_else(|| variable(PROJECT_VARIABLES)).or_else(of_account);
    let Some(project) = project else {
        let message = format!(
            "no project: set `project`, or the variable {}, to the project's id",
            PROJECT_VARIABLES[0]
        );
        return Err(Error::new(ErrorKind::Config, message));
    };
    let location = settings.location.clone().or_else(|| variable(LOCATION_VARIABLES));
    let location = location.unwrap_or_else(|| GLOBAL.to_owned());
    for (name, value) in [("project", &project), ("location", &location)] {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
        if value.is_empty() || !value.bytes().all(is_plain) {
            let message =
                format!("`{name}` holds what no {name}'s name has: write letters, digits and hyphens");
            return Err(Error::new(ErrorKind::Config, message));
        }
    }
    Ok(format!("https://{}/v1/projects/{project}/locations/{location}", host(&location)))
}

/// The host of a location; those of several countries have an own form
/// (<https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations>).
fn host(location: &str) -> String {
    match location {
        GLOBAL => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        location => format!("{location}-aiplatform.googleapis.com"),
    }
}

/// A token is fetched again when it has less time left than this.
const MARGIN: Duration = Duration::from_mins(2);

const fn registration() -> ProviderRegistration {
    let mut row = ProviderRegistration::new("vertex", build)
        .summary("Gemini and Claude on Google's Vertex AI")
        .key_variables(TOKEN_VARIABLES)
        // A credentials file does as well.
        .key_optional(true)
        .fields(FIELDS);
    row.semconv_name = Some(NAME);
    row
}

register_provider!(registration());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_its_host() {
        for (location, expected) in [
            ("global", "aiplatform.googleapis.com"),
            ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
        ] {
            assert_eq!(host(location), expected);
        }
    }
}
