#![doc = include_str!("../README.md")]

mod fault;
mod json;
mod loose;
mod request;

pub use self::{
    fault::{at_the_top, decode_error, in_band, is_fault, with_usage},
    json::parse,
    loose::{Any, Number, Reader, Text},
    request::{collision, model, text_and, text_only, unsupported},
};
