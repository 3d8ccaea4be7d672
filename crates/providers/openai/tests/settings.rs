//! What OpenAI's own settings send along.

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, ErrorKind, Lookup, ModelName, ProviderId, Registry,
};
use ultraai_provider_openai as _;
use ultraai_testkit::{Server, openai, responses};

#[tokio::test]
async fn organization_and_project_are_sent_where_they_are_set() {
    let server = Server::always(openai::answer("hello"));
    let lookup = Lookup::new(|name| (name == "OPENAI_API_KEY").then(|| "sk-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let base_url = format!("{}/v1", server.url());
    for settings in [
        json!({ "base_url": base_url }),
        json!({ "base_url": base_url, "organization": "org-1", "project": "proj-1" }),
    ] {
        let provider = Registry::linked().unwrap().provider("openai", settings, &context).unwrap();
        let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("gpt-4o").unwrap());
        let reply = provider.chat(&CallContext::new(), Arc::new(request.with_max_tokens(5))).await.unwrap();
        assert_eq!(reply.collect().await.unwrap().text(), "hello");
    }
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            ["openai-organization", "openai-project"].map(|name| request.header(name).map(str::to_owned))
        })
        .collect();
    assert_eq!(sent, [[None, None], [Some("org-1".to_owned()), Some("proj-1".to_owned())]]);
    let request = server.requests().remove(0);
    assert_eq!(request.header("authorization"), Some("Bearer sk-settings-test"));
    assert_eq!(request.json()["max_completion_tokens"], 5);
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(openai::answer("hello"));
    let lookup = Lookup::new(|name| (name == "OPENAI_API_KEY").then(|| "sk-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let build = |http: Value| {
        let settings = json!({ "base_url": server.url(), "http": http });
        Registry::linked().unwrap().provider("openai", settings, &context)
    };
    let provider = build(json!({ "max_header_bytes": 1 })).unwrap();
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("gpt-4o").unwrap());
    let error = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap_err();
    assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    let error = build(json!({ "proxi": "none" })).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("`http.proxi`"), "{error}");
}

#[tokio::test]
async fn the_setting_api_says_which_api_is_spoken() {
    let server = Server::always(responses::answer("hello"));
    let lookup = Lookup::new(|name| (name == "OPENAI_API_KEY").then(|| "sk-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let build = |api: &str| {
        let settings = json!({ "base_url": format!("{}/v1", server.url()), "api": api });
        Registry::linked().unwrap().provider("openai", settings, &context)
    };
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("gpt-5").unwrap());
    let reply =
        build("responses").unwrap().chat(&CallContext::new(), Arc::new(request.with_max_tokens(5))).await;
    assert_eq!(reply.unwrap().collect().await.unwrap().text(), "hello");
    let sent = server.requests().remove(0);
    assert_eq!(sent.path, "/v1/responses");
    assert_eq!(sent.json()["max_output_tokens"], 5);
    let error = build("assistants").unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("`api` must be"), "{error}");
}
