//! Settings of UltraAI: one file, the environment over it, arguments over both.
#![doc = include_str!("../README.md")]

mod arguments;
mod assemble;
mod besides;
mod discovery;
mod document;
mod embedding;
mod gateway;
mod init;
mod kind;
mod orchestrators;
mod origin;
mod own;
mod place;
mod prices;
mod probe;
mod sample;
mod settings;
mod shown;
mod sources;
mod table;

pub use self::{
    arguments::{Arguments, OptionArgument},
    discovery::LocalServers,
    gateway::GatewaySettings,
    init::init_file,
    kind::OptionKind,
    orchestrators::{DEFAULT, Orchestrators, Target},
    origin::{Entry, Origin},
    place::host_and_port,
    settings::{Builder, KeyPlace, ProviderSummary, Settings},
    sources::{FILE_NAME, Sources},
};
