//! The gateway, with the settings of these tests.

use std::{net::SocketAddr, sync::Arc, thread};

use ultraai::{Lookup, Registry};
use ultraai_gateway::{App, Metrics, ServeOptions, Server, State};
use ultraai_settings::{LocalServers, Settings, Sources};
use ultraai_testkit::refusing_url;

use crate::upstream::Upstreams;

/// A gateway that runs until the process ends.
pub(crate) struct Gateway {
    address: SocketAddr,
}

impl Gateway {
    /// One before `upstreams`. What `more` says is added to its settings; who may call, and what for, stands in `state`.
    pub(crate) fn before(upstreams: &Upstreams, more: &str, state: State) -> Self {
        let text = settings(&upstreams.usual.url(), &upstreams.slow.url()) + more;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ultraai.toml");
        std::fs::write(&file, text).unwrap();
        let mut sources = Sources::new(Lookup::empty());
        sources.file = Some(file);
        sources.local_servers = LocalServers::none();
        let registry = Registry::linked().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut settings = runtime.block_on(Settings::load(&sources, &registry)).unwrap();
        settings.gateway.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.gateway.access_log = false;
        settings.gateway.max_body_bytes = 4 << 20;
        let app = App::new(settings, state, Metrics::default()).unwrap();
        let server = Server::bind(Arc::new(app)).unwrap();
        let address = server.address();
        // It listens already.
        thread::spawn(move || server.run(ServeOptions::default()).unwrap());
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A provider for each protocol of the upstream, and some that fail in their own way. `default` asks the first one.
fn settings(usual: &str, slow: &str) -> String {
    let nobody = refusing_url();
    format!(
        r#"
[orchestrator]
strategy = "fallback"
max_providers_per_request = 1

[layers.retry]
enabled = false

[layers.breaker]
enabled = false

[providers.chat]
type = "compatible"
base_url = "{usual}/v1"
model = "text"
api_key = "sk-upstream"

[providers.responses]
type = "openai"
api = "responses"
base_url = "{usual}/v1"
model = "text"
api_key = "sk-upstream"

[providers.anthropic]
type = "anthropic"
base_url = "{usual}"
model = "text"
api_key = "sk-upstream"

[providers.gemini]
type = "gemini"
base_url = "{usual}/v1beta"
model = "text"
api_key = "sk-upstream"

[providers.slow]
type = "compatible"
base_url = "{slow}/v1"
model = "slow"
api_key = "sk-upstream"

[providers.impatient]
type = "compatible"
base_url = "{usual}/v1"
model = "hang"
api_key = "sk-upstream"
timeout_seconds = 0.3

[providers.retrying]
type = "compatible"
base_url = "{usual}/v1"
model = "status-500"
api_key = "sk-upstream"

[providers.retrying.layers.retry]
enabled = true

[providers.nobody]
type = "compatible"
base_url = "{nobody}/v1"
model = "text"
api_key = "sk-upstream"
"#
    )
}
