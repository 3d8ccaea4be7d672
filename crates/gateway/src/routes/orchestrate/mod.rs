//! The library's own request and its whole outcome, for who wants to know who said what.

mod asked;
mod told;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, header::CONTENT_TYPE, request::Parts},
    response::Response,
};
use serde_json::{Value, json};
use ultraai::{ChatRequest, Error, ErrorReport, Result, Strategy};
use ultraai_settings::Target;

use self::{asked::Asked, told::Told};
use super::{Exchange, body};
use crate::{
    App,
    answer::{Api, refusal, write_sums},
};

/// Answers with the outcome, whole or event by event.
pub(super) async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(app, Api::Chat, &head);
    let (target, request, is_live) = match asked(&mut exchange, &head, body).await {
        Ok(asked) => asked,
        Err(error) => return refused(exchange, &error),
    };
    let Target { orchestrator, options, .. } = target;
    if is_live {
        return match orchestrator.process_stream_with(request, options) {
            Ok(stream) => Told::new(exchange, stream).response().await,
            Err(error) => refused(exchange, &error),
        };
    }
    match whole(&mut exchange, &orchestrator, request, options).await {
        Ok(response) => response,
        Err(error) => refused(exchange, &error),
    }
}

type Orchestrator = ultraai::Orchestrator<Arc<dyn Strategy>>;

async fn asked(exchange: &mut Exchange, head: &Parts, body: Body) -> Result<(Target, ChatRequest, bool)> {
    let caller = exchange.authenticate(&head.headers)?;
    let live = Arc::clone(&exchange.live);
    let gateway = live.gateway();
    let body = body::read(body, gateway.max_body_bytes, gateway.stall_timeout).await?;
    let Asked { mut request, model, options, providers, is_live } = Asked::read(&body)?;
    let tokens = (body.len() as u64 / 4).saturating_add(request.max_tokens.unwrap_or(0));
    exchange.admit(&caller, &model, tokens)?;
    let mut target = exchange.target(&caller, &model)?;
    request.model = target.model.take().or(request.model);
    asked::check(&options, &target.orchestrator.options().overridden_by(&target.options.options))?;
    target.options.options = target.options.options.overridden_by(&options);
    if let Some(providers) = providers {
        // A key that may ask one orchestrator may not ask whatever stands beside it.
        for id in &providers {
            let listed = target.options.providers.as_ref().is_none_or(|allowed| allowed.contains(id));
            if !listed || target.orchestrator.candidate(id).is_none() {
                return Err(asked::wrong(format!(
                    "`providers` names `{id}`, which is none of those of `{model}`"
                )));
            }
        }
        target.options.providers = Some(providers);
    }
    Ok((target, request, is_live))
}

async fn whole(
    exchange: &mut Exchange,
    orchestrator: &Orchestrator,
    request: ChatRequest,
    options: ultraai::RequestOptions,
) -> Result<Response> {
    let outcome = orchestrator.process_with(request, options).await?;
    exchange.answered(&outcome);
    let body = serde_json::to_vec(&outcome).expect("an outcome has text for keys");
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    exchange.write_head(headers);
    write_sums(headers, &outcome.ledger.totals);
    Ok(response)
}

/// An error in the library's words, with what it cost all the same. A failure of ours says no more than its kind.
fn refused(exchange: Exchange, error: &Error) -> Response {
    let answer = refusal(exchange.api, error).with_body(body_of(error).to_string().into_bytes());
    exchange.refused_with(error, answer)
}

/// As `ultraai ask --json` prints it.
fn body_of(error: &Error) -> Value {
    let mut body = json!({ "error": ErrorReport::from(error) });
    if let Some(report) = error.report() {
        body["report"] = serde_json::to_value(report).expect("a report has text for keys");
    }
    body
}
