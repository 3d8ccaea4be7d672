//! Embeddings, in OpenAI's form.
//!
//! An embedder makes one attempt. The vendors' SDKs ask again by themselves where the answer says that it may help, so that nothing
//! is asked again here.

use std::sync::Arc;

use axum::{body::Body, extract::Request, http::request::Parts, response::Response};
use ultraai::{EmbeddingServerCodec as _, Error, ErrorKind, Losses, RequestOptions, Result};
use ultraai_protocol_openai_chat::{EmbeddingDialect, Embeddings};

use super::Exchange;
use crate::{
    App,
    answer::{Api, write_losses, write_sums},
    app::not_asked,
};

const CODEC: Embeddings = Embeddings(&EmbeddingDialect::OPENAI);

/// Answers a request for vectors.
pub(super) async fn answer(app: Arc<App>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::begin(app, Api::Chat, &head);
    match embed(&mut exchange, &head, body).await {
        Ok(response) => response,
        Err(error) => exchange.refused(&error),
    }
}

async fn embed(exchange: &mut Exchange, head: &Parts, body: Body) -> Result<Response> {
    let caller = exchange.authenticate(&head.headers)?;
    let live = Arc::clone(&exchange.live);
    let body = exchange.read(&head.headers, body).await?;
    let mut request = CODEC.decode_request(head.uri.path(), &body)?;
    let name = request.model.take().ok_or_else(|| {
        let message = "`model` is missing: name a provider that makes embeddings, or PROVIDER/MODEL";
        Error::new(ErrorKind::InvalidRequest, message)
    })?;
    exchange.admit(&caller, name.as_str(), body.len() as u64 / 4)?;
    let may_ask = |name: &str| caller.may_ask(name);
    let (id, model) = live.settings.embedding_target(live.resolved(name.as_str()), may_ask)?;
    request.model = Some(model);
    exchange.record.provider = Some(id.clone());
    let named = |error: Error| error.with_provider(id.clone());
    let embedder = live.embedder(&id).map_err(named)?;
    let base = live.orchestrators.default_orchestrator().base();
    let candidate = base.candidate(&id).ok_or_else(|| not_asked(&id))?;
    let mut options = RequestOptions::default().with_ledger(exchange.record.ledger.clone());
    options.purse = caller.purse();
    let cx = base.embedding_context(&candidate, &options)?;
    let answered = async {
        let _place = base.enter(&cx).await?;
        embedder.embed(&cx, &request).await.map_err(named)
    };
    let answer = exchange.app.lifecycle.within(answered).await?;
    let mut losses = Losses::noted();
    let body = CODEC.encode_response(&request, &answer, &mut losses)?;
    let mut response = exchange.json(body);
    let headers = response.headers_mut();
    write_sums(headers, &exchange.record.ledger.totals());
    write_losses(headers, cx.left_out().iter().map(String::as_str), &losses);
    Ok(response)
}
