#![doc = include_str!("../README.md")]

mod answer;
mod block;
mod decode;
mod encode;
mod family;
mod messages;
mod models;
mod stream;
mod usage;

pub use self::{
    decode::{decode, decode_error},
    encode::encode,
    messages::Messages,
    models::Models,
    stream::Decoder,
};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "anthropic-messages";

/// The version of the protocol that is spoken here, as the header `anthropic-version` says it.
pub const VERSION: &str = "2023-06-01";

/// Whose state the signatures and the opaque blocks are, as in `VendorState::vendor`.
const VENDOR: &str = "anthropic";
