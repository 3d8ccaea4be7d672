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

use std::{pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header::ALLOW},
    response::{IntoResponse as _, Response},
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
    Router::new().fallback(move |request: Request| answer(app, request))
}

/// Answers a request. The server asks here, and not the router above, which is for programs that have another one around it.
pub(crate) fn answer(app: Arc<App>, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    Box::pin(guard::guarded(app, request))
}

/// Finds who answers. A table of axum's would box what it hands on several times for each request, and tell where parameters
/// stand that one address has.
async fn routed(app: Arc<App>, request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let method = if method == Method::HEAD { &Method::GET } else { method };
    match (method.as_str(), route(path)) {
        ("POST", "/v1/chat/completions") => chat::answer(app, Api::Chat, request).await,
        ("POST", "/v1/responses") => chat::answer(app, Api::Responses, request).await,
        ("POST", "/v1/messages") => chat::answer(app, Api::Messages, request).await,
        ("POST", "/v1/messages/count_tokens") => count_tokens::answer(app, request).await,
        ("POST", "/v1/embeddings") => embeddings::answer(app, request).await,
        ("POST", "/v1/orchestrate") => orchestrate::answer(app, request).await,
        ("GET", "/v1/models") => models::list(app, request),
        ("GET", "/v1/models/{id}") => models::one(app, request),
        ("GET", "/healthz") => health::healthz().into_response(),
        ("GET", "/readyz") => health::readyz(&app).into_response(),
        ("GET", "/metrics") => metrics::metrics(&app),
        (_, addresses::OTHER) => nowhere(app, request),
        (_, address) => wrong_method(app, request, address),
    }
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
    let api = Api::of(&head);
    Exchange::begin(app, api, &head)
}

fn nowhere(app: Arc<App>, request: Request) -> Response {
    let exchange = begin(app, request);
    let message = format!(
        "nothing answers {} {}: there are {}",
        exchange.record.method,
        exchange.record.path,
        addresses::listed()
    );
    // What Anthropic calls an address that is not there is to OpenAI a request that is wrong, and its "not found" is a model's.
    let kind = match exchange.api {
        Api::Messages => ErrorKind::ModelNotFound,
        Api::Chat | Api::Responses => ErrorKind::InvalidRequest,
    };
    let mut answer = refusal(exchange.api, &Error::new(kind, &*message));
    answer.status = StatusCode::NOT_FOUND.as_u16();
    exchange.refused_with(&Error::new(ErrorKind::InvalidRequest, message), answer)
}

fn wrong_method(app: Arc<App>, request: Request, address: &str) -> Response {
    let exchange = begin(app, request);
    let right = addresses::ADDRESSES.iter().find(|(_, one)| *one == address);
    let right = right.map_or("another one", |(method, _)| *method);
    let message =
        format!("{} does not take the method {}: use {right}", exchange.record.path, exchange.record.method);
    let error = Error::new(ErrorKind::InvalidRequest, message);
    let mut answer = refusal(exchange.api, &error);
    answer.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    let mut response = exchange.refused_with(&error, answer);
    let allowed = if right == "GET" { "GET,HEAD" } else { right };
    response.headers_mut().extend(HeaderValue::try_from(allowed).map(|allowed| (ALLOW, allowed)));
    response
}
