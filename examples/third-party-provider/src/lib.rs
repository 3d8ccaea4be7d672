//! Acme's models for UltraAI: what Acme's format is, where Acme is, and a registration. The rest is `ultraai-wire`'s.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, Capabilities, ChatRequest, ChatResponse, Codec, Error, ErrorKind, Field, FinishReason,
    Losses, Message, ModelName, Provider, ProviderRegistration, Result, Usage, register_provider,
};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, TransportSettings};

const KEYS: &[&str] = &["ACME_API_KEY"];
const FIELDS: &[Field] = &[Field { name: "base_url", doc: "Acme's address. Needed." }];

register_provider!(
    ProviderRegistration::new("acme", build).summary("Acme's models").key_variables(KEYS).fields(FIELDS)
);

fn build(name: &'static str, settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    let settings: Value = context.parse(settings, FIELDS)?;
    let address = BaseUrl::parse(settings["base_url"].as_str().unwrap_or_default())?.join("answers");
    let endpoint = Endpoint::new(TransportSettings::new(context.connect_timeout), address);
    Ok(Arc::new(HttpProvider::new(name, endpoint.with_bearer(context.required_api_key(KEYS)?)?, Acme)))
}

/// `{"model", "messages": [{"role", "name", "text"}], "max_tokens"}`, answered by `{"model", "text", "cut", "in", "out"}`.
#[derive(Debug)]
struct Acme;

impl Codec for Acme {
    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    fn encode(&self, request: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        // What Acme has no word for is refused, never dropped.
        let rest = request.clone().edited(|rest| (rest.model, rest.max_tokens) = (None, None));
        let plain = ChatRequest::new(request.messages.clone()).with_delivery(request.delivery);
        if rest != plain || request.parts().any(|part| part.as_text().is_none()) {
            return Err(Error::new(ErrorKind::Unsupported, "acme takes text, `model` and `max_tokens` only"));
        }
        let message = |said: &Message| json!({ "role": said.role, "name": said.name, "text": said.text() });
        let messages: Vec<_> = request.messages.iter().map(message).collect();
        let (model, limit) = (&request.model, request.max_tokens);
        Ok(json!({ "model": model, "messages": messages, "max_tokens": limit }).to_string().into_bytes())
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let wrong = || Error::new(ErrorKind::Undecodable, "the answer is not of acme's form");
        let mut response = ChatResponse::from_text(answer["text"].as_str().ok_or_else(wrong)?);
        response.model = answer["model"].as_str().map(str::to_owned);
        let tokens = answer["in"].as_u64().zip(answer["out"].as_u64());
        response.usage = tokens.map(|(input, output)| Usage::reported(input, output));
        Ok(if answer["cut"] == true { response.with_finish_reason(FinishReason::Length) } else { response })
    }

    fn error(&self, status: u16, _: &[u8]) -> Error {
        let kind = match status {
            401 => ErrorKind::Authentication,
            429 => ErrorKind::RateLimited,
            500.. => ErrorKind::ServerError,
            _ => ErrorKind::Rejected,
        };
        Error::new(kind, "acme refused the request")
    }
}
