#![doc = include_str!("../README.md")]

mod answer;
mod chat;
mod decode;
mod embed;
mod encode;
mod encoder;
mod fault;
mod id;
mod logprobs;
mod message;
mod models;
mod request;
mod respond;
mod stream;
mod time;

pub use self::{
    chat::Chat,
    decode::decode,
    embed::Embed,
    encode::{Defaults, capabilities, encode},
    encoder::Encoder,
    fault::decode_error,
    models::Models,
    request::decode_request,
    respond::{encode_error, encode_response},
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "ollama";

/// What error texts call the other side.
const OLLAMA: &str = "ollama";
