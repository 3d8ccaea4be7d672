//! The protocol as the transport wants it; neither knows the other.

use ultraai_core::{Capabilities, ChatRequest, ChatResponse, Error, ModelName, Result};
use ultraai_protocol_openai_chat::{Decoder, Dialect, capabilities, decode, decode_error, encode};
use ultraai_wire::{Codec, EventDecoder};

#[derive(Debug)]
pub(crate) struct Chat;

impl Codec for Chat {
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        capabilities()
    }

    fn encode(&self, request: &ChatRequest) -> Result<Vec<u8>> {
        encode(&Dialect::OPENAI, request)
    }

    fn decode(&self, body: &[u8]) -> Result<ChatResponse> {
        decode(body)
    }

    fn decoder(&self) -> EventDecoder {
        let mut decoder = Decoder::new();
        Box::new(move |event, out| match event {
            Some(event) => decoder.push(event.name(), &event.data, out),
            None => decoder.end(out),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}
