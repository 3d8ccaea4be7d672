//! The addresses, and who answers there.

mod addresses;
mod body;
mod chat;
mod count_tokens;
mod embeddings;
mod exchange;
mod guard;
mod health;
mod metrics;
mod models;
mod orchestrate;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Response,
    routing::{get, post},
};
use ultraai::{Error, ErrorKind};

pub(crate) use self::{
    addresses::route,
    exchange::{Exchange, fresh_id},
};
use crate::{
    App,
    answer::{Api, refusal},
};

/// The gateway as a service.
pub fn router(app: Arc<App>) -> Router {
    let chat = |api: Api| post(move |State(app), request: Request| chat::answer(app, api, request));
    Router::new()
        .route("/v1/chat/completions", chat(Api::Chat))
        .route("/v1/responses", chat(Api::Responses))
        .route("/v1/messages", chat(Api::Messages))
        .route("/v1/messages/count_tokens", post(count_tokens::answer))
        .route("/v1/embeddings", post(embeddings::answer))
        .route("/v1/orchestrate", post(orchestrate::answer))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// Puts a request into the books whose caller left before anybody looked at it.
pub(crate) fn left(app: Arc<App>, request: Request) {
    if addresses::is_in_the_books(request.uri().path()) {
        drop(begin(app, request));
    }
}

/// Begins an exchange whose outcome is known whatever it holds.
fn begin(app: Arc<App>, request: Request) -> Exchange {
    let (head, _) = request.into_parts();
    let api = Api::of_path(head.uri.path());
    Exchange::begin(app, api, &head)
}

async fn nowhere(State(app): State<Arc<App>>, request: Request) -> Response {
    let exchange = begin(app, request);
    let message = format!(
        "nothing answers {} {}: there are {}",
        exchange.record.method,
        exchange.record.path,
        addresses::listed()
    );
    let error = Error::new(ErrorKind::InvalidRequest, message);
    let mut answer = refusal(exchange.api, &error);
    answer.status = StatusCode::NOT_FOUND.as_u16();
    exchange.refused_with(&error, answer)
}

async fn wrong_method(State(app): State<Arc<App>>, request: Request) -> Response {
    let exchange = begin(app, request);
    let path = &exchange.record.path;
    let right = addresses::ADDRESSES.iter().find(|(_, address)| *address == route(path));
    let message = format!(
        "{path} does not take the method {}: use {}",
        exchange.record.method,
        right.map_or("another one", |(method, _)| method)
    );
    let error = Error::new(ErrorKind::InvalidRequest, message);
    let mut answer = refusal(exchange.api, &error);
    answer.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    exchange.refused_with(&error, answer)
}
