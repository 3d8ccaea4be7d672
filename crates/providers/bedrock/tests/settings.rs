//! What Bedrock's own settings change in what is sent.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, Delivery, ErrorKind, KeySource, Lookup, ModelName, Provider,
    ProviderId, Registry, Result, Secret,
};
use ultraai_provider_bedrock as _;
use ultraai_testkit::{
    Dialogue as _, Received, Reply, Server,
    bedrock::{Bedrock, frame},
};

const ARN: &str = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0";

type Variables<'a> = &'a [(&'a str, &'a str)];

fn context(variables: Variables<'_>) -> BuildContext {
    let known: HashMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    BuildContext::new(ProviderId::new("mine").unwrap(), Lookup::new(move |asked| known.get(asked).cloned()))
}

fn build(settings: Value, context: &BuildContext) -> Result<Arc<dyn Provider>> {
    Registry::linked()?.provider("bedrock", settings, context)
}

/// What a server receives with these settings.
async fn received(mut settings: Value, context: &BuildContext, delivery: Delivery) -> Received {
    let server = Server::answering(|request: &Received| match Bedrock.wants_live(request) {
        true => Bedrock.live("", &["hel", "lo"]),
        false => Bedrock.answer("", "hello"),
    });
    settings["base_url"] = json!(server.url());
    let provider = build(settings, context).unwrap();
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new(ARN).unwrap());
    let request = request.with_delivery(delivery);
    let reply = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap();
    let answer = reply.collect().await.unwrap();
    assert_eq!((answer.text().as_str(), answer.usage.unwrap().input_tokens), ("hello", 7));
    server.requests().remove(0)
}

const KEYS: Variables<'_> = &[
    ("AWS_ACCESS_KEY_ID", "AKID"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2hunter2"),
    ("AWS_REGION", "eu-west-1"),
];

#[tokio::test]
async fn the_model_is_escaped_in_the_path_that_is_sent() {
    let escaped = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0/converse";
    let request = received(json!({}), &context(&[]), Delivery::Whole).await;
    assert_eq!((request.path.as_str(), request.header("authorization")), (escaped, None));
    let request = received(json!({}), &context(&[]), Delivery::Live).await;
    assert_eq!(request.path, format!("{escaped}-stream"));
}

#[tokio::test]
async fn a_key_of_bedrocks_own_is_sent_as_a_bearer() {
    let variables = [&[("AWS_BEARER_TOKEN_BEDROCK", "bedrock-key")], KEYS].concat();
    let request = received(json!({}), &context(&variables), Delivery::Whole).await;
    assert_eq!(request.header("authorization"), Some("Bearer bedrock-key"));
    let mut given = context(&variables);
    given.key = Some(KeySource::Given(Secret::new("given").unwrap()));
    let request = received(json!({}), &given, Delivery::Whole).await;
    assert_eq!(request.header("authorization"), Some("Bearer given"));
}

#[tokio::test]
async fn keys_of_the_environment_sign_each_request_for_its_region() {
    let variables = [&[("AWS_SESSION_TOKEN", "session")], KEYS].concat();
    for (settings, region) in [(json!({}), "eu-west-1"), (json!({ "region": "us-west-2" }), "us-west-2")] {
        let request = received(settings, &context(&variables), Delivery::Whole).await;
        let authorization = request.header("authorization").unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
        assert!(authorization.contains(&format!("/{region}/bedrock/aws4_request, ")), "{authorization}");
        assert_eq!(request.header("x-amz-security-token"), Some("session"));
        assert!(request.header("x-amz-date").is_some());
    }
}

#[tokio::test]
async fn a_profile_is_used_where_the_environment_has_no_keys_or_the_settings_name_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = hunter2hunter2\n[work]\naws_access_key_id = WORK\naws_secret_access_key = hunter2hunter2\n";
    std::fs::write(&file, text).unwrap();
    let at = ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let region = ("AWS_DEFAULT_REGION", "us-east-1");
    let work = ("AWS_PROFILE", "work");
    for (settings, variables, id) in [
        (json!({}), vec![at, region], "DEFAULT"),
        (json!({}), vec![at, region, work], "WORK"),
        (json!({}), [&[at, work], KEYS].concat(), "AKID"),
        (json!({ "profile": "work" }), [&[at], KEYS].concat(), "WORK"),
    ] {
        let request = received(settings, &context(&variables), Delivery::Whole).await;
        let authorization = request.header("authorization").unwrap();
        assert!(authorization.contains(&format!("Credential={id}/")), "{authorization}");
    }
    let settings = json!({ "profile": "none", "base_url": "http://localhost:1" });
    let error = build(settings, &context(&[at, region])).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.message().contains("profile `none`"), "{error}");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (settings, variables, words) in [
        (json!({}), &[][..], "no region: set `region`"),
        (json!({ "region": "http://evil" }), &[], "`region` is no region"),
        (json!({ "regoin": "us-east-1" }), &[], "did you mean `region`?"),
        (json!({ "base_url": "localhost:8080" }), &[], "`base_url` is no http or https address"),
        (
            json!({ "base_url": "http://localhost:1" }),
            &[("AWS_ACCESS_KEY_ID", "A"), ("AWS_REGION", "us-east-1")],
            "AWS_SECRET_ACCESS_KEY is not set",
        ),
        (
            json!({ "base_url": "http://localhost:1" }),
            &[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "hunter2")],
            "no region",
        ),
        (json!({ "base_url": "http://localhost:1", "http": { "proxi": "none" } }), &[], "`http.proxi`"),
    ] {
        let error = build(settings, &context(variables)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_vendors_own_address_needs_a_key() {
    let error = build(json!({ "region": "us-east-1" }), &context(&[])).unwrap_err();
    let text = error.to_string();
    let expected = if cfg!(feature = "tls") { "AWS_BEARER_TOKEN_BEDROCK" } else { "feature `tls`" };
    assert!(
        error.kind() == ErrorKind::Config && text.starts_with("mine: ") && text.contains(expected),
        "{text}"
    );
}

#[tokio::test]
async fn a_stream_that_is_damaged_or_cut_is_an_interruption() {
    let text = json!({ "contentBlockIndex": 0, "delta": { "text": "hello" } });
    let stop = frame("messageStop", &json!({ "stopReason": "end_turn" }));
    let mut damaged = stop.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    for end in [damaged, stop[..stop.len() - 3].to_vec(), Vec::new()] {
        let frames = [frame("messageStart", &json!({})), frame("contentBlockDelta", &text), end];
        let frames = frames.into_iter().filter(|frame| !frame.is_empty());
        let server = Server::always(Reply::chunked("application/vnd.amazon.eventstream", frames));
        let provider = build(json!({ "base_url": server.url() }), &context(&[])).unwrap();
        let request = ChatRequest::from_prompt("hi").with_model(ModelName::new("m").unwrap());
        let request = request.with_delivery(Delivery::Live);
        let reply = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap();
        let error = reply.collect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert_eq!(error.partial().unwrap().text(), "hello");
    }
}

#[tokio::test]
async fn the_vendors_id_of_an_exchange_is_told() {
    let server = Server::always(Bedrock.error(400, "no").header("x-amzn-requestid", "id-1"));
    let provider = build(json!({ "base_url": server.url() }), &context(&[])).unwrap();
    let request = ChatRequest::from_prompt("hi").with_model(ModelName::new("m").unwrap());
    let error = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap_err();
    assert_eq!((error.kind(), error.request_id()), (ErrorKind::Rejected, Some("id-1")));
}
