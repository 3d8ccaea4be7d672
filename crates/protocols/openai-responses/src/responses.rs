//! The protocol as a transport and as a server want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Losses, ModelName, Native, Result, ServerCodec, Support,
};
use ultraai_protocol_common::decode_error;

use crate::{
    NAME, VENDOR, answer, decode, encode,
    encoder::{self, Encoder},
    failure, native,
    stream::Decoder,
};

/// OpenAI's Responses protocol.
#[derive(Clone, Copy, Debug)]
pub struct Responses {
    vendor: &'static str,
}

impl Default for Responses {
    fn default() -> Self {
        Self { vendor: VENDOR }
    }
}

impl Responses {
    /// The protocol as OpenAI speaks it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names whose state the ids of items and encrypted reasoning are, as in `VendorState::vendor`: another vendor that speaks
    /// this protocol cannot read OpenAI's. Default: `openai`.
    #[must_use]
    pub fn with_vendor(self, vendor: &'static str) -> Self {
        Self { vendor }
    }
}

impl Codec for Responses {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        // What a model takes is not known by its name; moving pictures have no words here.
        let mut capabilities = Capabilities::default();
        capabilities.tools = Support::Yes;
        capabilities.structured_output = Support::Yes;
        capabilities.video = Support::No;
        capabilities
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode::encode(request, self.vendor, losses)
    }

    fn native(&self, request: &ChatRequest, native: &Native) -> Option<Vec<u8>> {
        native::body(request, native, self.vendor)
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        answer::decode(body, self.vendor)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new(self.vendor);
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            None => Ok(()),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}

impl ServerCodec for Responses {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn decode_request(&self, _: &str, body: &[u8]) -> Result<ChatRequest> {
        decode::decode_request(body, self.vendor)
    }

    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        encoder::whole(to, answer, self.vendor, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(Encoder::new(to, self.vendor))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        failure::answer(error)
    }
}
