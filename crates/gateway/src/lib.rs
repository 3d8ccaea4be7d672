#![doc = include_str!("../README.md")]

mod access;
pub mod admin;
mod answer;
mod app;
mod metrics;
mod routes;
mod server;
mod state;

pub use self::{
    app::App,
    metrics::Metrics,
    routes::router,
    server::{ServeOptions, serve},
    state::{
        Day, DiskStore, KeyStatus, KeyTerms, KeyView, MemoryStore, SecretHash, Spend, Spent, State, Store,
        StoredKey, Take, Use, start_of, timestamp,
    },
};
