#![doc = include_str!("../README.md")]

mod access;
pub mod admin;
mod answer;
mod app;
mod metrics;
pub mod reload;
mod routes;
mod server;
mod state;

pub use self::{
    app::App,
    metrics::Metrics,
    routes::router,
    server::{ServeOptions, Server, Task, may_listen, serve, stop_at_signals, workers},
    state::{
        Day, DiskStore, KeyStatus, KeyTerms, KeyView, MemoryStore, SecretHash, Spend, Spent, State, Store,
        StoredKey, Take, Use, start_of, timestamp,
    },
};
