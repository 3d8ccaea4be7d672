#![doc = include_str!("../README.md")]

mod answer;
mod body;
mod citation;
mod content;
mod decode;
mod encode;
mod encoder;
mod event;
mod failure;
mod input;
mod item;
mod logprobs;
mod media;
mod native;
mod opened;
mod responses;
mod stream;
mod tool;
mod usage;

pub use self::responses::Responses;

/// The protocol's name, as in `Native::protocol`.
pub const NAME: &str = "openai-responses";

/// Whose state encrypted reasoning and the ids of items are, unless [`Responses::with_vendor`] names another.
const VENDOR: &str = "openai";
