//! One caller and its connections, and HTTP written by hand: a caller must be able to break off anywhere.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::books::Name;

/// What is read at once, in bytes: so much that a caller who waits long for its turn among ours has a long answer soon all the same.
const PIECE: usize = 256 << 10;

/// A caller.
pub(crate) struct Client {
    address: SocketAddr,
    name: Name,
    /// The connection that is left over for the next request.
    kept: Option<TcpStream>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: &'static str,
    /// None is a `GET`.
    pub(crate) body: Option<String>,
    pub(crate) key: Option<String>,
    /// Whether it comes as Anthropic's SDKs send it.
    pub(crate) as_anthropic: bool,
}

/// An answer, as far as it was read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// It was read to the end that its head or its chunks tell.
    pub(crate) is_complete: bool,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, number: u64) -> Self {
        Self { address, name: Name { client: number, request: 0 }, kept: None }
    }

    /// The name of the latest request.
    pub(crate) fn name(&self) -> Name {
        self.name
    }

    /// A head with a name of its own, and a body.
    pub(crate) fn written(&mut self, request: &Request) -> (String, String) {
        self.name.request += 1;
        let body = request.body.clone().unwrap_or_default();
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let mut head = vec![
            format!("{method} {} HTTP/1.1", request.path),
            "host: localhost".to_owned(),
            format!("x-request-id: {}", self.name),
        ];
        head.extend(request.key.as_ref().map(|key| match request.as_anthropic {
            true => format!("x-api-key: {key}"),
            false => format!("authorization: Bearer {key}"),
        }));
        if request.as_anthropic {
            head.push("anthropic-version: 2023-06-01".to_owned());
        }
        if request.body.is_some() {
            head.push("content-type: application/json".to_owned());
            head.push(format!("content-length: {}", body.len()));
        }
        (head.join("\r\n") + "\r\n\r\n", body)
    }

    /// The connection that is left over, or a new one.
    pub(crate) async fn connection(&mut self) -> std::io::Result<TcpStream> {
        match self.kept.take() {
            Some(stream) => Ok(stream),
            None => TcpStream::connect(self.address).await,
        }
    }

    /// Keeps a connection for the next request, where `answer` leaves it open; each other time, so that both kinds come.
    pub(crate) fn keep(&mut self, stream: TcpStream, answer: &Answer) {
        if answer.is_complete && !answer.head.contains("connection: close") && fastrand::bool() {
            self.kept = Some(stream);
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> std::io::Result<Answer> {
        let (head, body) = self.written(request);
        let mut stream = self.connection().await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut received = Received::default();
        received.read(&mut stream, usize::MAX).await?;
        let answer = received.answer();
        self.keep(stream, &answer);
        Ok(answer)
    }
}

/// What was read so far.
#[derive(Default)]
pub(crate) struct Received {
    bytes: Vec<u8>,
    /// Where the body begins.
    body: Option<usize>,
    /// How long it is; chunks tell their end themselves.
    length: Option<usize>,
}

impl Received {
    /// Reads an answer to its end, but not much more than `most` bytes.
    pub(crate) async fn read(&mut self, stream: &mut TcpStream, most: usize) -> std::io::Result<()> {
        while self.bytes.len() < most && !self.has_ended() {
            self.bytes.reserve(PIECE);
            if stream.read_buf(&mut self.bytes).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn has_ended(&mut self) -> bool {
        if self.body.is_none() {
            let end = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
            self.body = end.map(|end| end + 4);
            self.length = end.and_then(|end| length(&String::from_utf8_lossy(&self.bytes[..end])));
        }
        let Some(body) = self.body else { return false };
        match self.length {
            Some(length) => self.bytes.len() >= body + length,
            None => self.bytes.ends_with(b"0\r\n\r\n"),
        }
    }

    pub(crate) fn answer(&self) -> Answer {
        let at = self.body.unwrap_or(self.bytes.len());
        let head = String::from_utf8_lossy(&self.bytes[..at]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let rest = &self.bytes[at..];
        let (body, is_complete) = match self.length {
            Some(length) => (rest.to_vec(), rest.len() == length),
            None => unchunked(rest),
        };
        Answer { status, head, body: String::from_utf8_lossy(&body).into_owned(), is_complete }
    }
}

fn length(head: &str) -> Option<usize> {
    let head = head.to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
}

/// The body of chunks, and whether the last one came.
fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length =
            std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length else { return (body, false) };
        rest = &rest[end + 2..];
        if length == 0 {
            return (body, rest == b"\r\n");
        }
        if rest.len() < length + 2 {
            break;
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
    (body, false)
}
