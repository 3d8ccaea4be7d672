//! How many tokens a request has, in Anthropic's form: as the vendor counts them, else an estimate that says that it is one.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, request::Parts},
    response::Response,
};
use serde_json::json;
use ultraai::{CallContext, Candidate, ChatRequest, Error, ErrorKind, Result};
use ultraai_settings::Target;

use super::{Exchange, chat};
use crate::{
    App,
    answer::{Api, heads},
    app::Live,
};

/// How long a turn and the vendor are waited for; a count that comes later helps nobody who waits to ask.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers a request for a count.
pub(super) async fn answer(app: Arc<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(app, Api::Messages, &head);
    match count(&mut exchange, &head, body).await {
        Ok(response) => response,
        Err(error) => exchange.refused(&error),
    }
}

async fn count(exchange: &mut Exchange, head: &Parts, body: Body) -> Result<Response> {
    let caller = exchange.authenticate(&head.headers)?;
    let live = Arc::clone(&exchange.live);
    let body = exchange.read(&head.headers, body).await?;
    let mut request = chat::read(exchange.api, head, &body)?;
    let name = chat::named(&mut request)?;
    // It is a request, and takes no tokens of anybody.
    exchange.admit(&caller, name.as_str(), 0)?;
    let Target { orchestrator, options, model, .. } = exchange.target(&caller, name.as_str())?;
    // Several may answer, and each counts in its own way: the first is as good as any.
    let candidates = orchestrator.candidates();
    let first = options.providers.as_ref().and_then(|ids| ids.first());
    let candidate = candidates.iter().find(|one| first.is_none_or(|id| one.id() == id));
    request.model = model.or_else(|| candidate?.model().cloned());
    let cx = CallContext::new().with_timeout(TIMEOUT);
    exchange.record.provider = candidate.map(|candidate| candidate.id().clone());
    let counted = async {
        let _place = orchestrator.base().enter(&cx).await?;
        match candidate {
            Some(candidate) => counted(&live, &cx, candidate, &request).await,
            None => Ok((ultraai::estimate::tokens_of_request(&request), true)),
        }
    };
    let (tokens, is_estimate) = exchange.app.lifecycle.within(counted).await?;
    let mut response = exchange.json(json!({ "input_tokens": tokens }).to_string());
    if is_estimate {
        response.headers_mut().insert(heads::ESTIMATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The count, and whether it is an estimate: that is it too where the vendor could not be asked.
async fn counted(
    live: &Live,
    cx: &CallContext,
    candidate: &Candidate,
    request: &ChatRequest,
) -> Result<(u64, bool)> {
    use ErrorKind as K;
    let named = |error: Error| error.with_provider(candidate.id().clone());
    if let Some(counter) = live.token_counter(candidate.id()).map_err(named)? {
        match counter.count(cx, request).await {
            Ok(tokens) => return Ok((tokens, false)),
            // What is wrong with the request its author must read.
            Err(error)
                if matches!(
                    error.kind(),
                    K::Rejected | K::InvalidRequest | K::ContextTooLong | K::ModelNotFound | K::Unsupported
                ) =>
            {
                return Err(named(error));
            }
            Err(error) => tracing::warn!(
                provider_id = candidate.id().as_str(),
                error.r#type = error.kind().as_str(),
                "the vendor counts no tokens now: they are estimated"
            ),
        }
    }
    Ok((candidate.estimated_tokens(request), true))
}
