//! One file per command.

mod ask;
mod chat;
mod completions;
mod config;
mod man;
mod providers;
mod show;
mod simulate;
mod strategies;

pub(crate) use self::{
    ask::ask,
    chat::{chat, help as chat_commands},
    completions::completions,
    config::config,
    man::man,
    providers::providers,
    show::show,
    simulate::simulate,
    strategies::strategies,
};
