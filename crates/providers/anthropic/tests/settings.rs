//! What Anthropic's own settings change in what is sent.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, ErrorKind, KeySource, Lookup, Media, MediaSource, ModelName,
    Part, Provider, ProviderId, Registry, Result, Secret,
};
use ultraai_provider_anthropic as _;
use ultraai_testkit::{Received, Server, anthropic};

const KEY: &str = "ANTHROPIC_API_KEY";
const TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// Names of variables.
type Variables = &'static [&'static str];

/// A context in which these variables are set, each to its own name in lower case.
fn context(variables: Variables) -> BuildContext {
    let lookup = Lookup::new(|asked| variables.contains(&asked).then(|| asked.to_lowercase()));
    BuildContext::new(ProviderId::new("mine").unwrap(), lookup)
}

fn build(settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    Registry::linked()?.provider("anthropic", settings, context)
}

/// What a server at `path` receives with these settings.
async fn received(path: &str, mut settings: Value, context: &BuildContext) -> Received {
    let server = Server::always(anthropic::answer("hello"));
    settings["base_url"] = json!(format!("{}{path}", server.url()));
    let provider = build(settings, context).unwrap();
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-3-haiku").unwrap());
    let reply = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap();
    assert_eq!(reply.collect().await.unwrap().text(), "hello");
    server.requests().remove(0)
}

#[tokio::test]
async fn the_address_may_end_with_the_version_or_not() {
    for (path, expected) in [
        ("", "/v1/messages"),
        ("/", "/v1/messages"),
        ("/v1", "/v1/messages"),
        ("/v1/", "/v1/messages"),
        ("/anthropic", "/anthropic/v1/messages"),
        ("/api/v1", "/api/v1/messages"),
    ] {
        let request = received(path, json!({}), &context(&[])).await;
        assert_eq!(request.path, expected, "{path}");
        assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
        assert_eq!(request.header("anthropic-beta"), None);
    }
}

#[tokio::test]
async fn a_key_and_a_token_are_sent_each_in_its_own_way() {
    let (key, token) = (Some("anthropic_api_key"), Some("Bearer anthropic_auth_token"));
    let bearer = json!({ "auth": "bearer" });
    let cases: Vec<(Variables, Value, [Option<&str>; 2])> = vec![
        (&[], json!({}), [None, None]),
        (&[KEY], json!({}), [key, None]),
        (&[KEY, TOKEN], json!({}), [key, None]),
        (&[TOKEN], json!({}), [None, token]),
        (&[TOKEN], bearer.clone(), [None, token]),
        (&[KEY, TOKEN], bearer.clone(), [None, token]),
        (&[KEY], bearer, [None, Some("Bearer anthropic_api_key")]),
        (&[TOKEN], json!({ "auth": "x-api-key" }), [None, None]),
        (&[KEY, TOKEN], json!({ "auth": "none" }), [None, None]),
    ];
    for (variables, settings, expected) in cases {
        let request = received("", settings.clone(), &context(variables)).await;
        let sent = [request.header("x-api-key"), request.header("authorization")];
        assert_eq!(sent, expected, "{variables:?} {settings}");
    }
    let mut given = context(&[TOKEN]);
    given.key = Some(KeySource::Given(Secret::new("sk-given").unwrap()));
    let request = received("", json!({}), &given).await;
    assert_eq!(request.header("x-api-key"), Some("sk-given"));
}

#[tokio::test]
async fn the_upper_bound_and_the_beta_features_are_those_that_are_set() {
    let request = received("", json!({}), &context(&[KEY])).await;
    assert_eq!(request.json()["max_tokens"], 4096);
    let settings = json!({ "max_tokens": 77, "beta": "context-1m-2025-08-07,files-api-2025-04-14" });
    let request = received("", settings, &context(&[KEY])).await;
    assert_eq!(request.json()["max_tokens"], 77);
    assert_eq!(request.header("anthropic-beta"), Some("context-1m-2025-08-07,files-api-2025-04-14"));
}

#[tokio::test]
async fn beta_features_that_a_request_needs_are_named_beside_those_that_are_set() {
    let server = Server::always(anthropic::answer("hello"));
    let settings = json!({ "base_url": server.url(), "beta": "context-1m-2025-08-07" });
    let provider = build(settings, &context(&[KEY])).unwrap();
    let mut request = ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-3-haiku").unwrap());
    request.messages[0].content.push(Part::Image(Media::new(MediaSource::FileId("file_1".into()))));
    drop(provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap());
    let betas = server.requests().remove(0).header("anthropic-beta").map(str::to_owned);
    assert_eq!(betas.as_deref(), Some("context-1m-2025-08-07,files-api-2025-04-14"));
}

#[test]
fn the_vendors_own_address_needs_a_key() {
    let error = build(json!({}), &context(&[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    let expected = if cfg!(feature = "tls") { KEY } else { "feature `tls`" };
    assert!(text.starts_with("mine: ") && text.contains(expected), "{text}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (settings, words) in [
        (json!({ "auth": "basic" }), "wrong setting `auth`"),
        (json!({ "max_tokens": 0 }), "wrong setting `max_tokens`"),
        (json!({ "betas": "a" }), "did you mean `beta`?"),
        (json!({ "base_url": "localhost:8080" }), "`base_url` is no http or https address"),
        (json!({ "base_url": "http://localhost:1", "beta": "a\nb" }), "`anthropic-beta`"),
    ] {
        let error = build(settings, &context(&[KEY])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(anthropic::answer("hello"));
    let settings = |http: Value| json!({ "base_url": server.url(), "http": http });
    let provider = build(settings(json!({ "max_header_bytes": 1 })), &context(&[])).unwrap();
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-3-haiku").unwrap());
    let error = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap_err();
    assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    let error = build(settings(json!({ "proxi": "none" })), &context(&[])).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("`http.proxi`"), "{error}");
}
