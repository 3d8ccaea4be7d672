//! Chat, in each of the protocols.

use std::sync::Arc;

use axum::{extract::Request, http::request::Parts, response::Response};
use bytes::Bytes;
use ultraai::{
    Answering, ChatRequest, Delivery, Error, ErrorKind, Losses, ModelName, Native, Outcome, RequestOptions,
    Result,
};
use ultraai_settings::Target;

use super::{Exchange, exchange::fresh_id};
use crate::{
    App,
    answer::{Api, Events, now, write_losses, write_sums},
};

/// Answers a request, whole or live as it wants.
pub(crate) async fn answer(app: Arc<App>, api: Api, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(app, api, &head);
    let asked = async {
        let caller = exchange.authenticate(&head.headers)?;
        let body = exchange.read(&head.headers, body).await?;
        let mut request = read(api, &head, &body)?;
        let name = named(&mut request)?;
        exchange.admit(&caller, name.as_str(), estimate(&request, &body))?;
        let Target { orchestrator, options, model, .. } = exchange.target(&caller, name.as_str())?;
        request.model = model;
        Ok((orchestrator, request, options))
    };
    let (orchestrator, request, options) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return exchange.refused(&error),
    };
    let result = match request.delivery {
        Delivery::Live => return live(exchange, &orchestrator, request, options).await,
        Delivery::Whole => whole(&mut exchange, &orchestrator, request, &options).await,
    };
    match result {
        Ok(response) => response,
        Err(error) => exchange.refused(&error),
    }
}

type Orchestrator = ultraai::Orchestrator<Arc<dyn ultraai::Strategy>>;

/// Takes the name that says who answers.
pub(super) fn named(request: &mut ChatRequest) -> Result<ModelName> {
    request.model.take().ok_or_else(|| {
        let message = "`model` is missing: name an orchestrator, such as `default`, or a provider";
        Error::new(ErrorKind::InvalidRequest, message)
    })
}

/// The request, with what its head says of it and the form it came in.
pub(super) fn read(api: Api, head: &Parts, body: &Bytes) -> Result<ChatRequest> {
    let codec = api.codec();
    let mut request = codec.decode_request(head.uri.path(), body)?;
    let mut told =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    codec.read_headers(&mut told, &mut request);
    request.native = Some(Native::new(codec.protocol(), body.clone()));
    Ok(request)
}

/// About how many tokens a request takes, before anybody counted: four bytes a token, and the answer's upper bound.
fn estimate(request: &ChatRequest, body: &Bytes) -> u64 {
    (body.len() as u64 / 4).saturating_add(request.max_tokens.unwrap_or(0))
}

async fn whole(
    exchange: &mut Exchange,
    orchestrator: &Orchestrator,
    request: ChatRequest,
    options: &RequestOptions,
) -> Result<Response> {
    let run = orchestrator.base().start(request, options)?;
    let request = Arc::clone(run.request());
    let answered = run.drive(orchestrator.strategy());
    let outcome = exchange.app.lifecycle.within(answered).await?;
    exchange.answered(&outcome);
    let mut losses = Losses::noted();
    let body = written(exchange.api, &request, &outcome, &mut losses)?;
    let mut response = exchange.json(body);
    let headers = response.headers_mut();
    write_sums(headers, &outcome.ledger.totals);
    write_losses(headers, Losses::in_trace(&outcome.trace), &losses);
    Ok(response)
}

/// The answer's body: as it came, where nobody changed anything.
fn written(api: Api, request: &ChatRequest, outcome: &Outcome, losses: &mut Losses) -> Result<Bytes> {
    let codec = api.codec();
    let answer = &outcome.synthesis.answer;
    if let Some(native) = answer.native.as_ref().filter(|native| native.protocol == codec.protocol()) {
        return Ok(native.body.clone());
    }
    let id = fresh_id("");
    let to = Answering { request, id: &id, created: now() };
    let mut answer = (**answer).clone();
    answer.usage = outcome.ledger.usage().or(answer.usage);
    Ok(codec.encode_response(&to, &answer, losses)?.into())
}

async fn live(
    exchange: Exchange,
    orchestrator: &Orchestrator,
    request: ChatRequest,
    options: RequestOptions,
) -> Response {
    let stream = match orchestrator.process_stream_with(request, options) {
        Ok(stream) => stream,
        Err(error) => return exchange.refused(&error),
    };
    Events::live(exchange, stream).response().await
}
