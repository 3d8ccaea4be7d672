//! What a protocol makes of requests and answers, without I/O.

use std::{collections::VecDeque, fmt};

use bytes::Bytes;

use crate::{
    Capabilities, ChatEvent, ChatRequest, ChatResponse, Error, ErrorKind, Losses, ModelName, Native, Result,
};

/// A protocol, as a transport wants it: a protocol crate implements it, a transport drives it, and neither
/// knows the other.
///
/// Answers are read in the light of their request: what a protocol has no words for may have been asked for by other means.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name, as in [`Native::protocol`](crate::Native::protocol). Default: the type's own, for one that nobody
    /// else speaks.
    fn protocol(&self) -> &'static str {
        std::any::type_name::<Self>()
    }

    /// What `model` can do; what [`encode`](Self::encode) cannot send is `No`.
    fn capabilities(&self, model: &ModelName) -> Capabilities;

    /// Where below its address the request goes. Default: the address itself.
    fn route(&self, _: &ChatRequest) -> Option<Route> {
        None
    }

    /// Headers that this request is sent with besides those of its address. Default: none.
    fn headers(&self, _: &ChatRequest) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// How its streams are cut into frames. Default: server-sent events.
    fn framing(&self) -> Framing {
        Framing::ServerSentEvents
    }

    /// The request's body. What the protocol cannot say goes to [`Losses::lose`].
    ///
    /// # Errors
    /// `Unsupported`, which names what the protocol cannot send.
    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>>;

    /// The body of a request that came in this very protocol, as it came but for the model and the delivery, which are those
    /// of `request`: nothing of it is written anew. `None` where it must be, as for a vendor that wants other words; that is
    /// the default.
    fn native(&self, _request: &ChatRequest, _native: &Native) -> Option<Vec<u8>> {
        None
    }

    /// Reads a whole answer of a status that says success; it may hold an error all the same. The answer may hold on to the
    /// body.
    ///
    /// # Errors
    /// What the answer says, or `Undecodable`.
    fn decode(&self, request: &ChatRequest, body: &Bytes) -> Result<ChatResponse>;

    /// A decoder for one stream. Default: the protocol has no streams, and one that comes is `Undecodable`.
    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        Box::new(|_, _| Err(Error::new(ErrorKind::Undecodable, "a stream came, and this protocol has none")))
    }

    /// What a status that says failure means, with the body that came with it.
    fn error(&self, status: u16, body: &[u8]) -> Error;
}

/// A protocol as those who call a server speak it: the other direction of [`Codec`].
pub trait ServerCodec: fmt::Debug + Send + Sync + 'static {
    /// The protocol's name, as in [`Native::protocol`](crate::Native::protocol).
    fn protocol(&self) -> &'static str;

    /// How its streams are cut into frames. Default: server-sent events.
    fn framing(&self) -> Framing {
        Framing::ServerSentEvents
    }

    /// Reads a request. `path` is where it was sent, for protocols that say the model and the delivery there. Nothing is
    /// lost: what the vocabulary has no words for stands in `extra` and in vendor parts.
    ///
    /// # Errors
    /// `InvalidRequest`, which names the place, such as `messages[2].content`.
    fn decode_request(&self, path: &str, body: &[u8]) -> Result<ChatRequest>;

    /// Adds what headers of the request say of it, each by its name in lower case, such as features that are not for everybody
    /// yet. Its native form stays as it is. Default: none says anything.
    fn read_headers<'h>(
        &self,
        _headers: &mut dyn Iterator<Item = (&'h str, &'h str)>,
        _request: &mut ChatRequest,
    ) {
    }

    /// Writes a whole answer. What the protocol cannot say goes to [`Losses::lose`].
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>>;

    /// An encoder for one stream.
    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder>;

    /// Writes an error as the answer to a request.
    fn encode_error(&self, error: &Error) -> ErrorAnswer;
}

/// Which request is answered, and when and as what.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// The request.
    pub request: &'a ChatRequest,
    /// The answer's id: letters and digits; a protocol puts what it wants before it.
    pub id: &'a str,
    /// When the answer is given, in seconds since 1970.
    pub created: u64,
}

/// Writes the events of one stream.
pub trait EventEncoder: Send {
    /// Puts the frames that say `event` behind `out`; after `Finished` that is all.
    ///
    /// # Errors
    /// What [`Losses::lose`] refuses.
    fn push(&mut self, event: &ChatEvent, out: &mut Vec<OwnedFrame>, losses: &mut Losses) -> Result<()>;

    /// Looks at a frame that an upstream of the same protocol sent, in place of the events decoded from it. Returns whether
    /// the caller gets it: not what was asked for on our own account. Default: the caller gets everything.
    fn passes(&mut self, _frame: &Native) -> bool {
        true
    }

    /// Whether a frame that passes ends the stream: it waits until the whole answer was found good. Default: none does.
    fn is_last(&self, _frame: &Native) -> bool {
        false
    }

    /// Puts the frames behind `out` that end a stream whose frames passed, as far as none of those did. Default: none.
    fn end_passing(&mut self, _out: &mut Vec<OwnedFrame>) {}

    /// Puts the frames of an error that ends the stream behind `out`.
    fn fail(&mut self, error: &Error, out: &mut Vec<OwnedFrame>);
}

/// An error as the answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, mostly JSON.
    pub body: Vec<u8>,
}

/// Where a request goes, below the address of its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path: segments between slashes, not escaped, but for `%` and two hexadecimal digits, which stay as they are: so a
    /// segment can hold a slash.
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
    /// AWS's binary event stream; a frame's name is its `:event-type` or, of an exception, its `:exception-type`.
    AwsEventStream,
}

/// Reads a stream frame by frame, and `None` at its clean end; puts what it read behind the queue.
pub type EventDecoder = Box<dyn FnMut(Option<Frame<'_>>, &mut VecDeque<ChatEvent>) -> Result<()> + Send>;

/// One frame of a stream, cut out by the transport.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The event's name; empty where the framing names none.
    pub name: &'a str,
    /// What it holds.
    pub data: &'a Bytes,
}

/// One frame of a stream that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedFrame {
    /// The event's name; empty where it has none.
    pub name: &'static str,
    /// What it holds.
    pub data: Vec<u8>,
}
