//! One request from its head to the end of its answer.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use ultraai::{Error, ErrorKind, Outcome, Result};
use ultraai_settings::Target;

use super::body;
use crate::{
    App, access,
    answer::{Api, Refusal, heads, refusal, write_sums},
    app::Live,
    state::{Admission, Caller, Quotas},
};

/// Names are shorter; a longer one would only fill what remembers names.
const LONGEST_MODEL: usize = 256;

/// One request, with what stays until its answer has ended. When it is dropped the books are closed.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) app: Arc<App>,
    pub(crate) live: Arc<Live>,
    pub(crate) api: Api,
    /// What is told of it when it ends.
    pub(crate) record: access::Record,
    admission: Option<Admission>,
    /// What is left of the caller's minute, where the request was not let in.
    quotas: Option<Quotas>,
    /// It has a body that was not read to its end.
    is_unread: bool,
}

/// The caller's name of the request, where it gave one that can be repeated; else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let is_plain =
        |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match given.filter(is_plain) {
        Some(id) => id.to_owned(),
        None => fresh_id("req_"),
    }
}

/// Whether something follows the head.
fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

/// Letters and digits that nobody else has, behind `prefix`.
pub(crate) fn fresh_id(prefix: &str) -> String {
    let mut id = String::with_capacity(prefix.len() + 32);
    write!(id, "{prefix}{:032x}", fastrand::u128(..)).expect("a string takes all that is written");
    id
}

impl Exchange {
    pub(crate) fn begin(app: Arc<App>, api: Api, head: &Parts) -> Self {
        let record = access::Record::begin(&app, request_id(&head.headers), head);
        let live = app.live();
        let is_unread = has_body(&head.headers);
        Self { app, live, api, record, admission: None, quotas: None, is_unread }
    }

    /// Reads the body within the limits of the settings.
    ///
    /// # Errors
    /// As [`body::read`].
    pub(crate) async fn read(&mut self, headers: &HeaderMap, body: Body) -> Result<Bytes> {
        let gateway = self.live.gateway();
        let read = body::read(headers, body, gateway.max_body_bytes, gateway.stall_timeout).await?;
        self.is_unread = false;
        Ok(read)
    }

    /// Who calls.
    pub(crate) fn authenticate(&mut self, headers: &HeaderMap) -> Result<Caller> {
        let caller = self.app.state.authenticate(headers)?;
        self.record.key = caller.key().map(str::to_owned);
        Ok(caller)
    }

    /// Lets the request in.
    pub(crate) fn admit(&mut self, caller: &Caller, model: &str, tokens: u64) -> Result<()> {
        if model.len() > LONGEST_MODEL {
            let message = format!("`model` is longer than {LONGEST_MODEL} bytes, which no name here is");
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        self.record.model = Some(model.to_owned());
        let admitted = caller.admit(model, tokens);
        self.quotas = admitted.is_err().then(|| caller.quotas());
        self.admission = Some(admitted?);
        Ok(())
    }

    /// Who answers a request that names `name`, with what it is written and paid with.
    pub(crate) fn target(&self, caller: &Caller, name: &str) -> Result<Target> {
        let live = &self.live;
        let mut target = live.orchestrators.target_among(live.resolved(name), || live.names_for(caller))?;
        target.options.ledger = Some(self.record.ledger.clone());
        target.options.purse = caller.purse();
        Ok(target)
    }

    /// Notes who answered, and how that was found.
    pub(crate) fn answered(&mut self, outcome: &Outcome) {
        self.record.strategy = Some(outcome.strategy.clone());
        self.record.provider = Some(outcome.synthesis.provider_id.clone());
    }

    /// Writes what every answer's head tells.
    pub(crate) fn write_head(&self, headers: &mut HeaderMap) {
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if self.is_unread {
            // The connection ends with this, since what follows on it is no next request. A caller who is not told sends one.
            put(CONNECTION, "close");
        }
        put(heads::REQUEST_ID, &self.record.request_id);
        if self.api == Api::Messages {
            put(heads::ANTHROPIC_REQUEST_ID, &self.record.request_id);
        }
        if let Some(provider) = &self.record.provider {
            put(heads::PROVIDER, provider.as_str());
        }
        if let Some(strategy) = &self.record.strategy {
            put(heads::STRATEGY, strategy);
        }
        if let Some(admission) = &self.admission {
            admission.write(headers);
            if self.api == Api::Messages {
                admission.write_as_anthropic(headers);
            }
        }
        if let Some(quotas) = &self.quotas {
            quotas.write(headers);
            if self.api == Api::Messages {
                quotas.write_as_anthropic(headers);
            }
        }
    }

    /// A whole answer in JSON.
    pub(crate) fn json(&mut self, body: impl Into<Body>) -> Response {
        self.record.status = Some(200);
        self.record.is_complete = true;
        let mut response = Response::new(body.into());
        let headers = response.headers_mut();
        // Not for live answers: their connection keeps the map as it is.
        headers.reserve(heads::USUAL);
        self.write_head(headers);
        headers.insert(CONTENT_TYPE, heads::JSON);
        response
    }

    /// The answer to a request that was refused or failed.
    pub(crate) fn refused(self, error: &Error) -> Response {
        let answer = refusal(self.api, error);
        self.refused_with(error, answer)
    }

    /// The same, with a body or a status of its own.
    pub(crate) fn refused_with(mut self, error: &Error, answer: Refusal) -> Response {
        self.record.status = Some(answer.status);
        self.record.error = Some(access::word_of(error));
        self.record.is_complete = true;
        let mut response = answer.into_response();
        let headers = response.headers_mut();
        self.write_head(headers);
        let totals = self.record.ledger.totals();
        if totals.attempts > 0 {
            write_sums(headers, &totals);
        }
        response
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            let totals = self.record.ledger.totals();
            let sums = [totals.reported, totals.estimated];
            let all = sums.iter().flat_map(|sum| [sum.input_tokens, sum.output_tokens]);
            admission.settle(all.fold(0, u64::saturating_add));
        }
        self.record.close(&self.app, self.live.gateway().access_log);
    }
}
