//! What an answer that broke off is recorded to have used.

use std::sync::Arc;

use serde_json::json;
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, Lookup, ModelName, Price, Provider as _, ProviderId,
    Registry, UsageSource, attempt::Attempt,
};
use ultraai_provider_anthropic as _;
use ultraai_testkit::{Dialogue as _, Server, anthropic::AnthropicMessages};

#[tokio::test]
async fn what_went_in_is_the_vendors_own_count_though_the_stream_breaks_off() {
    let texts = ["Grass ", "is green because of what it is made of."];
    let reply = AnthropicMessages
        .live("claude-3-haiku", &texts)
        .pieces(AnthropicMessages.pieces_before_end(texts.len()));
    let server = Server::always(reply);
    let id = ProviderId::new("mine").unwrap();
    let context = BuildContext::new(id.clone(), Lookup::new(|_| None));
    let settings = json!({ "base_url": server.url() });
    let provider = Registry::linked().unwrap().provider("anthropic", settings, &context).unwrap();
    let attempt = Attempt::new(provider, id, None::<Price>, Arc::default());
    let request = ChatRequest::from_prompt("Why?").with_delivery(Delivery::Live);
    let request = request.with_model(ModelName::new("claude-3-haiku").unwrap());
    let error = attempt.chat(&CallContext::new(), request.into()).await.unwrap().collect().await.unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!(partial.text(), texts.concat());
    let usage = partial.usage.unwrap();
    assert_eq!((usage.input_tokens, usage.source), (7, UsageSource::Estimated));
    assert!(usage.output_tokens > 3, "{usage:?}");
}
