//! A codec that could not be simpler, at an endpoint.

#[cfg(feature = "tls")]
pub(crate) mod http2;
pub(crate) mod proxy;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use ultraai_core::{
    BuildContext, CallContext, Capabilities, ChatEvent, ChatRequest, ChatResponse, Codec, Error, ErrorKind,
    EventDecoder, FinishReason, Lookup, Losses, ModelName, Provider, ProviderId, Result, Secret,
};
use ultraai_wire::{BaseUrl, Endpoint, HttpProvider, HttpSettings, Limits, TransportSettings};

pub(crate) const KEY: &str = "sk-wire-test";

/// Long enough for a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// The body is the text; an event is a text; the clean end finishes.
#[derive(Debug)]
pub(crate) struct Plain;

impl Codec for Plain {
    fn protocol(&self) -> &'static str {
        "plain"
    }

    fn capabilities(&self, _: &ModelName) -> Capabilities {
        Capabilities::default()
    }

    fn encode(&self, _: &ChatRequest, _: &mut Losses) -> Result<Vec<u8>> {
        Ok(b"{}".to_vec())
    }

    fn decode(&self, _: &ChatRequest, body: &Bytes) -> Result<ChatResponse> {
        Ok(ChatResponse::from_text(String::from_utf8_lossy(body)))
    }

    fn decoder(&self, _: &ChatRequest) -> EventDecoder {
        Box::new(|event, out| {
            out.push_back(match event {
                Some(event) => ChatEvent::text(String::from_utf8_lossy(event.data)),
                None => ChatEvent::Finished { finish_reason: FinishReason::Stop },
            });
            Ok(())
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        let kind = match status {
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::Rejected,
        };
        Error::new(kind, String::from_utf8_lossy(body))
    }
}

pub(crate) fn provider(url: &str, limits: Limits) -> HttpProvider<Plain> {
    let address = BaseUrl::parse(url).unwrap().join("chat");
    let settings = TransportSettings::new(Duration::from_secs(3));
    let endpoint = Endpoint::new(settings, address).with_bearer(Secret::new(KEY).unwrap()).unwrap();
    HttpProvider::new("plain", endpoint.with_limits(limits), Plain)
}

/// A provider with the settings `http`, read as a provider reads them.
pub(crate) fn with_settings(url: &str, http: Value) -> HttpProvider<Plain> {
    let context = BuildContext::new(ProviderId::new("it").unwrap(), Lookup::empty());
    let settings: HttpSettings = context.parse(http, HttpSettings::FIELDS).unwrap();
    let address = BaseUrl::parse(url).unwrap().join("chat");
    let endpoint = settings.endpoint(Duration::from_secs(3), address);
    HttpProvider::new("plain", endpoint.with_bearer(Secret::new(KEY).unwrap()).unwrap(), Plain)
}

pub(crate) fn prompt() -> Arc<ChatRequest> {
    Arc::new(ChatRequest::from_prompt("a prompt of some length"))
}

pub(crate) async fn ask_of(provider: &HttpProvider<Plain>) -> Result<ChatResponse> {
    provider.chat(&CallContext::new(), prompt()).await?.collect().await
}

pub(crate) async fn ask(url: &str) -> Result<ChatResponse> {
    ask_of(&provider(url, Limits::default())).await
}
