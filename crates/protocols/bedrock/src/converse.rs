//! The protocol as a transport and as a server want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Delivery, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Framing, Losses, ModelName, Result, Route, ServerCodec, Support,
};

use crate::{Decoder, NAME, decode, decode_request, encode, events, family, fault};

/// Amazon Bedrock's Converse and `ConverseStream`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Converse;

impl Converse {
    /// The protocol.
    pub fn new() -> Self {
        Self
    }
}

impl Codec for Converse {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        let family = family::of(Some(model));
        let tools = if family.tools { Support::Unknown } else { Support::No };
        let mut capabilities = Capabilities::default();
        capabilities.tools = tools;
        // A schema is a field or a tool.
        capabilities.structured_output = if family.schema { Support::Unknown } else { tools };
        capabilities
    }

    fn route(&self, request: &ChatRequest) -> Option<Route> {
        let model = request.model.as_ref().map_or("", ModelName::as_str);
        let operation = match request.delivery {
            Delivery::Live => "converse-stream",
            Delivery::Whole => "converse",
        };
        Some(Route { path: format!("model/{}/{operation}", escaped(model)), query: None })
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode(request, losses)
    }

    fn decode(&self, request: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        decode(request, body)
    }

    fn decoder(&self, request: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new(request);
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            None => {
                decoder.end(out);
                Ok(())
            }
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        fault::of_status(status, body)
    }
}

impl ServerCodec for Converse {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn decode_request(&self, path: &str, body: &[u8]) -> Result<ChatRequest> {
        decode_request(path, body)
    }

    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        events::encode_response(to, answer, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(events::Encoder::new(to))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        fault::answer(error)
    }
}

/// A model's id as a segment of a path, escaped as AWS's own SDKs do it, which their signature is made of: all but letters,
/// digits, `-`, `.`, `_` and `~`.
fn escaped(model: &str) -> String {
    let mut escaped = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                escaped.push('%');
                escaped.push(char::from(DIGITS[usize::from(other >> 4)]));
                escaped.push(char::from(DIGITS[usize::from(other & 15)]));
            }
        }
    }
    escaped
}
