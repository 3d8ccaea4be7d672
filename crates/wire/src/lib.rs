#![doc = include_str!("../README.md")]

mod address;
mod body;
mod delay;
mod endpoint;
mod failure;
mod frames;
mod hygiene;
mod live;
mod provider;
mod sse;
#[cfg(feature = "tls")]
mod tls;
mod transport;

pub use self::{
    address::{Address, BaseUrl},
    body::{Body, Limits},
    delay::retry_after,
    endpoint::{Endpoint, Headers},
    frames::{LineDecoder, RawFrame},
    provider::HttpProvider,
    sse::SseDecoder,
    transport::{Response, Transport, TransportSettings},
};
