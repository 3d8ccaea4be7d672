#![doc = include_str!("../README.md")]

mod answer;
mod codec;
mod decode;
mod encode;
mod fault;
mod model;
mod part;
mod stream;
mod usage;

pub use self::{
    codec::GenerateContent, decode::decode, encode::encode, fault::decode_error, model::capabilities,
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "gemini";

/// `gen_ai.provider.name` of the Gemini API, which is whose state the parts of an answer carry.
pub const VENDOR: &str = "gcp.gemini";
