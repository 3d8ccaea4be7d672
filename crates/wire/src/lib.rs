#![doc = include_str!("../README.md")]

mod address;
mod body;
mod connect;
mod counter;
mod delay;
mod embedder;
mod endpoint;
mod event_stream;
mod exchange;
mod failure;
mod frames;
mod gzip;
mod hygiene;
mod lister;
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
    counter::HttpTokenCounter,
    delay::retry_after,
    embedder::HttpEmbedder,
    endpoint::{Authorizer, Endpoint, Headers, Unsigned},
    event_stream::EventStreamDecoder,
    frames::{LineDecoder, RawFrame},
    lister::HttpModelLister,
    provider::HttpProvider,
    proxy::Proxy,
    quota::rate_limits,
    settings::{CaFile, HttpSettings},
    sse::SseDecoder,
    transport::{Response, Transport, TransportSettings},
    write::{write_event, write_frame},
};
