//! The addresses besides chat, through the router and with an upstream on loopback.

mod access_log;
mod exposition;
mod health;
mod metrics;
mod support;
