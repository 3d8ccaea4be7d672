//! The names of heads that are ours or the vendors'. They are made once: a map copies a name that it gets as text.

use axum::http::{HeaderName, HeaderValue};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// As Anthropic's clients read it.
pub(crate) const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const PROVIDER: HeaderName = HeaderName::from_static("x-ultraai-provider");
pub(crate) const STRATEGY: HeaderName = HeaderName::from_static("x-ultraai-strategy");
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-ultraai-attempts");
pub(crate) const COST: HeaderName = HeaderName::from_static("x-ultraai-cost");
pub(crate) const LEFT_OUT: HeaderName = HeaderName::from_static("x-ultraai-left-out");
pub(crate) const ESTIMATED: HeaderName = HeaderName::from_static("x-ultraai-estimated");
/// So that nginx before us hands on each event at once.
pub(crate) const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Heads that a whole answer has mostly, with room for those of a key's limits.
pub(crate) const USUAL: usize = 12;
