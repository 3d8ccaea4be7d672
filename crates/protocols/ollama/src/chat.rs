//! The protocol as a transport and a server want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Framing, Losses, ModelName, Result, ServerCodec,
};

use crate::{
    Decoder, Defaults, Encoder, capabilities, decode, decode_error, decode_request, encode, encode_error,
    encode_response,
};

/// `POST /api/chat`.
#[derive(Clone, Debug, Default)]
pub struct Chat {
    defaults: Defaults,
}

impl Chat {
    /// Where `/api/chat` stands below the address of a server.
    pub const PATH: &'static str = "api/chat";

    /// The protocol with what is sent where a request does not say it.
    pub fn new(defaults: Defaults) -> Self {
        Self { defaults }
    }
}

impl Codec for Chat {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        capabilities(&self.defaults)
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode(&self.defaults, request, losses)
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        decode(body)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new();
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.data, out),
            // Only a line says that the answer is done.
            None => Ok(()),
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

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn decode_request(&self, _: &str, body: &[u8]) -> Result<ChatRequest> {
        decode_request(body)
    }

    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        encode_response(to, answer, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(Encoder::new(to))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        encode_error(error)
    }
}
