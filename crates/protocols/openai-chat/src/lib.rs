#![doc = include_str!("../README.md")]

mod answer;
mod chat;
mod decode;
mod dialect;
mod encode;
mod fault;
mod loose;
mod stream;
mod usage;

pub use self::{
    chat::Chat,
    decode::decode,
    dialect::Dialect,
    encode::{capabilities, encode},
    fault::{decode_error, kind_of_status},
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "openai-chat";
