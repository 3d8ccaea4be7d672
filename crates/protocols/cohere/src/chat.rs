//! The protocol as a transport and a server want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Losses, ModelName, Result, ServerCodec,
};

use crate::{
    Decoder, Encoder, capabilities, decode, decode_error, decode_request, encode, encode_error,
    encode_response,
};

/// `POST /v2/chat`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chat;

impl Chat {
    /// Where `/v2/chat` stands below the address of the vendor.
    pub const PATH: &'static str = "v2/chat";
}

impl Codec for Chat {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        capabilities(model)
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
            Some(frame) => decoder.push(frame.data, out),
            None => {
                decoder.end(out);
                Ok(())
            }
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
