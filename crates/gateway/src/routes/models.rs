//! The names that a request may give as its model, as OpenAI and Anthropic list models.
//!
//! Listed is what somebody configured. What the vendors have besides may be asked for as `PROVIDER/MODEL`; they are not asked for
//! their lists, so that this one is there at once whatever they do.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{Uri, request::Parts},
    response::Response,
};
use serde_json::{Value, json};
use ultraai::{Error, ErrorKind, Result, nearest};

use super::Exchange;
use crate::{App, access::rfc3339, answer::Api, app::Live};

/// Models on a page, where the caller does not say it; Anthropic's default is 20, but a list that is cut off there misleads who
/// reads one page alone.
const PAGE: usize = 1000;

/// A name that a request may give.
#[derive(Debug)]
struct Named {
    id: String,
    owner: String,
}

/// Lists them.
pub(super) fn list(app: Arc<App>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    answered(app, &head, |api, since, all| match api {
        Api::Messages => Ok(page(&head.uri, since, &all)),
        _ => Ok(
            json!({ "object": "list", "data": all.iter().map(|it| openai(it, since)).collect::<Vec<_>>() }),
        ),
    })
}

/// Tells one of them; its name may hold slashes.
pub(super) fn one(app: Arc<App>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let id = decoded(head.uri.path().strip_prefix("/v1/models/").unwrap_or_default());
    answered(app, &head, |api, since, all| {
        let Some(found) = all.iter().find(|it| it.id == id) else {
            let advice = match nearest(&id, all.iter().map(|it| it.id.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`GET /v1/models` lists those that are".to_owned(),
            };
            return Err(Error::new(ErrorKind::ModelNotFound, format!("no model `{id}` is listed: {advice}")));
        };
        Ok(if api == Api::Messages { anthropic(found, since) } else { openai(found, since) })
    })
}

/// Writes what `write` makes of the names that the caller may give.
fn answered(
    app: Arc<App>,
    head: &Parts,
    write: impl FnOnce(Api, u64, Vec<Named>) -> Result<Value>,
) -> Response {
    // Both vendors list their models at this address, and only the head tells whose SDK asks.
    let api = Api::of(head);
    let mut exchange = Exchange::begin(app, api, head);
    let written = exchange.authenticate(&head.headers).and_then(|caller| {
        let mut all = named(&exchange.live);
        all.retain(|it| caller.may_ask(&it.id));
        write(api, exchange.live.since, all)
    });
    match written {
        Err(error) => exchange.refused(&error),
        Ok(body) => exchange.json(body.to_string()),
    }
}

/// The orchestrators, the aliases, the providers, and the providers' own models.
fn named(live: &Live) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |id: String, owner: &str| {
        if all.iter().all(|it| it.id != id) {
            all.push(Named { id, owner: owner.to_owned() });
        }
    };
    for (name, _) in live.orchestrators.orchestrators() {
        add(name, "ultraai");
    }
    for alias in live.gateway().aliases.keys() {
        add(alias.clone(), "ultraai");
    }
    let asked = live.orchestrators.providers();
    let settings = &live.settings;
    for provider in settings.summaries().iter().filter(|provider| asked.contains(&provider.id)) {
        add(provider.id.to_string(), &provider.provider_type);
        let models = [provider.model.clone(), settings.embedding_model(provider)];
        for model in models.into_iter().flatten() {
            add(format!("{}/{model}", provider.id), &provider.provider_type);
        }
    }
    all
}

fn openai(named: &Named, since: u64) -> Value {
    json!({ "id": named.id, "object": "model", "created": since, "owned_by": named.owner })
}

fn anthropic(named: &Named, since: u64) -> Value {
    json!({ "type": "model", "id": named.id, "display_name": named.id, "created_at": rfc3339(since) })
}

/// A page as Anthropic cuts them: `limit` behind `after_id`, or before `before_id`
/// (<https://platform.claude.com/docs/en/api/models/list>).
fn page(uri: &Uri, since: u64, all: &[Named]) -> Value {
    let query = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(&value.replace('+', " "))).next()
    };
    let place = |id: String| all.iter().position(|it| it.id == id);
    let limit = query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE).max(1);
    let (from, to, has_more) = match (query("before_id").and_then(place), query("after_id").and_then(place)) {
        (Some(before), _) => (before.saturating_sub(limit), before, before > limit),
        (None, after) => {
            let from = after.map_or(0, |at| at + 1);
            let to = all.len().min(from + limit);
            (from, to, to < all.len())
        }
    };
    let cut = &all[from..to];
    json!({
        "data": cut.iter().map(|it| anthropic(it, since)).collect::<Vec<_>>(),
        "has_more": has_more,
        "first_id": cut.first().map(|it| &it.id),
        "last_id": cut.last().map(|it| &it.id),
    })
}

/// A part of an address without its percent signs; what is no UTF-8 then names nobody.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
