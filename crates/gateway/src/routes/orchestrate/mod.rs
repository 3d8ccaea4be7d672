//! The library's own request and its whole outcome, for who wants to know who said what.

mod asked;
mod known;
mod told;

use std::{borrow::Cow, sync::Arc};

use axum::{body::Body, extract::Request, http::request::Parts, response::Response};
use serde_json::{Value, json};
use ultraai::{
    ChatRequest, Error, ErrorKind, ErrorReport, Ledger, ProviderId, Result, Strategy, orchestrator::Report,
};
use ultraai_settings::Target;

use self::{asked::Asked, told::Told};
use super::Exchange;
use crate::{
    App,
    answer::{Api, Live, refusal, write_sums},
};

/// Answers with the outcome, whole or event by event.
pub(super) async fn answer(app: Arc<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(app, Api::Chat, &head);
    let (target, request, is_live) = match asked(&mut exchange, &head, body).await {
        Ok(asked) => asked,
        Err(error) => return refused(exchange, &error),
    };
    let Target { orchestrator, options, .. } = target;
    if is_live {
        return match orchestrator.process_stream_with(request, options) {
            Ok(stream) => Live::new(exchange, stream, Told).response().await,
            Err(error) => refused(exchange, &of_the_caller(error)),
        };
    }
    match whole(&mut exchange, &orchestrator, request, options).await {
        Ok(response) => response,
        Err(error) => refused(exchange, &of_the_caller(error)),
    }
}

/// What the caller's options make impossible is the caller's mistake: those of the settings were checked when they were read.
fn of_the_caller(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Config if error.report().is_none() => {
            Error::new(ErrorKind::InvalidRequest, error.message().to_owned())
        }
        _ => error,
    }
}

type Orchestrator = ultraai::Orchestrator<Arc<dyn Strategy>>;

async fn asked(exchange: &mut Exchange, head: &Parts, body: Body) -> Result<(Target, ChatRequest, bool)> {
    let caller = exchange.authenticate(&head.headers)?;
    let body = exchange.read(&head.headers, body).await?;
    let Asked { mut request, model, options, providers, is_live } = Asked::read(&body)?;
    let tokens = (body.len() as u64 / 4).saturating_add(request.max_tokens.unwrap_or(0));
    exchange.admit(&caller, &model, tokens)?;
    let mut target = exchange.target(&caller, &model)?;
    // A name of the request's own would go round the names that the key may ask.
    request.model = target.model.take();
    asked::check(&options, &target.orchestrator.options().overridden_by(&target.options.options))?;
    // A key that may ask one orchestrator may not ask whatever stands beside it.
    let is_there = |field: &str, id: &ProviderId| {
        let listed = target.options.providers.as_ref().is_none_or(|allowed| allowed.contains(id));
        match listed && target.orchestrator.candidate(id).is_some() {
            true => Ok(()),
            false => {
                Err(asked::wrong(format!("`{field}` names `{id}`, which is none of those of `{model}`")))
            }
        }
    };
    for (field, named) in
        [("options.synthesizer", &options.synthesizer), ("options.analyst", &options.analyst)]
    {
        named.iter().try_for_each(|id| is_there(field, id))?;
    }
    providers.iter().flatten().try_for_each(|id| is_there("providers", id))?;
    if providers.as_ref().is_some_and(Vec::is_empty) {
        return Err(asked::wrong("`providers` is empty: name one, or leave it out to ask all"));
    }
    target.options.hurried = options.timeout_seconds.is_some();
    target.options.options = target.options.options.overridden_by(&options);
    target.options.providers = providers.or(target.options.providers);
    Ok((target, request, is_live))
}

async fn whole(
    exchange: &mut Exchange,
    orchestrator: &Orchestrator,
    request: ChatRequest,
    options: ultraai::RequestOptions,
) -> Result<Response> {
    let answered = orchestrator.process_with(request, options);
    let outcome = exchange.app.lifecycle.within(answered).await?;
    exchange.answered(&outcome);
    let body = serde_json::to_vec(&outcome).expect("an outcome has text for keys");
    let mut response = exchange.json(body);
    write_sums(response.headers_mut(), &outcome.ledger.totals);
    Ok(response)
}

/// An error in the library's words, with what it cost all the same. A failure of ours says no more than its kind.
fn refused(exchange: Exchange, error: &Error) -> Response {
    let body = body_of(error, &exchange.record.ledger);
    let answer = refusal(exchange.api, error).with_body(body.to_string().into_bytes());
    exchange.refused_with(error, answer)
}

/// As `ultraai ask --json` prints it. What was cut off from without brings no report: then the books, which are `ledger`, say what
/// was spent, where anybody was asked.
fn body_of(error: &Error, ledger: &Ledger) -> Value {
    let mut body = json!({ "error": ErrorReport::from(error) });
    let spent = || {
        let ledger = ledger.report();
        (ledger.totals.attempts > 0).then(|| {
            let mut report = Report::default();
            report.ledger = ledger;
            report
        })
    };
    let report = error.report().map(Cow::Borrowed).or_else(|| spent().map(Cow::Owned));
    if let Some(report) = report {
        body["report"] = serde_json::to_value(report).expect("a report has text for keys");
    }
    body
}
