//! Whether it is there, and whether it takes requests. Neither needs a key.

use axum::http::StatusCode;

use crate::App;

/// It is there.
pub(super) fn healthz() -> &'static str {
    "ok\n"
}

/// It takes requests: 200, or 503 once it is told to stop.
pub(super) fn readyz(app: &App) -> (StatusCode, &'static str) {
    match app.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}
