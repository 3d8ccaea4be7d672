//! One file per command.

mod ask;
mod chat;
mod completions;
mod config;
mod embed;
mod keys;
mod man;
mod models;
mod providers;
mod serve;
mod show;
mod simulate;
mod strategies;

pub(crate) use self::{
    ask::ask,
    chat::{chat, help as chat_commands},
    completions::completions,
    config::config,
    embed::embed,
    keys::keys,
    man::man,
    models::models,
    providers::providers,
    serve::serve,
    show::show,
    simulate::simulate,
    strategies::strategies,
};
