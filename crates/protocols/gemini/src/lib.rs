#![doc = include_str!("../README.md")]

mod answer;
mod citations;
mod codec;
mod decode;
mod embed;
mod encode;
mod fault;
mod few;
mod logprobs;
mod media;
mod model;
mod models;
mod name;
mod part;
mod pieces;
mod request;
mod respond;
mod schema;
mod skip;
mod stream;
mod track;
mod usage;

pub use self::{
    codec::GenerateContent, decode::decode, embed::EmbedContents, fault::decode_error, model::capabilities,
    models::Models, schema::json_schema, stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "gemini";

/// `gen_ai.provider.name` of the Gemini API, which is whose state the parts of an answer carry.
pub const VENDOR: &str = "gcp.gemini";
