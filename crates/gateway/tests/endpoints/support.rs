//! A gateway over settings of a test, and what is asked of it.

use std::{sync::Arc, time::Duration};

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

pub(crate) use crate::written::Written;

/// A gateway, and what it wrote to its log.
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) log: Written,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Written {
    /// The lines, once there are `count` or more.
    pub(crate) async fn lines(&self, count: usize) -> Vec<Value> {
        loop {
            if let Some(lines) = self.complete(count) {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Gateway {
    /// A gateway over the settings file `text`, and what `edit` changes besides.
    pub(crate) async fn with(text: &str, edit: impl FnOnce(&mut Settings)) -> Self {
        Self::with_state(text, State::in_memory(), edit).await
    }

    /// The same with keys.
    pub(crate) async fn with_state(text: &str, state: State, edit: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ultraai.toml");
        std::fs::write(&path, text).unwrap();
        let mut sources = Sources::new(Lookup::empty());
        sources.file = Some(path);
        sources.local_servers = LocalServers::none();
        let mut settings = Settings::load(&sources, &Registry::linked().unwrap()).await.unwrap();
        edit(&mut settings);
        let log = Written::default();
        let app = App::new(settings, state, Metrics::default()).unwrap();
        Self { app: Arc::new(app.with_access_log(log.clone())), log }
    }

    pub(crate) async fn new(text: &str) -> Self {
        Self::with(text, |_| ()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = router(Arc::clone(&self.app)).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, text }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Request::post(path).body(Body::from(body.to_string())).unwrap()).await
    }
}

/// Settings of one upstream of OpenAI's form, `fast`, with the model `test-model` at these dollars a million tokens.
pub(crate) fn one_upstream(url: &str) -> String {
    format!(
        "[orchestrator]\nmax_retries = 0\n\n[providers.fast]\ntype = \"compatible\"\nmodel = \"test-model\"\n\
         base_url = \"{url}/v1\"\nprice = {{ input = 1.0, output = 2.0 }}\n"
    )
}
