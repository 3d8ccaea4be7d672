#![doc = include_str!("../README.md")]

mod embed;
mod models;

pub use self::{embed::Embed, models::Models};
pub use ultraai_protocol_common::decode_error;
