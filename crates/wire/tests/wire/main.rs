//! HTTP as it happens: what is sent, what comes back, what breaks, and who sees a connection closed.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod broken;
mod embeddings;
mod exchange;
#[cfg(feature = "tls")]
mod http2;
mod leaving;
mod limits;
mod models;
mod proxies;
mod quotas;
mod runtimes;
mod support;
