//! Access keys as callers meet them: whole requests through the router, and the admin socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod callers;

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use ultraai::{Lookup, Registry};
use ultraai_gateway::{App, Metrics, State, router};
use ultraai_settings::{Settings, Sources};

/// A gateway before one provider `near`, whose tokens cost a dollar a million to send and two to get.
async fn gateway(state: State, url: &str) -> Router {
    router(app(state, url).await)
}

async fn app(state: State, url: &str) -> Arc<App> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ultraai.toml");
    let settings = format!(
        "[providers.near]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{url}/v1\"\nprice = {{ input = 1, output = 2 }}\n"
    );
    std::fs::write(&file, settings).unwrap();
    let mut sources = Sources::new(Lookup::empty());
    sources.file = Some(file);
    let settings = Settings::load(&sources, &Registry::linked().unwrap()).await.unwrap();
    Arc::new(App::new(settings, state, Metrics::default()).unwrap())
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn error(&self) -> (u16, String) {
        let error = &self.json()["error"];
        (self.status, error["code"].as_str().or(error["type"].as_str()).unwrap().to_owned())
    }
}

async fn post(router: &Router, path: &str, header: (&str, &str), body: &Value) -> Answer {
    let request = Request::post(path).header(header.0, header.1).body(Body::from(body.to_string())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

/// Asks for a chat as OpenAI's clients do.
async fn chat(router: &Router, token: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    post(router, "/v1/chat/completions", ("authorization", &bearer), &body).await
}

fn hello(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": "hello" }] })
}

/// Every byte of every file in a folder.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}
