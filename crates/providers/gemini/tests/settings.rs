//! Where the key and the model go, and whose delay counts.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, ErrorKind, Lookup, ModelName, Provider, ProviderId,
    Registry, Result,
};
use ultraai_provider_gemini as _;
use ultraai_testkit::{Dialogue as _, Reply, Server, gemini};

fn provider(settings: Value, variable: &'static str) -> Result<Arc<dyn Provider>> {
    let lookup = Lookup::new(move |name| (name == variable).then(|| "key-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine")?, lookup);
    Registry::linked()?.provider("gemini", settings, &context)
}

fn request(model: &str, delivery: Delivery) -> Result<Arc<ChatRequest>> {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new(model)?);
    Ok(Arc::new(request.with_max_tokens(5).with_delivery(delivery)))
}

#[tokio::test]
async fn the_key_stands_in_a_header_and_the_model_in_the_path() {
    for (variable, model, path) in [
        ("GEMINI_API_KEY", "gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash"),
        ("GOOGLE_API_KEY", "tunedModels/mine", "/v1beta/tunedModels/mine"),
    ] {
        let server = Server::always(gemini::Gemini.answer(model, "hello"));
        let provider =
            provider(json!({ "base_url": format!("{}/v1beta/", server.url()) }), variable).unwrap();
        for delivery in [Delivery::Whole, Delivery::Live] {
            let reply = provider.chat(&CallContext::new(), request(model, delivery).unwrap()).await.unwrap();
            assert_eq!(reply.collect().await.unwrap().text(), "hello");
        }
        let requests = server.requests();
        let paths: Vec<_> = requests.iter().map(|request| request.path.clone()).collect();
        assert_eq!(
            paths,
            [format!("{path}:generateContent"), format!("{path}:streamGenerateContent?alt=sse")]
        );
        for request in requests {
            assert_eq!(request.header("x-goog-api-key"), Some("key-settings-test"));
            assert_eq!(request.header("authorization"), None);
            assert_eq!(request.json()["generationConfig"]["maxOutputTokens"], 5);
        }
    }
}

#[tokio::test]
async fn the_delay_in_the_body_counts_unless_a_header_names_another() {
    let details = json!([
        { "violations": [{ "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" }] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s" },
    ]);
    let message = "You exceeded your current quota, please check your plan and billing details.";
    let busy = Reply::json(429, &gemini::error_body(429, "RESOURCE_EXHAUSTED", message, &details));
    for (reply, seconds) in [(busy.clone(), 17), (busy.header("retry-after", "7"), 7)] {
        let server = Server::always(reply);
        let provider = provider(json!({ "base_url": server.url() }), "GEMINI_API_KEY").unwrap();
        let error =
            provider.chat(&CallContext::new(), request("m", Delivery::Live).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
    }
}

#[test]
fn it_is_told_by_its_registered_name() {
    let provider = provider(json!({ "base_url": "http://127.0.0.1:9" }), "GEMINI_API_KEY").unwrap();
    assert_eq!(provider.name(), "gcp.gemini");
    let registry = Registry::linked().unwrap();
    let row = registry.provider_registration("gemini").unwrap();
    let default = ModelName::new(row.default_model.unwrap()).unwrap();
    assert_eq!(provider.capabilities(&default).context_window, Some(1_048_576));
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(gemini::Gemini.answer("m", "hello"));
    let settings = |http: Value| json!({ "base_url": server.url(), "http": http });
    let limited = provider(settings(json!({ "max_header_bytes": 1 })), "GEMINI_API_KEY").unwrap();
    let request = request("m", Delivery::Whole).unwrap();
    let error = limited.chat(&CallContext::new(), request).await.unwrap_err();
    assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    let error = provider(settings(json!({ "proxi": "none" })), "GEMINI_API_KEY").unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("`http.proxi`"), "{error}");
}
