//! A llama.cpp server, as the test sees it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use ultraai::{ProviderSpec, Secret, ledger::TokenSum, provider};

/// How long a server may take to notice that nobody listens any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A llama.cpp server.
pub(crate) struct Server {
    host: String,
}

/// The server whose address stands in `variable`.
pub(crate) fn server(variable: &str) -> Option<Server> {
    let address = std::env::var(variable).ok()?;
    Some(Server { host: address.trim().trim_start_matches("http://").trim_end_matches('/').to_owned() })
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// A provider of this type at `/v1`.
    pub(crate) fn provider(&self, kind: &str) -> ProviderSpec {
        // The server asks for no key; the type `openai` insists on one.
        let key = Secret::new("none-needed").unwrap();
        provider(kind).model("local").base_url(format!("{}/v1", self.url())).api_key(key)
    }

    pub(crate) fn is_busy(&self) -> bool {
        let slots: Value = serde_json::from_str(&self.get("/slots")).unwrap();
        slots.as_array().unwrap().iter().any(|slot| slot["is_processing"] == true)
    }

    /// The tokens that it has read and written since it started, the cached ones among them.
    pub(crate) fn tokens(&self) -> TokenSum {
        let metrics = self.get("/metrics");
        let value = |name: &str| -> u64 {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().parse().unwrap()
        };
        let mut sum = TokenSum::default();
        sum.input_tokens =
            value("llamacpp:prompt_tokens_total") + value("llamacpp:prompt_tokens_cached_total");
        sum.output_tokens = value("llamacpp:tokens_predicted_total");
        sum
    }

    /// The body of an answer; HTTP/1.0, so that it ends with the connection.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.host).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{path}: {head}");
        body.to_owned()
    }
}
