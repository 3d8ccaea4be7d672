#![doc = include_str!("../README.md")]

mod address;
mod body;
mod delay;
mod endpoint;
mod event_stream;
mod failure;
mod frames;
mod gzip;
mod hygiene;
mod live;
mod provider;
mod proxy;
mod quota;
mod settings;
mod sse;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod write;

pub use self::{
    address::{Address, BaseUrl},
    body::{Body, Limits},
    delay::retry_after,
    endpoint::{Authorizer, Endpoint, Headers, Unsigned},
    event_stream::EventStreamDecoder,
    frames::{LineDecoder, RawFrame},
    provider::HttpProvider,
    proxy::Proxy,
    quota::rate_limits,
    settings::{CaFile, HttpSettings},
    sse::SseDecoder,
    transport::{Response, Transport, TransportSettings},
    write::write_frame,
};
