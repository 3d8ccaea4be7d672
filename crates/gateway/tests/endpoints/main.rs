//! The addresses besides chat, through the router and with an upstream on loopback.

mod access_log;
mod embeddings;
mod exposition;
mod health;
mod metrics;
mod models;
mod orchestrate;
mod support;
