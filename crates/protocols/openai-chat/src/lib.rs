#![doc = include_str!("../README.md")]

mod answer;
mod chat;
mod decode;
mod dialect;
mod encode;
mod loose;
mod stream;
mod usage;

pub use self::{
    chat::Chat,
    decode::decode,
    dialect::{Dialect, KeyHeader},
    encode::{capabilities, encode},
    stream::Decoder,
};
pub use ultraai_protocol_common::decode_error;

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "openai-chat";
