#![doc = include_str!("../README.md")]

mod access;
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
    server::{ServeOptions, Server, Task, may_listen, serve, workers},
    state::State,
};
