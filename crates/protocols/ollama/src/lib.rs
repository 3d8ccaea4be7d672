#![doc = include_str!("../README.md")]

mod answer;
mod chat;
mod decode;
mod embed;
mod encode;
mod fault;
mod models;
mod stream;

pub use self::{
    chat::Chat,
    decode::decode,
    embed::Embed,
    encode::{Defaults, capabilities, encode},
    fault::decode_error,
    models::Models,
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "ollama";

/// What error texts call the other side.
const OLLAMA: &str = "ollama";
