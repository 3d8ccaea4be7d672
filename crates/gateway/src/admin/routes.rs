//! What is asked and answered on the admin socket.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State as Extracted},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{delete, get},
};
use serde::Serialize;
use ultraai::{Error, ErrorKind};

use super::client::{Created, Failed, Fault, Listed, Models, Status};
use crate::{App, KeyTerms, State};

pub(super) fn router(state: State) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/keys", get(list).post(create))
        .route("/keys/{id}", delete(revoke))
        .fallback(nowhere)
        .with_state(state)
}

/// What answers which names a request may give as its model; one of the further addresses of [`listen`](super::listen).
pub fn models(app: Arc<App>) -> Router {
    Router::new().route("/models", get(list_models)).with_state(app)
}

async fn list_models(Extracted(app): Extracted<Arc<App>>) -> Response {
    let live = app.live();
    let settings = &live.settings;
    let embedding =
        settings.summaries().iter().filter_map(|one| settings.embedding_model(one)).collect::<Vec<_>>();
    let models = live.names().chain(embedding).collect();
    let providers = live.orchestrators.providers().iter().map(ToString::to_string).collect();
    json(StatusCode::OK, &Models { models, providers })
}

async fn status(Extracted(state): Extracted<State>) -> Response {
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        process: std::process::id(),
        demands_key: state.demands_key(),
    };
    json(StatusCode::OK, &status)
}

async fn list(Extracted(state): Extracted<State>) -> Response {
    // What other gateways spent is wanted too; where the store fails what is known here is told.
    if let Err(error) = state.sync().await {
        tracing::warn!(?error, "the store could not be asked for the list of keys");
    }
    json(StatusCode::OK, &Listed { keys: state.keys() })
}

async fn create(Extracted(state): Extracted<State>, body: Bytes) -> Response {
    let terms = match serde_json::from_slice::<KeyTerms>(&body) {
        Ok(terms) => terms,
        Err(error) => {
            let message = "the terms of the key cannot be read: are server and command of the same version?";
            return failed(&Error::new(ErrorKind::InvalidRequest, message).with_source(error));
        }
    };
    match state.create_key(terms).await {
        Ok((key, token)) => json(StatusCode::CREATED, &Created { key, token: token.expose().to_owned() }),
        Err(error) => failed(&error),
    }
}

async fn revoke(Extracted(state): Extracted<State>, Path(id): Path<String>) -> Response {
    match state.revoke_key(&id).await {
        Ok(key) => json(StatusCode::OK, &key),
        Err(error) => failed(&error),
    }
}

async fn nowhere() -> Response {
    let message =
        "the running server does not know this request: are server and command of the same version?";
    failed(&Error::new(ErrorKind::Unsupported, message))
}

fn failed(error: &Error) -> Response {
    let status = match error.kind() {
        ErrorKind::Config | ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorKind::Unsupported => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    // The cause goes along: who asks here owns the server.
    let message = match std::error::Error::source(error) {
        Some(source) => format!("{} (because: {source})", error.message()),
        None => error.message().to_owned(),
    };
    json(status, &Failed { error: Fault { kind: error.kind().as_str().to_owned(), message } })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("it is plain data");
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
