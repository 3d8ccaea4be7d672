//! The program as a gateway: each protocol to callers over each to the server, whole and live.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use ultraai::ledger::TokenSum;

use crate::server::{PATIENCE, Server};

/// What a caller's protocol is asked at, what it calls the limit, and how it counts.
struct Protocol {
    path: &'static str,
    limit: &'static str,
    /// The counts of the request, which are added up, and that of the answer.
    input: &'static [&'static str],
    output: &'static str,
}

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        path: "/v1/chat/completions",
        limit: "max_completion_tokens",
        input: &["prompt_tokens"],
        output: "completion_tokens",
    },
    Protocol {
        path: "/v1/messages",
        limit: "max_tokens",
        input: &["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"],
        output: "output_tokens",
    },
    Protocol {
        path: "/v1/responses",
        limit: "max_output_tokens",
        input: &["input_tokens"],
        output: "output_tokens",
    },
];

const PROVIDERS: &[&str] = &["chat", "messages", "responses"];

/// Asks the server through the gateway in every pair of protocols. Returns the tokens that callers were told of.
pub(crate) fn all(server: &Server) -> TokenSum {
    let gateway = Gateway::start(server);
    let mut told = TokenSum::default();
    for protocol in PROTOCOLS {
        for provider in PROVIDERS {
            for live in [false, true] {
                let (text, usage) = gateway.ask(protocol, provider, live);
                println!("{} over {provider}, live {live}: {text:?} {usage:?}", protocol.path);
                assert!(!text.trim().is_empty(), "{} over {provider}: nothing was said", protocol.path);
                told.input_tokens += usage.input_tokens;
                told.output_tokens += usage.output_tokens;
            }
        }
    }
    told
}

/// The running program. Dropping it stops it.
struct Gateway {
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Gateway {
    fn start(server: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ultraai.toml");
        let url = server.url();
        let provider = |id: &str, more: &str, path: &str| {
            format!(
                "[providers.{id}]\n{more}\nbase_url = \"{url}{path}\"\nmodel = \"local\"\napi_key = \"none-needed\"\n"
            )
        };
        let settings = [
            provider("chat", "type = \"compatible\"", "/v1"),
            // The path that the type's own tests use too.
            provider("messages", "type = \"anthropic\"", "/v1"),
            provider("responses", "type = \"openai\"\napi = \"responses\"", "/v1"),
            "[orchestrator]\nstrategy = \"fallback\"\n".to_owned(),
        ];
        std::fs::write(&file, settings.concat()).unwrap();
        // It is free until somebody else takes it, which nobody does in the meantime.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ultraai"))
            .env_clear()
            .env("XDG_STATE_HOME", folder.path())
            .args(["serve", "--config"])
            .arg(&file)
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Self { address, child, _folder: folder };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(since.elapsed() < PATIENCE, "the gateway does not listen");
            sleep(Duration::from_millis(20));
        }
        gateway
    }

    fn ask(&self, protocol: &Protocol, provider: &str, live: bool) -> (String, TokenSum) {
        let mut body = json!({ "model": provider, "temperature": 0.0, "stream": live });
        body[protocol.limit] = json!(24);
        match protocol.path {
            "/v1/responses" => body["input"] = json!("Name a color."),
            _ => body["messages"] = json!([{ "role": "user", "content": "Name a color." }]),
        }
        if live && protocol.path == "/v1/chat/completions" {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let answer = self.post(protocol.path, &body.to_string());
        let (mut text, mut usage) = (String::new(), Map::new());
        let mut take = |event: &Value| {
            text.push_str(&said(event));
            // What comes later goes over what came before: a stream of messages tells of the request at its beginning.
            let places = [&event["usage"], &event["response"]["usage"], &event["message"]["usage"]];
            usage.extend(
                places
                    .into_iter()
                    .filter_map(Value::as_object)
                    .flatten()
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
        };
        match live {
            false => take(&serde_json::from_str(&answer).unwrap()),
            true => {
                let data = answer.lines().filter_map(|line| line.strip_prefix("data: "));
                let events = data.filter(|data| *data != "[DONE]");
                events.for_each(|data| take(&serde_json::from_str(data).unwrap()));
            }
        }
        assert!(!usage.is_empty(), "no usage in {answer}");
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let mut sum = TokenSum::default();
        sum.input_tokens = protocol.input.iter().map(|name| count(name)).sum();
        sum.output_tokens = count(protocol.output);
        (text, sum)
    }

    /// The body of an answer; HTTP/1.0, so that it ends with the connection.
    fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
        let head =
            format!("POST {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        write!(stream, "{head}Content-Type: application/json\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{path}: {answer}");
        body.to_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Neither can fail in a way that matters: the child is gone then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of a whole answer, or of one event, in each protocol.
fn said(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = |list: &Value, read: &dyn Fn(&Value) -> String| -> String {
        list.as_array().into_iter().flatten().map(read).collect()
    };
    match event["type"].as_str() {
        Some("content_block_delta") => text(&event["delta"]["text"]),
        Some("response.output_text.delta") => text(&event["delta"]),
        Some("message") => all(&event["content"], &|block| text(&block["text"])),
        Some(_) => String::new(),
        None if event["object"] == "response" => {
            all(&event["output"], &|item| all(&item["content"], &|part| text(&part["text"])))
        }
        None => all(&event["choices"], &|choice| {
            text(&choice["message"]["content"]) + &text(&choice["delta"]["content"])
        }),
    }
}
