//! Who asks, and where.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, path::Path, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rsa::KeyPair,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use ultraai_core::{
    BuildContext, CallContext, ChatRequest, ErrorKind, Lookup, ModelName, Provider, ProviderId, Registry,
    Result,
};
use ultraai_provider_vertex as _;
use ultraai_testkit::{Dialogue as _, Received, Reply, Server, anthropic, gemini::Vertex};

/// A key that was made for this test and opens nothing.
const KEY: &str = include_str!("key.pem");

fn provider(
    settings: Value,
    variables: &'static [(&'static str, &'static str)],
) -> Result<Arc<dyn Provider>> {
    let find =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let context = BuildContext::new(ProviderId::new("mine")?, Lookup::new(find));
    Registry::linked()?.provider("vertex", settings, &context)
}

fn server() -> Server {
    Server::always(Vertex.answer("m", "hello"))
}

async fn ask(provider: &Arc<dyn Provider>) -> Result<String> {
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("m")?);
    Ok(provider.chat(&CallContext::new(), Arc::new(request)).await?.collect().await?.text())
}

/// A credentials file whose tokens come from `tokens`.
fn service_account(folder: &TempDir, tokens: &Server) -> Value {
    let file = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "key-7", "private_key": KEY,
        "client_email": "it@p.iam", "token_uri": format!("{}/token", tokens.url()),
    });
    write(&folder.path().join("account.json"), &file)
}

fn write(path: &Path, file: &Value) -> Value {
    fs::write(path, file.to_string()).unwrap();
    path.to_str().unwrap().into()
}

fn token(token: &str, life: u64) -> Reply {
    Reply::json(200, &json!({ "access_token": token, "expires_in": life, "token_type": "Bearer" }))
}

/// The fields of a form.
fn form(received: &Received) -> Vec<(String, String)> {
    assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
    let body = String::from_utf8(received.body.to_vec()).unwrap();
    let fields = body.split('&').map(|field| field.split_once('=').unwrap());
    fields.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":"))).collect()
}

#[tokio::test]
async fn a_token_stands_in_a_header_and_the_model_below_the_publisher() {
    let server = server();
    let settings = json!({ "base_url": format!("{}/v1/projects/p/locations/l", server.url()) });
    let provider = provider(settings, &[("GOOGLE_ACCESS_TOKEN", "token-of-test")]).unwrap();
    assert_eq!(provider.name(), "gcp.vertex_ai");
    assert_eq!(ask(&provider).await.unwrap(), "hello");
    let request = &server.requests()[0];
    assert_eq!(request.path, "/v1/projects/p/locations/l/publishers/google/models/m:generateContent");
    assert_eq!(request.header("authorization"), Some("Bearer token-of-test"));
}

#[tokio::test]
async fn an_express_key_stands_in_its_own_header() {
    let server = server();
    let settings = json!({ "express": true, "base_url": format!("{}/v1", server.url()) });
    let provider = provider(settings, &[("GOOGLE_API_KEY", "key-of-test")]).unwrap();
    assert_eq!(ask(&provider).await.unwrap(), "hello");
    let request = &server.requests()[0];
    assert_eq!(request.path, "/v1/publishers/google/models/m:generateContent");
    assert_eq!(request.header("x-goog-api-key"), Some("key-of-test"));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn a_service_account_signs_for_its_token_and_keeps_it() {
    let (server, tokens, folder) = (server(), Server::start([token("first", 3600)]), TempDir::new().unwrap());
    let settings = json!({ "base_url": server.url(), "credentials_file": service_account(&folder, &tokens) });
    let provider = provider(settings, &[("GOOGLE_ACCESS_TOKEN", "of-another")]).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&provider).await.unwrap(), "hello");
    }
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer first"));
    }
    let asked = tokens.requests();
    assert_eq!((asked.len(), asked[0].path.as_str()), (1, "/token"));
    let form = form(&asked[0]);
    assert_eq!(form[0], ("grant_type".into(), "urn:ietf:params:oauth:grant-type:jwt-bearer".into()));
    let (text, signature) = form[1].1.rsplit_once('.').unwrap();
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let key = KeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref().to_vec());
    public.verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (head, claims) = text.split_once('.').map(|(head, claims)| (read(head), read(claims))).unwrap();
    assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT", "kid": "key-7" }));
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!("it@p.iam"), &json!(format!("{}/token", tokens.url())))
    );
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
}

#[tokio::test]
async fn the_variable_of_googles_own_tools_names_the_file() {
    let (server, tokens, folder) = (server(), Server::always(token("first", 3600)), TempDir::new().unwrap());
    let file = service_account(&folder, &tokens).as_str().unwrap().to_owned();
    let lookup = Lookup::new(move |name| (name == "GOOGLE_APPLICATION_CREDENTIALS").then(|| file.clone()));
    let context = BuildContext::new(ProviderId::new("mine").unwrap(), lookup);
    let build = |settings: Value| Registry::linked()?.provider("vertex", settings, &context);
    assert_eq!(ask(&build(json!({ "base_url": server.url() })).unwrap()).await.unwrap(), "hello");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer first"));
    // The file names the project too.
    let error = build(json!({})).err();
    assert!(error.is_none_or(|error| error.message().contains("feature `tls`")));
}

#[tokio::test]
async fn a_token_that_has_come_to_its_end_is_fetched_again() {
    let (server, folder) = (server(), TempDir::new().unwrap());
    let tokens = Server::start([token("first", 0), token("second", 3600)]);
    let settings = json!({ "base_url": server.url(), "credentials_file": service_account(&folder, &tokens) });
    let provider = provider(settings, &[]).unwrap();
    for _ in 0..3 {
        ask(&provider).await.unwrap();
    }
    let requests = server.requests();
    let sent: Vec<_> = requests.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!(sent, ["Bearer first", "Bearer second", "Bearer second"]);
}

#[tokio::test]
async fn a_user_gives_a_refresh_token() {
    let (server, folder) = (server(), TempDir::new().unwrap());
    let tokens = Server::always(token("of-the-user", 3600));
    let file = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "quota_project_id": "q", "token_uri": tokens.url(),
    });
    let file = write(&folder.path().join("user.json"), &file);
    let provider = provider(json!({ "base_url": server.url(), "credentials_file": file }), &[]).unwrap();
    assert_eq!(ask(&provider).await.unwrap(), "hello");
    let fields = form(&tokens.requests()[0]);
    let expected =
        [("grant_type", "refresh_token"), ("client_id", "c"), ("client_secret", "s"), ("refresh_token", "r")];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer of-the-user"));
    assert_eq!(request.header("x-goog-user-project"), Some("q"));
}

#[tokio::test]
async fn an_account_that_gets_no_token_sends_nothing() {
    for (reply, kind, why) in [
        (
            Reply::json(400, &json!({ "error": "invalid_grant", "error_description": "secret" })),
            ErrorKind::Authentication,
            "(400, invalid_grant)",
        ),
        (Reply::json(503, &json!("secret")), ErrorKind::Overloaded, "(503, no reason)"),
        (Reply::json(200, &json!({ "id_token": "secret" })), ErrorKind::Undecodable, "gave no token"),
    ] {
        let (server, tokens, folder) = (server(), Server::always(reply), TempDir::new().unwrap());
        let settings =
            json!({ "base_url": server.url(), "credentials_file": service_account(&folder, &tokens) });
        let error = ask(&provider(settings, &[]).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(why) && !error.to_string().contains("secret"), "{error}");
        assert!(error.is_unsent() && server.requests().is_empty());
    }
}

#[test]
fn what_is_missing_is_named() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, file: Value| write(&folder.path().join(name), &file);
    let token: &[(&str, &str)] = &[("GOOGLE_ACCESS_TOKEN", "t")];
    for (settings, variables, why) in [
        (json!({}), &[][..], "GOOGLE_APPLICATION_CREDENTIALS"),
        (json!({}), token, "GOOGLE_CLOUD_PROJECT"),
        (json!({ "express": true }), &[], "VERTEX_API_KEY"),
        (json!({ "project": "p/q" }), token, "`project`"),
        (json!({ "project": "p", "location": "a b" }), token, "`location`"),
        (json!({ "project": "p" }), token, "`tls`"),
        (json!({ "proyect": "p" }), token, "did you mean `project`"),
        (json!({ "credentials_file": "/nowhere.json" }), &[], "/nowhere.json cannot be read"),
        (json!({ "credentials_file": file("a", json!("secret")) }), &[], "is no JSON of a service account"),
        (json!({ "credentials_file": file("b", json!({ "type": "external_account" })) }), &[], "of a type"),
        (
            json!({ "credentials_file": file("c", json!({ "type": "service_account" })) }),
            &[],
            "`private_key`",
        ),
        (
            json!({ "credentials_file": file("d", json!({ "type": "service_account", "private_key": "secret" })) }),
            &[],
            "no RSA key",
        ),
    ] {
        if why == "`tls`" && cfg!(feature = "tls") {
            continue;
        }
        let error = provider(settings.clone(), variables).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{settings}");
        assert!(error.message().contains(why) && !error.message().contains("secret"), "{settings}: {error}");
    }
}

#[tokio::test]
async fn claude_is_asked_in_anthropics_protocol() {
    let server = Server::always(anthropic::answer("hello"));
    let settings = json!({ "project": "p", "base_url": server.url() });
    let provider = provider(settings, &[("GOOGLE_ACCESS_TOKEN", "ya29.token")]).unwrap();
    let request = ChatRequest::from_prompt("hello").with_model(ModelName::new("claude-sonnet-5-5").unwrap());
    let reply = provider.chat(&CallContext::new(), Arc::new(request)).await.unwrap();
    assert_eq!(reply.collect().await.unwrap().text(), "hello");
    let asked = server.requests().remove(0);
    assert_eq!(asked.path, "/publishers/anthropic/models/claude-sonnet-5-5:rawPredict");
    let body = asked.json();
    assert_eq!((body.get("model"), &body["anthropic_version"]), (None, &json!("vertex-2023-10-16")));
}
