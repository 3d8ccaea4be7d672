//! The protocol as a transport wants it.

use ultraai_core::{
    Capabilities, ChatRequest, ChatResponse, Codec, Delivery, Error, EventDecoder, Losses, ModelName, Result,
    Route,
};

use crate::{Decoder, capabilities, decode, decode_error, encode, model::resource};

/// `generateContent`, and `streamGenerateContent` for live answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenerateContent;

impl Codec for GenerateContent {
    fn protocol(&self) -> &'static str {
        crate::NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        capabilities(model)
    }

    fn route(&self, request: &ChatRequest) -> Option<Route> {
        let model = resource(request.model.as_ref()?);
        Some(match request.delivery {
            Delivery::Whole => Route { path: format!("{model}:generateContent"), query: None },
            // Without `alt` the stream is one list of JSON, which comes in pieces too, but in no frames.
            Delivery::Live => {
                Route { path: format!("{model}:streamGenerateContent"), query: Some("alt=sse") }
            }
        })
    }

    fn encode(&self, request: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        encode(request)
    }

    fn decode(&self, _: &ChatRequest, body: &[u8]) -> Result<ChatResponse> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_model_and_the_delivery() {
        for (model, delivery, path, query) in [
            ("m", Delivery::Whole, "models/m:generateContent", None),
            ("m", Delivery::Live, "models/m:streamGenerateContent", Some("alt=sse")),
            ("models/m", Delivery::Whole, "models/m:generateContent", None),
            ("tunedModels/m", Delivery::Live, "tunedModels/m:streamGenerateContent", Some("alt=sse")),
        ] {
            let request = ChatRequest::from_prompt("hello").with_delivery(delivery);
            let request = request.with_model(ModelName::new(model).unwrap());
            assert_eq!(GenerateContent.route(&request), Some(Route { path: path.into(), query }));
        }
        assert_eq!(GenerateContent.route(&ChatRequest::from_prompt("hello")), None);
    }
}
