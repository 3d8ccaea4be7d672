//! A gateway over settings of a test, and what is asked of it.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use ultraai::{Lookup, Registry};
use ultraai_gateway::{App, Metrics, State, router};
use ultraai_settings::{LocalServers, Settings, Sources};
use ultraai_testkit::Server;

pub(crate) struct Gateway(Arc<App>);

/// An answer, with what was told in comments apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) comments: String,
}

/// Providers of each protocol at one address, each at one and two dollars a million tokens.
pub(crate) fn providers(server: &Server) -> String {
    let url = server.url();
    let rows = [
        ("chat", format!("type = \"compatible\"\nbase_url = \"{url}/v1\"")),
        ("strict", format!("type = \"openai\"\napi_key = \"k\"\nbase_url = \"{url}/v1\"")),
        (
            "responses",
            format!("type = \"openai\"\napi = \"responses\"\napi_key = \"k\"\nbase_url = \"{url}/v1\""),
        ),
        (
            "messages",
            format!("type = \"anthropic\"\napi_key = \"k\"\nbase_url = \"{url}\"\nbeta = \"set-1\""),
        ),
    ];
    let written = rows.map(|(name, rest)| {
        format!("[providers.{name}]\nmodel = \"m-up\"\n{rest}\nprice = {{ input = 1.0, output = 2.0 }}\n")
    });
    written.concat()
}

impl Gateway {
    /// A gateway over the settings file `text`.
    pub(crate) async fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ultraai.toml");
        std::fs::write(&path, text).unwrap();
        let mut sources = Sources::new(Lookup::empty());
        sources.file = Some(path);
        sources.local_servers = LocalServers::none();
        let settings = Settings::load(&sources, &Registry::linked().unwrap()).await.unwrap();
        Self(Arc::new(App::new(settings, State::in_memory(), Metrics::default()).unwrap()))
    }

    /// A gateway over providers of each protocol at `server`.
    pub(crate) async fn over(server: &Server) -> Self {
        Self::new(&providers(server)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(Request::post(path).body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = router(Arc::clone(&self.0)).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let (comments, text) = match head.headers.get("content-type") {
            Some(kind) if kind.to_str().unwrap().starts_with("text/event-stream") => text
                .split_inclusive("\n\n")
                .map(str::to_owned)
                .partition(|block: &String| block.starts_with(':')),
            _ => (Vec::new(), vec![text]),
        };
        let (text, comments) = (text.concat(), comments.concat());
        Answer { status: head.status.as_u16(), headers: head.headers, text, comments }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The data of the events.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self.text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
    }
}
