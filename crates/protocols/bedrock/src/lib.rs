#![doc = include_str!("../README.md")]

mod answer;
mod converse;
mod decode;
mod embed;
mod emulation;
mod encode;
mod events;
mod family;
mod fault;
mod media;
mod part;
mod request;
mod stream;
mod usage;

pub use self::{
    converse::Converse, decode::decode, embed::InvokeEmbeddings, encode::encode, request::decode_request,
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "bedrock";

/// Whose the state is that models of others than Anthropic want back, as in `VendorState::vendor`.
const VENDOR: &str = "aws.bedrock";

/// Whose the state of Anthropic's models is.
const ANTHROPIC: &str = "anthropic";
