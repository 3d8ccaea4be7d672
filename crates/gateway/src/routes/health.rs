//! Whether it is there, and whether it takes requests. Neither needs a key.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::App;

/// It is there.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// It takes requests: 200, or 503 once it is told to stop.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}
