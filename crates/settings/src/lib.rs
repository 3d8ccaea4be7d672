//! Settings of UltraAI: one file, the environment over it, arguments over both.
#![doc = include_str!("../README.md")]

mod aliases;
mod arguments;
mod assemble;
mod besides;
mod discovery;
mod document;
mod embedding;
mod gateway;
mod init;
mod kind;
mod named;
mod orchestrators;
mod origin;
mod own;
mod place;
mod prices;
mod probe;
mod reloading;
mod sample;
mod settings;
mod shown;
mod sources;
mod table;
mod value;

pub use self::{
    arguments::{Arguments, OptionArgument},
    discovery::LocalServers,
    gateway::GatewaySettings,
    init::init_file,
    kind::OptionKind,
    orchestrators::{DEFAULT, Orchestrators, Target},
    origin::{Entry, Origin},
    place::host_and_port,
    reloading::Seen,
    settings::{Builder, KeyPlace, ProviderSummary, Settings},
    sources::{FILE_NAME, Sources},
};
