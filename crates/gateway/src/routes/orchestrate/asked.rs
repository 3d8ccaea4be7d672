//! Reads a request in the library's own words.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use ultraai::{ChatRequest, Error, ErrorKind, Options, ProviderId, Result};
use ultraai_settings::DEFAULT;

use super::known::read_request;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: ChatRequest,
    /// Who answers, as the model's name of a chat says it.
    pub(super) model: String,
    pub(super) options: Options,
    pub(super) providers: Option<Vec<ProviderId>>,
    pub(super) is_live: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    request: Option<Value>,
    prompt: Option<String>,
    model: Option<String>,
    orchestrator: Option<String>,
    #[serde(default)]
    options: Options,
    providers: Option<Vec<ProviderId>>,
    #[serde(default)]
    stream: bool,
}

pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message.into())
}

impl Asked {
    /// Reads a body.
    ///
    /// # Errors
    /// `InvalidRequest`, which names what is wrong or not known.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let body: Body =
            serde_json::from_slice(body).map_err(|error| wrong(format!("the body is not right: {error}")))?;
        let mut request = match (body.request, body.prompt) {
            (Some(request), None) => read_request(request)?,
            (None, Some(prompt)) => ChatRequest::from_prompt(prompt),
            (Some(_), Some(_)) => return Err(wrong("`request` and `prompt` are both there: leave one out")),
            (None, None) => return Err(wrong("`prompt` or `request` is missing: say what is asked")),
        };
        let model = match (body.model, body.orchestrator) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "`model` and `orchestrator` are both there and mean the same: leave one out",
                ));
            }
            (None, None) => {
                request.model.take().map_or_else(|| DEFAULT.to_owned(), |model| model.to_string())
            }
            (model, orchestrator) => model.or(orchestrator).unwrap_or_default(),
        };
        Ok(Self { request, model, options: body.options, providers: body.providers, is_live: body.stream })
    }
}

/// Refuses what only the operator may set.
///
/// # Errors
/// `InvalidRequest`, which names the option.
pub(super) fn check(asked: &Options, configured: &Options) -> Result<()> {
    let shared = [
        ("max_requests_in_flight", asked.max_requests_in_flight.is_some()),
        ("max_queued_requests", asked.max_queued_requests.is_some()),
        ("daily_budget_dollars", asked.daily_budget_dollars.is_some()),
        ("daily_budget_dollars_per_key", asked.daily_budget_dollars_per_key.is_some()),
        ("connect_timeout_seconds", asked.connect_timeout_seconds.is_some()),
        ("capture_message_content", asked.capture_message_content.is_some()),
        ("allow_unknown_prices", asked.allow_unknown_prices.is_some()),
    ];
    if let Some((name, _)) = shared.iter().find(|(_, is_set)| *is_set) {
        return Err(wrong(format!("`options.{name}` is the operator's to set: leave it out")));
    }
    raised("budget_dollars", asked.budget_dollars, configured.budget_dollars)?;
    raised("timeout_seconds", asked.timeout_seconds, configured.timeout_seconds)?;
    raised(
        "max_providers_per_request",
        asked.max_providers_per_request,
        configured.max_providers_per_request,
    )?;
    raised("max_retries", asked.max_retries, configured.max_retries)?;
    // What is no number of seconds, say, is the caller's mistake, and not the operator's.
    asked.validate().map_err(|error| wrong(format!("in `options`: {}", error.message())))
}

/// Refuses more than the operator allows.
fn raised<T: PartialOrd + fmt::Display>(name: &str, wanted: Option<T>, most: Option<T>) -> Result<()> {
    match (wanted, most) {
        (Some(wanted), Some(most)) if wanted > most => Err(wrong(format!(
            "`options.{name}` is {wanted}, and the operator allows {most}: a request may only lower it"
        ))),
        _ => Ok(()),
    }
}
