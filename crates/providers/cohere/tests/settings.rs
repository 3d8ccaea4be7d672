//! Where the key and the request go.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, ErrorKind, Lookup, ModelName, Provider, ProviderId,
    Registry, Result,
};
use ultraai_provider_cohere as _;
use ultraai_testkit::{Dialogue as _, Server, cohere::Cohere};

fn provider(settings: Value, variable: &'static str) -> Result<Arc<dyn Provider>> {
    let lookup = Lookup::new(move |name| (name == variable).then(|| "key-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine")?, lookup);
    Registry::linked()?.provider("cohere", settings, &context)
}

async fn ask(provider: &dyn Provider, delivery: Delivery) -> Result<String> {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
    let request = Arc::new(request.with_max_tokens(5).with_delivery(delivery));
    let answer = provider.chat(&CallContext::new(), request).await?.collect().await?;
    assert_eq!(answer.model.as_deref(), Some("m"));
    Ok(answer.text())
}

#[tokio::test]
async fn the_key_of_either_variable_is_sent_as_a_bearers() {
    for variable in ["COHERE_API_KEY", "CO_API_KEY"] {
        let server = Server::always(Cohere.answer("m", "hello"));
        let settings = json!({ "base_url": format!("{}/", server.url()) });
        let provider = provider(settings, variable).unwrap();
        for delivery in [Delivery::Whole, Delivery::Live] {
            assert_eq!(ask(provider.as_ref(), delivery).await.unwrap(), "hello");
        }
        for (request, live) in server.requests().iter().zip([false, true]) {
            assert_eq!(request.path, "/v2/chat");
            assert_eq!(request.header("authorization"), Some("Bearer key-settings-test"));
            let body = request.json();
            assert_eq!(
                (&body["max_tokens"], &body["stream"], &body["model"]),
                (&json!(5), &json!(live), &json!("m"))
            );
        }
    }
}

#[test]
fn it_is_told_by_its_registered_name() {
    let provider = provider(json!({ "base_url": "http://127.0.0.1:9" }), "CO_API_KEY").unwrap();
    assert_eq!(provider.name(), "cohere");
    let registry = Registry::linked().unwrap();
    let row = registry.provider_registration("cohere").unwrap();
    let default = ModelName::new(row.default_model.unwrap()).unwrap();
    assert_eq!(provider.capabilities(&default).context_window, Some(256_000));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (settings, words) in [
        (json!({ "base_url": "api.cohere.com" }), "mine: `base_url` is no"),
        (json!({ "base_url": "http://127.0.0.1:9/v2/" }), "the address before `/v2/chat`"),
        (json!({ "base_url": "http://127.0.0.1:9/compatibility/v1" }), "`type` to `compatible`"),
        (json!({ "base_urll": "http://127.0.0.1:9" }), "did you mean `base_url`?"),
    ] {
        let error = provider(settings, "CO_API_KEY").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = provider(json!({ "base_url": "http://127.0.0.1:9" }), "OTHER").unwrap_err().to_string();
    assert!(error.contains("COHERE_API_KEY"), "{error}");
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(Cohere.answer("m", "hello"));
    let settings = |http: Value| json!({ "base_url": server.url(), "http": http });
    let limited = provider(settings(json!({ "max_header_bytes": 1 })), "CO_API_KEY").unwrap();
    let error = ask(limited.as_ref(), Delivery::Whole).await.unwrap_err();
    assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    let error = provider(settings(json!({ "proxi": "none" })), "CO_API_KEY").unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("`http.proxi`"), "{error}");
}
