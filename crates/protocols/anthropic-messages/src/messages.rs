//! The protocol as a transport wants it.

use ultraai_core::{
    Capabilities, ChatRequest, ChatResponse, Codec, Error, EventDecoder, Losses, ModelName, Result,
};

use crate::{Decoder, decode, decode_error, encode, family};

/// Anthropic's messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages {
    max_tokens: Option<u64>,
}

impl Messages {
    /// The protocol, with the usual upper bound of an answer where a request names none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the upper bound of an answer, in tokens, where a request names none: the protocol demands one. Default: by
    /// the model's family, as the crate's page says.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: u64) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }
}

impl Codec for Messages {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        let mut capabilities = Capabilities::text_only();
        capabilities.context_window = family::context_window(model);
        // What is sent where a request names none.
        capabilities.max_output_tokens = Some(self.max_tokens.unwrap_or_else(|| family::max_tokens(model)));
        capabilities
    }

    fn encode(&self, request: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        encode(request, self.max_tokens)
    }

    fn decode(&self, _: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
        decode(body)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new();
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            // Only `message_stop` is an end.
            None => Ok(()),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        decode_error(status, body)
    }
}
