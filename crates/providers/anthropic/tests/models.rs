//! The list of models, with the settings of the provider.

use serde_json::json;
use ultraai_core::{BuildContext, CallContext, Lookup, ProviderId, Registry};
use ultraai_provider_anthropic as _;
use ultraai_testkit::{Reply, Server};

#[tokio::test]
async fn the_providers_settings_hold_for_its_models() {
    let server = Server::answering(|received| {
        assert_eq!(received.header("x-api-key"), Some("key-models-test"));
        assert!(received.header("anthropic-version").is_some());
        match received.path.as_str() {
            "/v1/models?limit=1000" => {
                Reply::json(200, &json!({ "data": [{ "id": "a" }], "has_more": true, "last_id": "a" }))
            }
            "/v1/models?limit=1000&after_id=a" => {
                Reply::json(200, &json!({ "data": [{ "id": "b" }], "has_more": false, "last_id": "b" }))
            }
            other => panic!("{other}"),
        }
    });
    let lookup = Lookup::new(|name| (name == "ANTHROPIC_API_KEY").then(|| "key-models-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let settings = json!({ "base_url": server.url() });
    let lister = Registry::linked().unwrap().model_lister("anthropic", settings, &context).unwrap();
    let models = lister.models(&CallContext::new()).await.unwrap();
    assert_eq!(models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}
