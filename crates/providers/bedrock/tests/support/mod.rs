//! What Bedrock's server says: bodies, streams, errors.

use bytes::Bytes;
use serde_json::{Value, json};
use ultraai_core::{Framing, OwnedFrame};
use ultraai_testkit::{Dialogue, Received, Reply};
use ultraai_wire::write_frame;

/// Converse, as `POST /model/{model}/converse`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bedrock;

fn usage() -> Value {
    json!({ "inputTokens": 7, "outputTokens": 3, "totalTokens": 10 })
}

fn body(content: &Value, stop_reason: &str) -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop_reason, "usage": usage(), "metrics": { "latencyMs": 5 },
    })
}

/// A frame of the stream.
pub(crate) fn frame(name: &'static str, data: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = OwnedFrame { name, data: data.to_string().into_bytes() };
    write_frame(Framing::AwsEventStream, &frame, &mut bytes);
    bytes
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
        frames.extend([
            frame("contentBlockStop", &json!({ "contentBlockIndex": 0 })),
            frame("messageStop", &json!({ "stopReason": stop_reason })),
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
        let mut bytes = Vec::new();
        let broken = OwnedFrame { name: "contentBlockDelta", data: b"{\"contentBlockIn".to_vec() };
        write_frame(Framing::AwsEventStream, &broken, &mut bytes);
        Self::reply(vec![bytes])
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

    fn ping(&self) -> Bytes {
        frame("ping", &json!({})).into()
    }

    fn tool_call(&self, _: &str, name: &str, arguments: &str) -> Reply {
        let input: Value = serde_json::from_str(arguments).unwrap_or_default();
        let call = json!({ "toolUse": { "toolUseId": "tooluse_1", "name": name, "input": input } });
        Reply::json(200, &body(&json!([call]), "tool_use"))
    }
}
