//! The addresses, and who answers there.

mod body;
mod chat;
mod exchange;
mod guard;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ultraai::{Error, ErrorKind};

pub(crate) use self::exchange::{Exchange, fresh_id};
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
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

async fn nowhere(method: Method, uri: Uri) -> Response {
    let message =
        format!("nothing answers {method} {}: see the list of addresses in the documentation", uri.path());
    refusal(Api::of_path(uri.path()), &Error::new(ErrorKind::ModelNotFound, message)).into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take the method {method}", uri.path());
    let answer =
        Api::of_path(uri.path()).codec().encode_error(&Error::new(ErrorKind::InvalidRequest, message));
    (StatusCode::METHOD_NOT_ALLOWED, [("content-type", "application/json")], answer.body).into_response()
}
