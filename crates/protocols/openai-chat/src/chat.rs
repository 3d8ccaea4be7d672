//! The protocol as a transport wants it.

use ultraai_core::{
    Capabilities, ChatRequest, ChatResponse, Codec, Error, EventDecoder, Losses, ModelName, Result,
};

use crate::{Decoder, Dialect, capabilities, decode, decode_error, encode};

/// Chat completions in one vendor's dialect.
#[derive(Clone, Copy, Debug)]
pub struct Chat(pub &'static Dialect);

impl Codec for Chat {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        capabilities()
    }

    fn encode(&self, request: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        encode(self.0, request)
    }

    fn decode(&self, _: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
        decode(body)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new();
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            None => decoder.end(out),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}
