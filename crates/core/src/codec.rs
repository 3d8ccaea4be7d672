//! What a protocol makes of requests and answers, without I/O.

use std::{collections::VecDeque, fmt};

use bytes::Bytes;

use crate::{Capabilities, ChatEvent, ChatRequest, ChatResponse, Error, ErrorKind, ModelName, Result};

/// A protocol, as a transport wants it: a protocol crate implements it, a transport drives it, and neither
/// knows the other.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// What `model` can do; what [`encode`](Self::encode) cannot send is `No`.
    fn capabilities(&self, model: &ModelName) -> Capabilities;

    /// Where below its address the request goes. Default: the address itself.
    fn route(&self, _: &ChatRequest) -> Option<Route> {
        None
    }

    /// How its streams are cut into frames. Default: server-sent events.
    fn framing(&self) -> Framing {
        Framing::ServerSentEvents
    }

    /// The request's body.
    ///
    /// # Errors
    /// `Unsupported`, which names what the protocol cannot send.
    fn encode(&self, request: &ChatRequest) -> Result<Vec<u8>>;

    /// Reads a whole answer of a status that says success; it may hold an error all the same.
    ///
    /// # Errors
    /// What the answer says, or `Undecodable`.
    fn decode(&self, body: &[u8]) -> Result<ChatResponse>;

    /// A decoder for one stream. Default: the protocol has no streams, and one that comes is `Undecodable`.
    fn decoder(&self) -> EventDecoder {
        Box::new(|_, _| Err(Error::new(ErrorKind::Undecodable, "a stream came, and this protocol has none")))
    }

    /// What a status that says failure means, with the body that came with it.
    fn error(&self, status: u16, body: &[u8]) -> Error;
}

/// Where a request goes, below the address of its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path: segments between slashes, not escaped.
    pub path: String,
    /// What stands after the question mark.
    pub query: Option<&'static str>,
}

/// How a stream is cut into frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events.
    #[default]
    ServerSentEvents,
    /// A line each, such as newline-delimited JSON.
    Lines,
}

/// Reads a stream frame by frame, and `None` at its clean end; puts what it read behind the queue.
pub type EventDecoder = Box<dyn FnMut(Option<Frame<'_>>, &mut VecDeque<ChatEvent>) -> Result<()> + Send>;

/// One frame of a stream, cut out by the transport.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The event's name; `message` where the framing names none.
    pub name: &'a str,
    /// What it holds.
    pub data: &'a Bytes,
}
