//! The protocol as a transport wants it.

use ultraai_core::{
    Capabilities, ChatRequest, ChatResponse, Codec, Error, EventDecoder, Framing, Losses, ModelName, Result,
};

use crate::{Decoder, Defaults, capabilities, decode, decode_error, encode};

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

    fn encode(&self, request: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        encode(&self.defaults, request)
    }

    fn decode(&self, _: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
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
