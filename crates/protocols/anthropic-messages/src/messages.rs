//! The protocol as a transport and a server want it.

use std::sync::Arc;

use bytes::Bytes;
use ultraai_core::{
    Answering, Capabilities, ChatRequest, ChatResponse, Codec, Delivery, Error, ErrorAnswer, EventDecoder,
    EventEncoder, Losses, ModelName, Native, Result, Route, ServerCodec, Support,
};

use crate::{
    NAME, betas,
    decode::decode,
    family::Traits,
    fault, read, respond,
    stream::Decoder,
    write::{self, encode},
};

/// Anthropic's messages.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    max_tokens: Option<u64>,
    betas: Option<Arc<str>>,
    vertex: bool,
}

impl Messages {
    /// The protocol, with the usual upper bound of an answer where a request names none.
    pub fn new() -> Self {
        Self::default()
    }

    /// The form of Claude on Vertex AI: the model stands in the path,
    /// `publishers/anthropic/models/MODEL:rawPredict` below `https://…/v1/projects/PROJECT/locations/LOCATION`, and the
    /// version in the body: <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude>.
    pub fn on_vertex() -> Self {
        Self { vertex: true, ..Self::default() }
    }

    /// Sets the upper bound of an answer, in tokens, where a request names none: the protocol demands one. Default: by
    /// the model's family, as the crate's page says.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: u64) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Sets beta features that all requests use, separated by commas, as the header `anthropic-beta` names them. Those that a
    /// request needs itself are added. Default: none.
    #[must_use]
    pub fn with_betas(mut self, betas: impl Into<Arc<str>>) -> Self {
        self.betas = Some(betas.into());
        self
    }
}

impl Codec for Messages {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self, model: &ModelName) -> Capabilities {
        let traits = Traits::of(model);
        let mut capabilities = Capabilities::text_only();
        let support = match traits.tools() {
            Some(true) => Support::Yes,
            Some(false) => Support::No,
            None => Support::Unknown,
        };
        (capabilities.tools, capabilities.images, capabilities.documents) = (support, support, support);
        // Where a model has no field for it, a tool does it.
        capabilities.structured_output = support;
        capabilities.context_window = traits.context_window();
        // What is sent where a request names none.
        capabilities.max_output_tokens = Some(self.max_tokens.unwrap_or_else(|| traits.max_tokens()));
        capabilities
    }

    fn route(&self, request: &ChatRequest) -> Option<Route> {
        let model = request.model.as_ref().filter(|_| self.vertex)?;
        let method = match request.delivery {
            Delivery::Live => "streamRawPredict",
            Delivery::Whole => "rawPredict",
        };
        Some(Route { path: format!("publishers/anthropic/models/{model}:{method}"), query: None })
    }

    fn headers(&self, request: &ChatRequest) -> Vec<(&'static str, String)> {
        let betas = betas::header(request, self.betas.as_deref());
        betas.map(|betas| (betas::HEADER, betas)).into_iter().collect()
    }

    fn encode(&self, request: &ChatRequest, losses: &mut Losses) -> Result<Vec<u8>> {
        encode(request, self.max_tokens, self.vertex, losses)
    }

    fn native(&self, request: &ChatRequest, native: &Native) -> Option<Vec<u8>> {
        write::native(request, native, self.vertex)
    }

    fn decode(&self, request: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        decode(request, body)
    }

    fn decoder(&self, request: &ChatRequest) -> EventDecoder {
        let mut decoder = Decoder::of(request);
        Box::new(move |frame, out| match frame {
            Some(frame) => decoder.push(frame.name, frame.data, out),
            // Only `message_stop` is an end.
            None => Ok(()),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        fault::decode(status, body)
    }
}

impl ServerCodec for Messages {
    fn protocol(&self) -> &'static str {
        NAME
    }

    fn decode_request(&self, path: &str, body: &[u8]) -> Result<ChatRequest> {
        read::decode(path, body)
    }

    fn read_headers<'h>(
        &self,
        headers: &mut dyn Iterator<Item = (&'h str, &'h str)>,
        request: &mut ChatRequest,
    ) {
        headers.filter(|(name, _)| *name == betas::HEADER).for_each(|(_, value)| betas::add(value, request));
    }

    fn encode_response(
        &self,
        to: &Answering<'_>,
        answer: &ChatResponse,
        losses: &mut Losses,
    ) -> Result<Vec<u8>> {
        respond::encode(to, answer, losses)
    }

    fn encoder(&self, to: &Answering<'_>) -> Box<dyn EventEncoder> {
        Box::new(respond::Encoder::new(to))
    }

    fn encode_error(&self, error: &Error) -> ErrorAnswer {
        fault::encode(error)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn vertex_has_the_model_in_the_path_and_the_version_in_the_body() {
        let request = ChatRequest::from_prompt("a").with_model(ModelName::new("claude-x@1").unwrap());
        let codec = Messages::on_vertex().with_max_tokens(5);
        let path = |request: &ChatRequest| codec.route(request).map(|route| route.path);
        let whole = "publishers/anthropic/models/claude-x@1:rawPredict";
        assert_eq!(path(&request).as_deref(), Some(whole));
        let body = codec.encode(&request, &mut Losses::refused()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["anthropic_version"], body.get("model")), (&"vertex-2023-10-16".into(), None));
        let live = request.with_delivery(Delivery::Live);
        assert_eq!(path(&live), Some(whole.replace("rawPredict", "streamRawPredict")));
        assert_eq!(Messages::new().route(&live), None);
        assert_eq!(path(&ChatRequest::from_prompt("a")), None);
    }

    #[test]
    fn capabilities_go_by_the_model() {
        let known = |model: &str| Messages::new().capabilities(&ModelName::new(model).unwrap());
        for (model, support) in
            [("claude-2.1", Support::No), ("claude-3-haiku", Support::Yes), ("qwen3", Support::Unknown)]
        {
            let known = known(model);
            let found = [known.tools, known.images, known.documents, known.structured_output];
            assert_eq!(found, [support; 4], "{model}");
            assert_eq!((known.audio, known.video), (Support::No, Support::No));
        }
    }
}
