#![doc = include_str!("../README.md")]

mod answer;
mod codec;
mod decode;
mod embed;
mod encode;
mod fault;
mod model;
mod models;
mod part;
mod stream;
mod usage;

pub use self::{
    codec::GenerateContent, decode::decode, embed::EmbedContents, encode::encode, fault::decode_error,
    model::capabilities, models::Models, stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "gemini";

/// `gen_ai.provider.name` of the Gemini API, which is whose state the parts of an answer carry.
pub const VENDOR: &str = "gcp.gemini";
