//! A gateway on a port of its own, and callers that write HTTP by hand.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use ultraai::{Lookup, Registry, Result};
use ultraai_gateway::{App, Metrics, ServeOptions, Server, State};
use ultraai_settings::{GatewaySettings, LocalServers, Settings, Sources};

pub(crate) use crate::written::Written;

/// Long enough for a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A limit that a test waits for.
pub(crate) const SHORT: Duration = Duration::from_millis(80);

/// A gateway that serves until it is dropped.
pub(crate) struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) address: SocketAddr,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Written {
    /// The lines, once there are `count` or more.
    pub(crate) fn lines(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            if let Some(lines) = self.complete(count) {
                return lines;
            }
            let text = self.text();
            assert!(begun.elapsed() < SOON, "{count} lines are waited for, and there are\n{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Gateway {
    /// A gateway with one worker and the provider `near` at `upstream`, whose settings `change` changes.
    pub(crate) fn start(upstream: &str, change: impl FnOnce(&mut GatewaySettings)) -> Self {
        Self::with_options(upstream, change, ServeOptions::default())
    }

    pub(crate) fn with_options(
        upstream: &str,
        change: impl FnOnce(&mut GatewaySettings),
        options: ServeOptions,
    ) -> Self {
        Self::of(app(upstream, change), options)
    }

    /// The same, with the access log beside it.
    pub(crate) fn logging(upstream: &str, change: impl FnOnce(&mut GatewaySettings)) -> (Self, Written) {
        let log = Written::default();
        let app = app(upstream, |gateway| {
            gateway.access_log = true;
            change(gateway);
        });
        (Self::of(app.with_access_log(log.clone()), ServeOptions::default()), log)
    }

    pub(crate) fn of(app: App, options: ServeOptions) -> Self {
        let app = Arc::new(app);
        let server = Server::bind(Arc::clone(&app)).unwrap();
        let address = server.address();
        let thread = Some(std::thread::spawn(move || server.run(options)));
        Self { app, address, thread }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        stream
    }

    /// One request on a connection of its own.
    pub(crate) fn request(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(&mut stream)
    }

    /// Waits until it has stopped.
    pub(crate) fn ended(&mut self) -> Result<()> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.app.stop();
        self.app.stop();
        let ended = thread.join();
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

pub(crate) fn app(upstream: &str, change: impl FnOnce(&mut GatewaySettings)) -> App {
    let folder = tempfile::tempdir().unwrap();
    let file =
        format!("[providers.near]\ntype = \"compatible\"\nmodel = \"m\"\nbase_url = \"{upstream}/v1\"\n");
    std::fs::write(folder.path().join("ultraai.toml"), file).unwrap();
    let mut sources = Sources::new(Lookup::empty());
    folder.path().clone_into(&mut sources.folder);
    sources.local_servers = LocalServers::none();
    // A thread of its own, since a test may have a runtime.
    let loading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Settings::load(&sources, &Registry::linked().unwrap())).unwrap()
    });
    let mut settings = loading.join().unwrap();
    settings.gateway.listen.set_port(0);
    settings.gateway.workers = Some(1);
    settings.gateway.access_log = false;
    change(&mut settings.gateway);
    App::new(settings, State::in_memory(), Metrics::default()).unwrap()
}

/// A chat request, whole or live.
pub(crate) fn chat(is_live: bool) -> String {
    let body =
        format!(r#"{{"model":"near","messages":[{{"role":"user","content":"hello"}}],"stream":{is_live}}}"#);
    post("/v1/chat/completions", &body)
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// Reads one answer, and nothing of the next.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Answer {
    let head = read_head(stream);
    let status = head[9..12].parse().unwrap();
    let mut answer = Answer { status, head, body: String::new() };
    let mut body = Vec::new();
    if let Some(length) = answer.header("content-length") {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body).unwrap();
    } else if answer.header("transfer-encoding") == Some("chunked") {
        while let Some(chunk) = read_chunk(stream) {
            body.extend(chunk);
        }
    }
    answer.body = String::from_utf8(body).unwrap();
    answer
}

pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    read_to(stream, b"\r\n\r\n")
}

/// The next chunk; none at the end.
pub(crate) fn read_chunk(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = read_to(stream, b"\r\n");
    let length = usize::from_str_radix(length.trim(), 16).unwrap();
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk).unwrap();
    chunk.truncate(length);
    (length > 0).then_some(chunk)
}

fn read_to(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let mut byte = [0];
        let count = stream.read(&mut byte).unwrap();
        assert_eq!(count, 1, "it was closed after {:?}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

/// What comes until the other side closes, by whichever means.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        let kind = error.kind();
        assert!(matches!(kind, std::io::ErrorKind::ConnectionReset), "it was not closed: {kind:?}");
    }
    String::from_utf8(rest).unwrap()
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
