//! One caller, and its one connection at a time.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

/// What the names of our requests begin with.
pub(crate) const ID: &str = "soak-";

/// A caller.
pub(crate) struct Client {
    address: SocketAddr,
    number: u64,
    /// Requests that were sent.
    pub(crate) sent: u64,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The connection was closed as the head or the chunks say it.
    pub(crate) is_complete: bool,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, number: u64) -> Self {
        Self { address, number, sent: 0 }
    }

    /// Sends a request on a new connection.
    pub(crate) async fn send(
        &mut self,
        path: &str,
        body: &str,
        small_window: bool,
    ) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if small_window {
            socket.set_recv_buffer_size(4096)?;
        }
        let mut stream = socket.connect(self.address).await?;
        self.sent += 1;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: {ID}{}-{}\r\ncontent-type: application/json\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.number,
            self.sent,
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        Ok(stream)
    }

    /// Reads an answer to its end; between two pieces it waits for `pause`.
    pub(crate) async fn read(mut stream: TcpStream, pause: Duration) -> std::io::Result<Answer> {
        let mut received = Vec::new();
        loop {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            let mut piece = [0; 2048];
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            received.extend_from_slice(&piece[..read]);
        }
        Ok(Answer::parse(&received))
    }
}

impl Answer {
    fn parse(received: &[u8]) -> Self {
        let text = String::from_utf8_lossy(received);
        let (head, rest) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let at =
            received.windows(4).position(|window| window == b"\r\n\r\n").map_or(received.len(), |at| at + 4);
        let (body, is_complete) = match head.contains("transfer-encoding: chunked") {
            true => unchunked(&received[at..]),
            false => {
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
                (received[at..].to_vec(), length == Some(rest.len()) || length == Some(received.len() - at))
            }
        };
        Self { status, head, body: String::from_utf8_lossy(&body).into_owned(), is_complete }
    }
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
            return (body, true);
        }
        if rest.len() < length + 2 {
            break;
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
    (body, false)
}
