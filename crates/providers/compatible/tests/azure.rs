//! Azure OpenAI: where the key is sent, and what its server says.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, ChatResponse, Delivery, ErrorKind, Lookup, ModelName, Provider,
    ProviderId, Registry, Result,
};
use ultraai_provider_compatible as _;
use ultraai_testkit::{Reply, Server, openai};

const KEY: &str = "key-azure-test";

fn build(settings: Value) -> Result<Arc<dyn Provider>> {
    let lookup = Lookup::new(|asked| (asked == "AZURE_OPENAI_API_KEY").then(|| KEY.to_owned()));
    let context = BuildContext::new(ProviderId::new("work").unwrap(), lookup);
    Registry::linked()?.provider("azure.ai.openai", settings, &context)
}

async fn ask(server: &Server, header: Option<&str>, delivery: Delivery) -> Result<ChatResponse> {
    let mut settings = json!({ "base_url": format!("{}/openai/v1/", server.url()) });
    if let Some(header) = header {
        settings["key_header"] = header.into();
    }
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("my-deployment").unwrap());
    let request = request.with_max_tokens(5).with_delivery(delivery);
    build(settings)?.chat(&CallContext::new(), Arc::new(request)).await?.collect().await
}

#[tokio::test]
async fn the_key_stands_in_azures_own_header_or_is_a_bearer_token() {
    let server = Server::always(openai::answer("hello"));
    for header in [None, Some("api-key"), Some("Authorization")] {
        ask(&server, header, Delivery::Whole).await.unwrap();
    }
    let requests = server.requests();
    for (request, expected) in
        requests.iter().zip([[Some(KEY), None], [Some(KEY), None], [None, Some("Bearer key-azure-test")]])
    {
        assert_eq!(["api-key", "authorization"].map(|name| request.header(name)), expected);
        assert_eq!(request.path, "/openai/v1/chat/completions");
        assert_eq!(request.json()["model"], "my-deployment");
        assert_eq!(request.json()["max_completion_tokens"], 5);
    }
}

#[tokio::test]
async fn what_the_filters_say_before_the_answer_is_no_part_of_it() {
    let filters = json!({ "prompt_index": 0, "content_filter_results": { "hate": { "filtered": false } } });
    let first = json!({ "choices": [], "id": "", "model": "", "prompt_filter_results": [filters] });
    let chunk = |delta: &Value, reason| openai::chunk("gpt-4o", delta, reason);
    let server = Server::always(Reply::sse([
        first.to_string(),
        chunk(&json!({ "role": "assistant", "content": "" }), None),
        chunk(&json!({ "content": "hello" }), None),
        chunk(&json!({}), Some("stop")),
        "[DONE]".to_owned(),
    ]));
    let answer = ask(&server, None, Delivery::Live).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.model.as_deref()), ("hello", Some("gpt-4o")));
}

#[tokio::test]
async fn azures_errors_are_told_apart() {
    let inner = json!({ "code": "ResponsibleAIPolicyViolation", "content_filter_result": { "hate": { "filtered": true } } });
    for (status, error, kind) in [
        (
            400,
            json!({ "message": "The response was filtered.", "type": null, "param": "prompt", "code": "content_filter",
                "status": 400, "innererror": inner }),
            ErrorKind::ContentFiltered,
        ),
        (
            404,
            json!({ "type": "invalid_request_error", "code": "DeploymentNotFound",
                "message": "The API deployment for this resource does not exist." }),
            ErrorKind::ModelNotFound,
        ),
        (
            401,
            json!({ "code": "401", "message": "Access denied due to invalid subscription key." }),
            ErrorKind::Authentication,
        ),
        (
            429,
            json!({ "code": "429", "message": "Requests have exceeded the token rate limit." }),
            ErrorKind::RateLimited,
        ),
    ] {
        let server = Server::always(Reply::json(status, &json!({ "error": error })));
        let failed = ask(&server, None, Delivery::Live).await.unwrap_err();
        assert_eq!((failed.kind(), failed.message()), (kind, error["message"].as_str().unwrap()));
    }
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (settings, words) in [
        (json!({}), "such as https://NAME.openai.azure.com/openai/v1"),
        (
            json!({ "base_url": "http://localhost:1", "key_header": "x-key" }),
            "must be `api-key` or `authorization`",
        ),
    ] {
        let error = build(settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("work: ") && error.to_string().contains(words), "{error}");
    }
    let lookup = Lookup::new(|_| None);
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let settings = json!({ "key_header": "authorization" });
    let error = Registry::linked().unwrap().provider("groq", settings, &context).unwrap_err();
    assert!(error.to_string().contains("unknown"), "{error}");
}
