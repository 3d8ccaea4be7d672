#![doc = include_str!("../README.md")]

mod answer;
mod audio;
mod chat;
mod cite;
mod decode;
mod dialect;
mod embed;
mod encode;
mod fault;
mod leftovers;
mod logprobs;
mod loose;
mod models;
mod native;
mod request;
mod respond;
mod state;
mod stream;
mod usage;

pub use self::{
    chat::Chat,
    decode::decode,
    dialect::{Dialect, KeyHeader, ReasoningForm, ReasoningText},
    embed::{EMBEDDINGS, EmbeddingDialect, Embeddings, TruncateRule},
    encode::{capabilities, encode},
    models::Models,
    stream::Decoder,
};
pub use ultraai_protocol_common::{TaskWords, decode_error};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "openai-chat";
