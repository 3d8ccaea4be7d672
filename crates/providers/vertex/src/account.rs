//! Credentials files: of a service account, and of a user.

use std::{fmt, fs, path::Path, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{rand::SystemRandom, rsa, signature::RSA_PKCS1_SHA256};
use serde::Deserialize;
use serde_json::json;
use ultraai_core::{Error, ErrorKind, Result, Secret};

/// What a token may do; Vertex AI asks for this one (<https://developers.google.com/identity/protocols/oauth2/scopes>).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where a user's tokens are fetched.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// How long an assertion is good, in seconds: the most that Google takes
/// (<https://developers.google.com/identity/protocols/oauth2/service-account>).
const LIFETIME: u64 = 3600;

/// Whom tokens are fetched for.
pub(crate) struct Account {
    token_uri: String,
    project: Option<String>,
    quota_project: Option<String>,
    grant: Grant,
}

enum Grant {
    Service { email: String, key_id: Option<String>, key: Box<rsa::KeyPair> },
    User { client_id: String, client_secret: String, refresh_token: String },
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("token_uri", &self.token_uri).finish_non_exhaustive()
    }
}

/// The fields of a credentials file, as Google writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    r#type: String,
    project_id: Option<String>,
    quota_project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    client_email: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
}

impl Account {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// `Config`, which names the file and repeats nothing of it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(ErrorKind::Config, format!("the credentials file {} {why}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| wrong("cannot be read").with_source(error))?;
        let file: File = serde_json::from_str(&text)
            .map_err(|_| wrong("is no JSON of a service account or a user: download it again"))?;
        let missing = |name: &str| wrong(&format!("lacks `{name}`: download it again"));
        let grant = match file.r#type.as_str() {
            "service_account" => {
                let pem = file.private_key.ok_or_else(|| missing("private_key"))?;
                let key =
                    key(&pem).ok_or_else(|| wrong("holds no RSA key in `private_key`: download it again"))?;
                let email = file.client_email.ok_or_else(|| missing("client_email"))?;
                Grant::Service { email, key_id: file.private_key_id, key: Box::new(key) }
            }
            "authorized_user" => Grant::User {
                client_id: file.client_id.ok_or_else(|| missing("client_id"))?,
                client_secret: file.client_secret.ok_or_else(|| missing("client_secret"))?,
                refresh_token: file.refresh_token.ok_or_else(|| missing("refresh_token"))?,
            },
            _ => {
                let why = "is of a type that is not known here: use one of a service account or a user, or an access token";
                return Err(wrong(why));
            }
        };
        Ok(Self {
            token_uri: file.token_uri.unwrap_or_else(|| TOKEN_URI.to_owned()),
            project: file.project_id,
            quota_project: file.quota_project_id,
            grant,
        })
    }

    /// Where its tokens are fetched.
    pub(crate) fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// Its project.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.as_deref().or(self.quota_project.as_deref())
    }

    /// The project that pays for a user.
    pub(crate) fn quota_project(&self) -> Option<&str> {
        self.quota_project.as_deref().filter(|_| matches!(self.grant, Grant::User { .. }))
    }

    /// What tells it from others; it is taken out of what a server repeats.
    pub(crate) fn identity(&self) -> Result<Secret> {
        match &self.grant {
            Grant::Service { email, key_id, .. } => Secret::new(key_id.as_ref().unwrap_or(email)),
            Grant::User { refresh_token, .. } => Secret::new(refresh_token),
        }
    }

    /// The fields of the form that a token is asked for with, at a time since 1970.
    ///
    /// # Errors
    /// `Config` where the key cannot sign.
    pub(crate) fn form(&self, now: Duration) -> Result<Vec<(&'static str, String)>> {
        Ok(match &self.grant {
            Grant::User { client_id, client_secret, refresh_token } => vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", client_id.clone()),
                ("client_secret", client_secret.clone()),
                ("refresh_token", refresh_token.clone()),
            ],
            Grant::Service { email, key_id, key } => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                ("assertion", assertion(email, key_id.as_deref(), key, &self.token_uri, now.as_secs())?),
            ],
        })
    }
}

/// A signed JWT (<https://datatracker.ietf.org/doc/html/rfc7523>).
fn assertion(
    email: &str,
    key_id: Option<&str>,
    key: &rsa::KeyPair,
    token_uri: &str,
    now: u64,
) -> Result<String> {
    let mut head = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(key_id) = key_id {
        head["kid"] = key_id.into();
    }
    let claims = json!({ "iss": email, "scope": SCOPE, "aud": token_uri, "iat": now, "exp": now + LIFETIME });
    let text = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).map_err(|_| {
        Error::new(ErrorKind::Config, "the key of the service account cannot sign: download it again")
    })?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key in a PEM, which Google writes as `PRIVATE KEY`.
fn key(pem: &str) -> Option<rsa::KeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    rsa::KeyPair::from_pkcs8(&STANDARD.decode(body).ok()?).ok()
}
