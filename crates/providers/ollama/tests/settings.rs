//! What is sent where, for each of the settings.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, Error, ErrorKind, Lookup, ModelName, Provider,
    ProviderId, Registry, Result,
};
use ultraai_provider_ollama as _;
use ultraai_testkit::{Dialogue as _, Reply, Server, ollama::Ollama};

fn build(settings: Value, variables: &[(&'static str, String)]) -> Result<Arc<dyn Provider>> {
    let variables = variables.to_vec();
    let lookup = Lookup::new(move |asked| {
        variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.clone())
    });
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    Registry::linked()?.provider("ollama", settings, &context)
}

async fn ask(provider: &dyn Provider, delivery: Delivery) -> Result<String> {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
    let request = Arc::new(request.with_delivery(delivery));
    Ok(provider.chat(&CallContext::new(), request).await?.collect().await?.text())
}

fn refusal(settings: Value) -> String {
    let error = build(settings, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[tokio::test]
async fn ollamas_own_variable_names_the_address_and_the_setting_goes_over_it() {
    let server = Server::always(Ollama.answer("m", "hello"));
    let host = ("OLLAMA_HOST", format!("0.0.0.0:{}", server.address().port()));
    let provider = build(Value::Null, std::slice::from_ref(&host)).unwrap();
    assert_eq!(ask(provider.as_ref(), Delivery::Whole).await.unwrap(), "hello");
    let elsewhere = Server::always(Ollama.answer("m", "from elsewhere"));
    let provider = build(json!({ "base_url": elsewhere.url() }), &[host]).unwrap();
    assert_eq!(ask(provider.as_ref(), Delivery::Whole).await.unwrap(), "from elsewhere");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].path.as_str(), requests[0].header("authorization")), ("/api/chat", None));
    let wrong = build(Value::Null, &[("OLLAMA_HOST", "box:many".into())]).unwrap_err().to_string();
    assert!(wrong.starts_with("mine: OLLAMA_HOST "), "{wrong}");
}

#[tokio::test]
async fn the_models_settings_are_sent_where_they_are_set() {
    let server = Server::always(Ollama.answer("m", "hello"));
    let key = ("OLLAMA_API_KEY", "key-settings-test".to_owned());
    for settings in [
        json!({ "base_url": server.url() }),
        json!({ "base_url": server.url(), "keep_alive": "10m", "num_ctx": 8192, "truncate": true }),
        json!({ "base_url": server.url(), "keep_alive": -1 }),
    ] {
        let provider = build(settings, std::slice::from_ref(&key)).unwrap();
        ask(provider.as_ref(), Delivery::Whole).await.unwrap();
    }
    let requests = server.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer key-settings-test"));
    let sent: Vec<_> = requests
        .iter()
        .map(|request| {
            let body = request.json();
            ["keep_alive", "options", "truncate"].map(|key| body.get(key).cloned().unwrap_or_default())
        })
        .collect();
    assert_eq!(sent[0], [Value::Null, Value::Null, json!(false)]);
    assert_eq!(sent[1], [json!("10m"), json!({ "num_ctx": 8192 }), Value::Null]);
    assert_eq!(sent[2], [json!(-1), Value::Null, json!(false)]);
}

#[tokio::test]
async fn a_stream_is_read_whatever_the_server_calls_it() {
    let texts = ["a", "b"];
    for kind in ["application/x-ndjson", "application/jsonl", "text/plain", ""] {
        let lines = texts.iter().map(|text| json!({ "model": "m", "message": { "content": text } }));
        let lines: Vec<_> =
            lines.chain([json!({ "model": "m", "done": true, "done_reason": "stop" })]).collect();
        let body: Vec<_> = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let body = body.concat();
        let server = Server::always(Reply::body(200, kind, body));
        let provider = build(json!({ "base_url": server.url() }), &[]).unwrap();
        assert_eq!(ask(provider.as_ref(), Delivery::Live).await.unwrap(), "ab", "{kind}");
    }
}

#[tokio::test]
async fn a_live_answer_that_comes_whole_is_read() {
    let server = Server::always(Ollama.answer("m", "hello"));
    let provider = build(json!({ "base_url": server.url() }), &[]).unwrap();
    assert_eq!(ask(provider.as_ref(), Delivery::Live).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_whole_answer_that_comes_in_lines_is_read() {
    let server = Server::always(Ollama.live("m", &["a", "b"]));
    let provider = build(json!({ "base_url": server.url() }), &[]).unwrap();
    assert_eq!(ask(provider.as_ref(), Delivery::Whole).await.unwrap(), "ab");
}

#[tokio::test]
async fn an_unknown_model_is_told_in_ollamas_words() {
    let server = Server::always(Ollama.error(404, "model 'm' not found"));
    let provider = build(json!({ "base_url": server.url() }), &[]).unwrap();
    let error: Error = ask(provider.as_ref(), Delivery::Live).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::ModelNotFound, "model 'm' not found"));
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (settings, words) in [
        (json!({ "base_url": "localhost:11434" }), "mine: `base_url` is no"),
        (json!({ "base_url": "http://localhost:11434/v1/" }), "`type` to `compatible`"),
        (json!({ "keep_alive": [] }), "`keep_alive` must be"),
        (json!({ "num_ctx": 0 }), "`num_ctx` is 0"),
        (json!({ "num_ctx": "many" }), "`num_ctx`"),
        (json!({ "num_ctxt": 1 }), "did you mean `num_ctx`?"),
    ] {
        let error = refusal(settings);
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(Ollama.answer("m", "hello"));
    let settings = |http: Value| json!({ "base_url": server.url(), "http": http });
    let provider = build(settings(json!({ "max_header_bytes": 1 })), &[]).unwrap();
    let error = ask(provider.as_ref(), Delivery::Whole).await.unwrap_err();
    assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    let refusal = refusal(settings(json!({ "proxi": "none" })));
    assert!(refusal.contains("`http.proxi`"), "{refusal}");
}
