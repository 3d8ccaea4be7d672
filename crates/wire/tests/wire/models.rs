//! Lists of models that come in pages.

use serde_json::{Value, json};
use ultraai_core::{
    CallContext, Error, ErrorKind, ModelInfo, ModelListCodec, ModelLister as _, ModelPage, Result, Route,
    Secret,
};
use ultraai_testkit::{Received, Reply, Server};
use ultraai_wire::{BaseUrl, Endpoint, HttpModelLister, TransportSettings};

use crate::support::{KEY, SOON};

#[derive(Debug)]
struct Plain;

impl ModelListCodec for Plain {
    fn protocol(&self) -> &'static str {
        "plain"
    }

    fn route(&self) -> Option<Route> {
        Some(Route { path: "models".into(), query: None })
    }

    fn query(&self, next: Option<&str>) -> Vec<(&'static str, String)> {
        next.map(|next| ("after", next.to_owned())).into_iter().collect()
    }

    fn decode(&self, body: &[u8]) -> Result<ModelPage> {
        let page: Value = serde_json::from_slice(body)
            .map_err(|_| Error::new(ErrorKind::Undecodable, "the list is no JSON"))?;
        let models = page["models"].as_array().into_iter().flatten();
        Ok(ModelPage {
            models: models.filter_map(Value::as_str).map(ModelInfo::new).collect(),
            next: page["next"].as_str().map(str::to_owned),
        })
    }

    fn error(&self, status: u16, body: &[u8]) -> Error {
        Error::new(ErrorKind::of_status(status), String::from_utf8_lossy(body))
    }
}

async fn models(server: &Server) -> Result<Vec<String>> {
    let endpoint =
        Endpoint::new(TransportSettings::new(SOON), BaseUrl::parse(&server.url()).unwrap().join("v1"));
    let lister =
        HttpModelLister::new("plain", endpoint.with_bearer(Secret::new(KEY).unwrap()).unwrap(), Plain);
    Ok(lister.models(&CallContext::new()).await?.into_iter().map(|model| model.id).collect())
}

#[tokio::test]
async fn pages_are_read_to_the_end_with_the_key() {
    let server = Server::answering(|received: &Received| {
        assert_eq!(
            (received.method.as_str(), received.header("authorization")),
            ("GET", Some("Bearer sk-wire-test"))
        );
        Reply::json(
            200,
            &match received.path.as_str() {
                "/v1/models" => json!({ "models": ["a", "b"], "next": "b c&d" }),
                "/v1/models?after=b+c%26d" => json!({ "models": ["c"], "next": "c" }),
                "/v1/models?after=c" => json!({ "models": [], "next": null }),
                other => panic!("{other}"),
            },
        )
    });
    assert_eq!(models(&server).await.unwrap(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let server = Server::always(Reply::json(200, &json!({ "models": ["a"], "next": "same" })));
    assert_eq!(models(&server).await.unwrap(), ["a", "a"]);
    let mut page = 0;
    let server = Server::answering(move |_| {
        page += 1;
        Reply::json(200, &json!({ "models": ["a"], "next": page.to_string() }))
    });
    let error = models(&server).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Undecodable && error.message().contains("100 pages"), "{error}");
}

#[tokio::test]
async fn errors_are_those_of_any_exchange() {
    let server = Server::always(
        Reply::body(401, "text/plain", format!("wrong key {KEY}")).header("x-request-id", "it"),
    );
    let error = models(&server).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, Some(401)));
    assert_eq!((error.message(), error.request_id()), ("wrong key [key]", Some("it")));
    let error = models(&Server::always(Reply::html(200))).await.unwrap_err();
    assert!(error.message().contains("check `base_url`"), "{error}");
}
