//! What Bedrock's server says: bodies, streams, errors.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Dialogue, Received, Reply};

/// Converse, as `POST /model/{model}/converse`. Its streams are the binary frames of AWS.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bedrock;

fn usage() -> Value {
    json!({ "inputTokens": 7, "outputTokens": 3, "totalTokens": 10 })
}

fn body(content: &Value, stop_reason: &str) -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop_reason, "usage": usage(), "metrics": { "latencyMs": 5 },
    })
}

/// A frame of the stream; one whose name ends in `Exception` is an error.
pub fn frame(name: &str, data: &Value) -> Vec<u8> {
    framed(name, data.to_string().as_bytes())
}

/// Written out here, so that what reads it is not tested with its own writer:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html>.
fn framed(name: &str, payload: &[u8]) -> Vec<u8> {
    let (kind, named) = match name.ends_with("Exception") {
        true => ("exception", ":exception-type"),
        false => ("event", ":event-type"),
    };
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut headers = Vec::new();
    for (name, value) in [(named, name), (":content-type", "application/json"), (":message-type", kind)] {
        headers.extend_from_slice(&length(name.len())[3..]);
        headers.extend_from_slice(name.as_bytes());
        // A text, whose length has two bytes.
        headers.push(7);
        headers.extend_from_slice(&length(value.len())[2..]);
        headers.extend_from_slice(value.as_bytes());
    }
    // Two lengths and a checksum stand before the headers, and a checksum after the payload.
    let mut frame = length(16 + headers.len() + payload.len()).to_vec();
    frame.extend_from_slice(&length(headers.len()));
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32(&frame).to_be_bytes());
    frame
}

/// As in zip, bit by bit: frames of tests are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

impl Bedrock {
    fn beginning(texts: &[&str]) -> Vec<Vec<u8>> {
        let delta = |text: &&str| json!({ "contentBlockIndex": 0, "delta": { "text": text }, "p": "abcd" });
        let mut frames = vec![frame("messageStart", &json!({ "role": "assistant", "p": "ab" }))];
        frames.extend(texts.iter().map(|text| frame("contentBlockDelta", &delta(text))));
        frames
    }

    fn ended(texts: &[&str], stop_reason: &str) -> Reply {
        let mut frames = Self::beginning(texts);
        // Once the model has ended, the rest comes at once.
        let ends = [
            frame("contentBlockStop", &json!({ "contentBlockIndex": 0 })),
            frame("messageStop", &json!({ "stopReason": stop_reason })),
        ];
        frames.extend([
            ends.concat(),
            frame("metadata", &json!({ "usage": usage(), "metrics": { "latencyMs": 5 } })),
        ]);
        Self::reply(frames)
    }

    fn reply(frames: Vec<Vec<u8>>) -> Reply {
        Reply::chunked("application/vnd.amazon.eventstream", frames)
    }
}

impl Dialogue for Bedrock {
    fn base_path(&self) -> &'static str {
        ""
    }

    fn chat_path(&self, model: &str) -> String {
        format!("/model/{model}/converse")
    }

    fn live_path(&self, model: &str) -> String {
        format!("/model/{model}/converse-stream")
    }

    fn wants_live(&self, request: &Received) -> bool {
        request.path.ends_with("/converse-stream")
    }

    fn answer(&self, _: &str, text: &str) -> Reply {
        Reply::json(200, &body(&json!([{ "text": text }]), "end_turn"))
    }

    fn live(&self, _: &str, texts: &[&str]) -> Reply {
        Self::ended(texts, "end_turn")
    }

    fn pieces_before_end(&self, texts: usize) -> usize {
        1 + texts
    }

    fn live_error(&self, _: &str, text: &str) -> Reply {
        let mut frames = Self::beginning(&[text]);
        frames.push(frame("serviceUnavailableException", &json!({ "message": "Too many connections." })));
        Self::reply(frames)
    }

    fn live_garbage(&self) -> Reply {
        Self::reply(vec![framed("contentBlockDelta", b"{\"contentBlockIn")])
    }

    fn error(&self, status: u16, message: &str) -> Reply {
        let kind = match status {
            401 => "UnrecognizedClientException",
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            429 => "ThrottlingException",
            503 => "ServiceUnavailableException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        };
        Reply::json(status, &json!({ "message": message })).header("x-amzn-errortype", kind)
    }

    fn quota_exhausted(&self) -> Reply {
        let name = "ServiceQuotaExceededException";
        Reply::json(400, &json!({ "__type": name, "message": "Your request exceeds the service quota." }))
    }

    fn context_too_long(&self) -> Reply {
        self.error(400, "Input is too long for requested model.")
    }

    fn nothing(&self, _: &str) -> Reply {
        Reply::json(200, &body(&json!([]), "end_turn"))
    }

    fn cut_short(&self, _: &str, text: &str) -> Reply {
        Reply::json(200, &body(&json!([{ "text": text }]), "max_tokens"))
    }

    fn live_cut_short(&self, _: &str, texts: &[&str]) -> Reply {
        Self::ended(texts, "max_tokens")
    }

    fn content_filtered(&self, _: &str) -> Option<Reply> {
        // A guardrail answers in the model's place.
        None
    }

    fn null_content(&self, _: &str) -> Option<Reply> {
        Some(Reply::json(200, &body(&Value::Null, "end_turn")))
    }

    fn ping(&self) -> Option<Bytes> {
        None
    }

    fn is_text(&self) -> bool {
        false
    }

    fn tool_call(&self, _: &str, name: &str, arguments: &str) -> Reply {
        let input: Value = serde_json::from_str(arguments).unwrap_or_default();
        let call = json!({ "toolUse": { "toolUseId": "tooluse_1", "name": name, "input": input } });
        Reply::json(200, &body(&json!([call]), "tool_use"))
    }
}
