#![doc = include_str!("../README.md")]

mod answer;
mod betas;
mod count;
mod decode;
mod family;
mod fault;
mod json;
mod messages;
mod models;
mod read;
mod respond;
mod stream;
mod usage;
mod write;

pub use self::{count::TokenCounts, messages::Messages, models::Models};

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "anthropic-messages";

/// The version of the protocol that is spoken here, as the header `anthropic-version` says it.
pub const VERSION: &str = "2023-06-01";

/// The version of the form on Vertex AI, as the body says it.
const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// Whose state the signatures and what was redacted are, as in `VendorState::vendor`; and whom error texts name.
const VENDOR: &str = "anthropic";
