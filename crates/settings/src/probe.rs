//! Asks a server of this machine for its models, in the little HTTP that it takes.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A list of models is short; what is longer is none.
const LONGEST_ANSWER: u64 = 1 << 20;

/// The first model that the server at `address` names under `/v1/models`.
///
/// HTTP/1.0, so that the answer ends with the connection and comes in one piece.
pub(crate) async fn first_model(address: SocketAddr) -> Option<String> {
    if !address.ip().is_loopback() {
        return None;
    }
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET /v1/models HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await.ok()?;
    model_in(&answer)
}

fn model_in(answer: &[u8]) -> Option<String> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let status = answer.split(|byte| *byte == b' ').nth(1)?;
    let body: Value = serde_json::from_slice(&answer[end + 4..]).ok()?;
    let first = body.get("data")?.get(0)?;
    // A gateway of our own is no server of models: whoever asked it would ask itself, or take its mock for one.
    if first.get("owned_by").and_then(Value::as_str) == Some("ultraai") {
        return None;
    }
    let id = first.get("id")?.as_str()?;
    (status == b"200" && !id.trim().is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_model_is_read_from_a_good_answer_only() {
        let body = r#"{"object":"list","data":[{"id":"smollm2"},{"id":"other"}]}"#;
        let answer = |head: &str, body: &str| model_in(format!("{head}\r\nX: y\r\n\r\n{body}").as_bytes());
        assert_eq!(answer("HTTP/1.1 200 OK", body).as_deref(), Some("smollm2"));
        assert_eq!(answer("HTTP/1.1 503 Busy", body), None);
        assert_eq!(answer("HTTP/1.1 200 OK", "<html>"), None);
        assert_eq!(answer("HTTP/1.1 200 OK", r#"{"data":[]}"#), None);
        assert_eq!(model_in(b"SSH-2.0-OpenSSH"), None);
        let own = r#"{"data":[{"id":"default","owned_by":"ultraai"}]}"#;
        assert_eq!(answer("HTTP/1.1 200 OK", own), None);
    }
}
