//! The gateway inside a server of one's own: its addresses beside those that the server has already.
//!
//! `ultraai serve` is the same with a listener around it. Here nothing listens: requests are handed to the router, as a server
//! would do it, so the example needs no port, no key and no network.
//!
//! Run it with `cargo run -p example-own-server`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use axum::{Router, body::Body, http::Request, routing::get};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use ultraai::{Lookup, Registry};
use ultraai_gateway::{App, Metrics, State};
use ultraai_settings::{Settings, Sources};

const SETTINGS: &str = r#"
[providers.first]
type = "mock"
[providers.second]
type = "mock"

[orchestrator]
strategy = "parallel"
min_responses_needed = 2
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut sources = Sources::new(Lookup::empty());
    sources.file = Some(folder.path().join("ultraai.toml"));
    std::fs::write(folder.path().join("ultraai.toml"), SETTINGS)?;
    let settings = Settings::load(&sources, &Registry::linked()?).await?;

    // Without a folder for its state the gateway knows no keys, so who may call is the server's own matter.
    let app = Arc::new(App::new(settings, State::in_memory(), Metrics::default())?);
    let server =
        Router::new().route("/", get(|| async { "my own page" })).merge(ultraai_gateway::router(app));

    let page = server.clone().oneshot(Request::get("/").body(Body::empty())?).await?;
    println!("/ answers: {}", String::from_utf8_lossy(&page.into_body().collect().await?.to_bytes()));

    for model in ["default", "second", "nobody"] {
        let asked = json!({ "model": model, "messages": [{ "role": "user", "content": "Hello!" }] });
        let request = Request::post("/v1/chat/completions").body(Body::from(asked.to_string()))?;
        let response = server.clone().oneshot(request).await?;
        let status = response.status();
        let told = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("nobody").to_owned()
        };
        let (provider, strategy) = (told("x-ultraai-provider"), told("x-ultraai-strategy"));
        let body: Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
        let said = body["choices"][0]["message"]["content"].as_str().or(body["error"]["message"].as_str());
        println!("\nmodel `{model}`: {status}, {provider} by {strategy}\n  {}", said.unwrap_or_default());
    }
    Ok(())
}
