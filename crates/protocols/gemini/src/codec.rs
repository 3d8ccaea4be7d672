//! The protocol as transports and servers want it.

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Delivery, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Losses, ModelName, Result, Route, ServerCodec,
};

use crate::{
    Decoder, NAME, capabilities, decode, decode_error, encode,
    fault::encode_error,
    model::{resource, vertex_resource},
    request::decode_request,
    respond,
};

/// `generateContent`, and `streamGenerateContent` for live answers; of the Gemini API by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerateContent {
    is_vertex: bool,
}

impl GenerateContent {
    /// The protocol of the Gemini API.
    pub fn new() -> Self {
        Self::default()
    }

    /// The protocol as Vertex AI has it: models stand below `publishers/google`, or where their names say, such as
    /// `endpoints/7`, and media may have names.
    pub fn on_vertex() -> Self {
        Self { is_vertex: true }
    }
}

impl Codec for GenerateContent {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        capabilities(model)
    }

    fn route(&self, request: &ChatRequest) -> Option<Route> {
        let model = request.model.as_ref()?;
        let model = if self.is_vertex { vertex_resource(model) } else { resource(model) };
        Some(match request.delivery {
            Delivery::Whole => Route { path: format!("{model}:generateContent"), query: None },
            // Without `alt` the stream is one list of JSON, which comes in pieces too, but in no frames.
            Delivery::Live => {
                Route { path: format!("{model}:streamGenerateContent"), query: Some("alt=sse") }
            }
        })
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode::encode(request, self.is_vertex, losses)
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        decode(body)
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::new();
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

impl ServerCodec for GenerateContent {
    fn protocol(&self) -> &'static str {
        NAME
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
        respond::whole(to, answer, self.is_vertex, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(respond::Encoder::new(to, self.is_vertex))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        encode_error(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_model_and_the_delivery() {
        let (gemini, vertex) = (GenerateContent::new(), GenerateContent::on_vertex());
        for (codec, model, delivery, path, query) in [
            (gemini, "m", Delivery::Whole, "models/m:generateContent", None),
            (gemini, "m", Delivery::Live, "models/m:streamGenerateContent", Some("alt=sse")),
            (gemini, "models/m", Delivery::Whole, "models/m:generateContent", None),
            (gemini, "tunedModels/m", Delivery::Live, "tunedModels/m:streamGenerateContent", Some("alt=sse")),
            (vertex, "m", Delivery::Whole, "publishers/google/models/m:generateContent", None),
            (vertex, "models/m", Delivery::Whole, "publishers/google/models/m:generateContent", None),
            (vertex, "publishers/a/models/m", Delivery::Whole, "publishers/a/models/m:generateContent", None),
            (vertex, "endpoints/7", Delivery::Live, "endpoints/7:streamGenerateContent", Some("alt=sse")),
        ] {
            let request = ChatRequest::from_prompt("hello").with_delivery(delivery);
            let request = request.with_model(ModelName::new(model).unwrap());
            assert_eq!(codec.route(&request), Some(Route { path: path.into(), query }));
        }
        assert_eq!(gemini.route(&ChatRequest::from_prompt("hello")), None);
    }
}
