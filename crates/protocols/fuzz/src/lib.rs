#![doc = include_str!("../README.md")]

mod framing;
mod protocol;
mod protocols;

pub use self::{
    framing::{Framer, aws_message, framing},
    protocol::Protocol,
    protocols::*,
};
