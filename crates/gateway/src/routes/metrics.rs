//! Measurements, for Prometheus. They need no key: they hold no content, no keys and no names of callers.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use prometheus_client::encoding::prometheus_text;

use crate::App;

pub(super) fn metrics(app: &App) -> Response {
    ([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], app.metrics.text(app)).into_response()
}
