//! Tokens that are fetched, kept, and fetched again before their end.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use ultraai_core::{Error, ErrorKind, Result, Secret, async_trait};
use ultraai_wire::{Authorizer, BaseUrl, Endpoint, HttpSettings, Unsigned};

use crate::{MARGIN, account::Account};

/// Upper bound of what a token endpoint says, in bytes.
const MOST: usize = 64 << 10;

/// How long the words of a refusal are waited for.
const ERROR_TIME: Duration = Duration::from_secs(2);

/// A token is good that long where nobody says how long.
const USUAL_LIFE: u64 = 3600;

/// No token of Google's is good for longer than 12 hours; what says so is asked again after a day.
const LONGEST_LIFE: u64 = 24 * 3600;

/// Authorizes requests by a token of an account. One request fetches it, and those that come meanwhile wait for it.
pub(crate) struct Tokens {
    account: Account,
    endpoint: Endpoint,
    token: Mutex<Option<Token>>,
}

struct Token {
    bearer: String,
    until: Instant,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("account", &self.account).finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
    error: String,
}

impl Tokens {
    /// Tokens of `account`, which are reached as the provider is.
    ///
    /// # Errors
    /// `Config` where the address of the credentials file is none.
    pub(crate) fn new(account: Account, http: &HttpSettings, connect_timeout: Duration) -> Result<Self> {
        let address = BaseUrl::parse(account.token_uri()).map_err(|error| {
            let message = format!("`token_uri` of the credentials file: {}", error.message());
            Error::new(ErrorKind::Config, message)
        })?;
        let endpoint = http.endpoint(connect_timeout, address.join(""));
        Ok(Self { account, endpoint, token: Mutex::new(None) })
    }

    async fn fetch(&self) -> Result<Token> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let form = self.account.form(now)?;
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let asked = Instant::now();
        let response = self.endpoint.post_form(&form).await?;
        let status = response.status();
        if !response.is_success() {
            let body = response.into_body().read_start(MOST, ERROR_TIME).await;
            return Err(refused(status, &body));
        }
        let body = response.into_body().read(MOST).await?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        // Nothing that no header can hold becomes one.
        let bearer = Secret::new(&answer.access_token).map_err(|_| {
            Error::new(ErrorKind::Undecodable, "the token endpoint gave no token: check `token_uri`")
        })?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE));
        // One that is short already is good for half of its time.
        let margin = MARGIN.min(life / 2);
        Ok(Token {
            bearer: format!("Bearer {}", bearer.expose()),
            until: asked + life.saturating_sub(margin),
        })
    }
}

/// What a refusal means. Its words may repeat the account's name, so only the code is told.
fn refused(status: u16, body: &[u8]) -> Error {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let is_code = |code: &String| {
        (1..40).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let code = Some(answer.error).filter(is_code).unwrap_or_else(|| "no reason".to_owned());
    let (kind, advice) = match ErrorKind::of_status(status) {
        kind @ (ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::ServerError) => {
            (kind, "try again")
        }
        _ => (ErrorKind::Authentication, "look at the credentials file, the account and the clock"),
    };
    let message = format!("the token endpoint gave no token ({status}, {code}): {advice}");
    Error::new(kind, message).with_status(status)
}

#[async_trait]
impl Authorizer for Tokens {
    async fn authorize(&self, _: &Unsigned<'_>) -> Result<Vec<(&'static str, String)>> {
        let mut token = self.token.lock().await;
        let bearer = match &*token {
            Some(token) if Instant::now() < token.until => token.bearer.clone(),
            _ => token.insert(self.fetch().await?).bearer.clone(),
        };
        Ok(vec![("authorization", bearer)])
    }
}
