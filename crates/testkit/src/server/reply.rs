//! What the server does with one request, as data: each fault is a value, and new ones are made of the same acts.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use serde_json::Value;

/// What the server sends for one request, and how it misbehaves.
///
/// A well-behaved reply keeps its connection open for the next request.
///
/// ```
/// # use std::time::Duration;
/// # use ultraai_testkit::{End, Reply};
/// let busy = Reply::json(429, &serde_json::json!({ "error": "busy" })).header("retry-after", "7");
/// let slow = Reply::sse(["{\"n\":1}", "{\"n\":2}"]).paced(Duration::from_millis(20));
/// let cut = Reply::sse(["{\"n\":1}"]).ending(End::Reset);
/// let silent = Reply::hang();
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    before: Vec<Act>,
    head: Option<Head>,
    framing: Framing,
    body: Vec<Bytes>,
    pace: Duration,
    end: End,
}

#[derive(Clone, Debug)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// By `content-length`, which is right.
    Length,
    /// By `content-length`, which says this.
    Claimed(usize),
    /// By chunks: each piece of the body is one, and one write.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// How a reply ends, after its last piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Properly; the connection is kept.
    #[default]
    Kept,
    /// The connection is closed, without the last chunk.
    Closed,
    /// The connection is reset, without the last chunk.
    Reset,
    /// Nothing more comes, until the client closes.
    Hang,
}

/// The elementary acts that every reply is played as.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Sends these bytes.
    Send(Bytes),
    /// Waits.
    Pause(Duration),
    /// Waits until the client closes.
    Hang,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

impl Reply {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self {
            before: Vec::new(),
            head: Some(Head { status, headers: Vec::new() }),
            framing: Framing::Length,
            body: Vec::new(),
            pace: Duration::ZERO,
            end: End::Kept,
        }
    }

    /// A body of the type `content_type`.
    pub fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::status(status).header("content-type", content_type);
        reply.body.push(body.into());
        reply
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::body(status, "application/json", body.to_string())
    }

    /// A page for people, as proxies send it.
    pub fn html(status: u16) -> Self {
        let page = "<!doctype html><html><body><h1>Please sign in</h1></body></html>";
        Self::body(status, "text/html; charset=utf-8", page)
    }

    /// Server-sent events, each with this data, each in a chunk of its own.
    pub fn sse<S: AsRef<str>>(data: impl IntoIterator<Item = S>) -> Self {
        let frames = data.into_iter().map(|data| Bytes::from(format!("data: {}\n\n", data.as_ref())));
        Self::chunked("text/event-stream", frames)
    }

    /// Lines, each in a chunk of its own.
    pub fn lines<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Self {
        let lines = lines.into_iter().map(|line| Bytes::from(format!("{}\n", line.as_ref())));
        Self::chunked("application/x-ndjson", lines)
    }

    /// A body of these chunks.
    pub fn chunked<B: Into<Bytes>>(content_type: &str, chunks: impl IntoIterator<Item = B>) -> Self {
        let mut reply = Self::status(200).header("content-type", content_type);
        reply.framing = Framing::Chunked;
        reply.body = chunks.into_iter().map(Into::into).collect();
        reply
    }

    /// Sends the client elsewhere.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("location", location)
    }

    /// Takes the request and says nothing, until the client closes.
    pub fn hang() -> Self {
        Self::acts([Act::Hang])
    }

    /// Closes the connection instead of an answer.
    pub fn close() -> Self {
        Self::acts([Act::Close])
    }

    /// Resets the connection instead of an answer.
    pub fn reset() -> Self {
        Self::acts([Act::Reset])
    }

    /// Sends exactly these bytes, which need not be HTTP.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::acts([Act::Send(bytes.into())])
    }

    /// Does exactly this, without a head or a body.
    pub fn acts(acts: impl IntoIterator<Item = Act>) -> Self {
        let mut reply = Self::status(0);
        reply.head = None;
        reply.before = acts.into_iter().collect();
        reply
    }

    /// The same reply with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        if let Some(head) = &mut self.head {
            head.status = status;
        }
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(head) = &mut self.head {
            head.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        self
    }

    /// The same reply, begun after `delay`.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.before.insert(0, Act::Pause(delay));
        self
    }

    /// The same reply with a pause before each piece of the body.
    #[must_use]
    pub fn paced(mut self, pause: Duration) -> Self {
        self.pace = pause;
        self
    }

    /// The same reply with only the first `pieces` pieces of its body. A `content-length` stays as it was.
    #[must_use]
    pub fn pieces(mut self, pieces: usize) -> Self {
        self.claim_length();
        self.body.truncate(pieces);
        self
    }

    /// The same reply with only the first `bytes` bytes of its body. A `content-length` stays as it was.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.claim_length();
        let mut left = bytes;
        for piece in &mut self.body {
            piece.truncate(left);
            left -= piece.len();
        }
        self.body.retain(|piece| !piece.is_empty());
        self
    }

    /// The same reply with its body's pieces edited. A `content-length` is told anew, unless it was claimed.
    #[must_use]
    pub fn edited(mut self, edit: impl FnOnce(&mut Vec<Bytes>)) -> Self {
        edit(&mut self.body);
        self
    }

    /// The pieces of its body.
    pub fn body_pieces(&self) -> &[Bytes] {
        &self.body
    }

    /// The same body in pieces of `size` bytes, which fall where they fall.
    #[must_use]
    pub fn in_pieces_of(mut self, size: usize) -> Self {
        let whole: Vec<u8> = self.body.concat();
        self.body = whole.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
        self
    }

    /// The same reply with another way to tell its length.
    #[must_use]
    pub fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The same reply with another end.
    #[must_use]
    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    fn claim_length(&mut self) {
        if self.framing == Framing::Length {
            self.framing = Framing::Claimed(self.body.iter().map(Bytes::len).sum());
        }
    }

    /// The acts that it is played as.
    pub fn to_acts(&self) -> Vec<Act> {
        let mut acts = self.before.clone();
        acts.extend(self.head.as_ref().map(|head| Act::Send(self.head_bytes(head))));
        for piece in &self.body {
            if !self.pace.is_zero() {
                acts.push(Act::Pause(self.pace));
            }
            acts.push(Act::Send(match self.framing {
                Framing::Chunked => chunk(piece),
                Framing::Length | Framing::Claimed(_) | Framing::UntilClose => piece.clone(),
            }));
        }
        match self.end {
            End::Kept if self.framing == Framing::UntilClose => acts.push(Act::Close),
            End::Kept if self.framing == Framing::Chunked => end_chunks(&mut acts, !self.body.is_empty()),
            End::Kept => {}
            End::Closed => acts.push(Act::Close),
            End::Reset => acts.push(Act::Reset),
            End::Hang => acts.push(Act::Hang),
        }
        acts
    }

    fn head_bytes(&self, head: &Head) -> Bytes {
        let mut text = format!("HTTP/1.1 {} {}\r\n", head.status, reason(head.status));
        for (name, value) in &head.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = match self.framing {
            Framing::Length => {
                write!(text, "content-length: {}\r\n", self.body.iter().map(Bytes::len).sum::<usize>())
            }
            Framing::Claimed(length) => write!(text, "content-length: {length}\r\n"),
            Framing::Chunked => write!(text, "transfer-encoding: chunked\r\n"),
            Framing::UntilClose => write!(text, "connection: close\r\n"),
        };
        text.push_str("\r\n");
        text.into()
    }
}

/// Adds the last chunk. It goes out together with the piece before it, as a server's buffer does it, so that a
/// client that has read the last event can have seen the end as well.
fn end_chunks(acts: &mut Vec<Act>, with_the_last: bool) {
    const LAST: &[u8] = b"0\r\n\r\n";
    match acts.last_mut() {
        Some(Act::Send(piece)) if with_the_last => *piece = [&piece[..], LAST].concat().into(),
        _ => acts.push(Act::Send(Bytes::from_static(LAST))),
    }
}

fn chunk(piece: &Bytes) -> Bytes {
    let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
    framed.extend_from_slice(piece);
    framed.extend_from_slice(b"\r\n");
    framed.into()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        300..400 => "Redirect",
        400..500 => "Client Error",
        500..600 => "Server Error",
        _ => "Status",
    }
}
