//! The protocol as a transport and a gateway want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Losses, ModelName, Native, Result, ServerCodec,
};

use crate::{Decoder, Dialect, capabilities, decode, decode_error, encode, fault, native, request, respond};

/// Chat completions in one vendor's dialect. Towards callers the dialect makes no difference but for whose state
/// of reasoning needs no wrapping.
#[derive(Clone, Copy, Debug)]
pub struct Chat(pub &'static Dialect);

impl Codec for Chat {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        capabilities(self.0)
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode(self.0, request, losses)
    }

    fn native(&self, request: &ChatRequest, native: &Native) -> Option<Vec<u8>> {
        native::body(self.0, request, native)
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        decode(self.0, body)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new(self.0);
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            None => decoder.end(out),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl ServerCodec for Chat {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn decode_request(&self, _: &str, body: &[u8]) -> Result<ChatRequest> {
        request::decode_request(body)
    }

    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        respond::encode_response(self.0, to, answer, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(respond::Encoder::new(self.0, to))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        fault::encode_error(error)
    }
}
