//! The addresses besides chat, through the router and with an upstream on loopback.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access_log;
mod broken;
mod busy;
mod count_tokens;
mod embeddings;
mod encoded;
mod exposition;
mod health;
mod keys;
mod left_out;
mod metrics;
mod models;
mod orchestrate;
mod support;
#[path = "../support/written.rs"]
mod written;
