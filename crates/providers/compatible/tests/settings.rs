//! What is checked when a vendor is built.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, ErrorKind, Lookup, ModelName, Provider, ProviderId, Registry,
    Result,
};
use ultraai_provider_compatible::VENDORS;
use ultraai_testkit::{Server, openai};

const README: &str = include_str!("../README.md");

fn build(name: &str, settings: Value, variable: Option<&'static str>) -> Result<Arc<dyn Provider>> {
    let lookup = Lookup::new(move |asked| (Some(asked) == variable).then(|| "sk-settings-test".to_owned()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    Registry::linked()?.provider(name, settings, &context)
}

fn refusal(name: &str, settings: Value) -> String {
    let error = build(name, settings, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn the_vendors_stand_in_order_and_in_the_table_of_the_readme() {
    assert!(VENDORS.is_sorted_by(|one, next| one.name < next.name));
    let rows: Vec<_> = README.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), VENDORS.len());
    for (row, vendor) in rows.iter().zip(VENDORS) {
        assert!(row.contains(&format!("`{}`", vendor.name)), "{row}");
        assert!(vendor.base_url.is_none_or(|url| row.contains(&format!("`{url}`"))), "{row}");
        assert!(vendor.key_variables.first().is_none_or(|name| row.contains(&format!("`{name}`"))), "{row}");
    }
}

#[test]
fn every_vendor_is_built_from_its_key_alone() {
    for vendor in VENDORS.iter().filter(|vendor| vendor.base_url.is_some()) {
        let key = vendor.key_variables.first().copied();
        let local = vendor.base_url.is_some_and(|url| url.starts_with("http://"));
        match build(vendor.name, Value::Null, key) {
            Ok(provider) => {
                assert!(cfg!(feature = "tls") || local);
                assert_eq!(provider.name(), vendor.provider_name());
                assert!(!format!("{provider:?}").contains("sk-settings-test"));
            }
            Err(error) => {
                assert!(!cfg!(feature = "tls") && !local, "{error}");
                assert!(error.to_string().contains("feature `tls`"), "{error}");
            }
        }
    }
}

#[test]
fn a_missing_key_names_the_variable_and_a_local_server_needs_none() {
    let address = json!({ "base_url": "http://localhost:1/v1" });
    let error = refusal("groq", address.clone());
    assert!(error.starts_with("mine: ") && error.contains("GROQ_API_KEY"), "{error}");
    for name in ["compatible", "llama-cpp", "vllm"] {
        assert!(build(name, address.clone(), None).is_ok(), "{name}");
    }
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (name, settings, words) in [
        ("compatible", json!({}), "`base_url` is missing"),
        (
            "compatible",
            json!({ "base_url": "localhost:8080" }),
            "mine: `base_url` is no http or https address",
        ),
        ("vllm", json!({ "base_ulr": "http://localhost:1" }), "did you mean `base_url`?"),
        ("vllm", json!({ "base_url": 7 }), "`base_url`: invalid type"),
    ] {
        let error = refusal(name, settings);
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_table_http_holds_for_the_exchange_and_its_errors_name_the_key() {
    let server = Server::always(openai::answer("hello"));
    for vendor in VENDORS {
        let key = vendor.key_variables.first().copied();
        let settings = |http: Value| json!({ "base_url": server.url(), "http": http });
        let provider = build(vendor.name, settings(json!({ "max_header_bytes": 1 })), key).unwrap();
        let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m").unwrap());
        let error = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap_err();
        assert!(error.message().contains("`http.max_header_bytes`"), "{}: {error}", vendor.name);
        let error = build(vendor.name, settings(json!({ "proxi": "none" })), key).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.message().contains("`http.proxi`"), "{error}");
    }
}
