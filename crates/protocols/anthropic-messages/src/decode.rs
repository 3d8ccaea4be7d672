//! Reads a whole answer.

use serde::Deserialize;
use serde_json::Value;
use ultraai_core::{ChatResponse, Error, ErrorKind, Part, Result, ToolCall};
use ultraai_protocol_common::{Text, at_the_top, in_band, is_fault, parse, with_usage};

use crate::{
    answer::{Block, Kind, Message, opaque, reasoning},
    usage::{UsageBody, finish_reason},
};

/// Reads a whole answer of a status that says success.
///
/// # Errors
/// What the vendor says went wrong, or `Undecodable` for what is no message; with the usage, where the answer says what it
/// used all the same.
pub fn decode(body: &[u8]) -> Result<ChatResponse> {
    let mut message: Message<'_> = parse(body, "the answer")?;
    let usage = message.usage.as_ref().and_then(UsageBody::read);
    let model = std::mem::take(&mut message.model).filled();
    match read_content(&mut message, body) {
        Ok(content) => {
            let mut response = ChatResponse::default();
            response.content = content;
            response.model = model;
            response.finish_reason = finish_reason(message.stop_reason.as_str());
            response.usage = usage;
            response.request_id = message.id.filled();
            Ok(response)
        }
        Err(error) => Err(with_usage(error, usage, model)),
    }
}

fn read_content(message: &mut Message<'_>, body: &[u8]) -> Result<Vec<Part>> {
    if let Some(error) = message.error.take().filter(is_fault) {
        return Err(in_band(&error));
    }
    let Some(blocks) = message.content.take() else { return Err(no_content(body)) };
    read_blocks(blocks, body)
}

/// Reads the body that came with a status that says failure.
pub fn decode_error(status: u16, body: &[u8]) -> Error {
    let error = ultraai_protocol_common::decode_error(status, body);
    match parse::<Failure<'_>>(body, "the error").ok().and_then(|failure| failure.request_id.filled()) {
        Some(id) => error.with_request_id(id),
        None => error,
    }
}

/// What a failure says beside its error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Failure<'a> {
    request_id: Text<'a>,
}

fn read_blocks(blocks: Vec<Block<'_>>, body: &[u8]) -> Result<Vec<Part>> {
    // Opaque blocks are rare, so only an answer that has one is read twice.
    let whole = match blocks.iter().any(|block| block.kind() == Kind::Opaque) {
        true => parse::<Opaque>(body, "the answer")?.content,
        false => Vec::new(),
    };
    let mut whole = whole.into_iter();
    let mut content = Vec::with_capacity(blocks.len());
    for block in blocks {
        let whole = whole.next();
        match block.kind() {
            Kind::Text => add_text(&mut content, block.text),
            Kind::Thinking => content.extend(reasoning(block.thinking, block.signature)),
            Kind::ToolUse => {
                let arguments = block.arguments();
                let (id, name) = (block.id.filled(), block.name.filled());
                let call = ToolCall::new(id.unwrap_or_default(), name.unwrap_or_default(), arguments);
                content.push(Part::ToolCall(call));
            }
            Kind::Opaque => content.extend(whole.map(opaque)),
        }
    }
    Ok(content)
}

/// The blocks of an answer as they came.
#[derive(Debug, Deserialize)]
struct Opaque {
    content: Vec<Value>,
}

/// Texts that follow each other are one part: citations cut a text into blocks.
fn add_text(content: &mut Vec<Part>, more: Text<'_>) {
    match content.last_mut() {
        Some(Part::Text { text, .. }) => text.push_str(more.as_str()),
        _ => content.extend(more.filled().map(Part::text)),
    }
}

/// An answer without content may be an error that stands at the top.
fn no_content(body: &[u8]) -> Error {
    match parse(body, "the answer").ok().as_ref().and_then(at_the_top) {
        Some(error) => error,
        None => Error::new(
            ErrorKind::Undecodable,
            "the answer is JSON, but no message of Anthropic's protocol: check `base_url`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{FinishReason, Usage};

    use super::*;

    #[test]
    fn blocks_are_read_by_their_types() {
        let body = json!({
            "type": "message", "id": "msg_1", "model": "m", "role": "assistant", "stop_reason": "tool_use",
            "usage": { "input_tokens": 1, "output_tokens": 2 }, "new_field": [],
            "content": [
                { "type": "thinking", "thinking": "r", "signature": "s" },
                { "type": "thinking", "thinking": "", "signature": "" },
                { "type": "redacted_thinking", "data": "x" },
                { "type": "text", "text": "a", "citations": null },
                { "type": "text", "text": "b" },
                { "type": "text", "text": "" },
                { "type": "novel", "deep": { "text": [1] } },
                { "type": "tool_use", "id": "1", "name": "f", "input": { "b": 1, "a": [] } },
            ],
        });
        let answer = decode(body.to_string().as_bytes()).unwrap();
        assert_eq!((answer.model.as_deref(), answer.request_id.as_deref()), (Some("m"), Some("msg_1")));
        assert_eq!((answer.text().as_str(), answer.finish_reason), ("ab", FinishReason::ToolCalls));
        assert_eq!(answer.usage.unwrap().output_tokens, 2);
        let [Part::Reasoning(thought), Part::Vendor(hidden), Part::Text { .. }, Part::Vendor(novel), call] =
            answer.content.as_slice()
        else {
            panic!("{:?}", answer.content);
        };
        assert_eq!(
            (thought.text.as_str(), &thought.state.as_ref().unwrap().data["signature"]),
            ("r", &json!("s"))
        );
        assert_eq!((hidden.vendor.as_str(), &hidden.data), ("anthropic", &body["content"][2]));
        assert_eq!(novel.data, body["content"][6]);
        assert!(matches!(call, Part::ToolCall(call) if call.name == "f"));
    }

    #[test]
    fn arguments_stay_as_the_model_wrote_them() {
        let body = br#"{"content":[{"type":"tool_use","id":"1","name":"f","input":{"z": 1, "a":1.0}}]}"#;
        let answer = decode(body).unwrap();
        assert!(
            matches!(&answer.content[..], [Part::ToolCall(call)] if call.arguments == r#"{"z": 1, "a":1.0}"#)
        );
        assert_eq!(answer.finish_reason, FinishReason::Other("unknown".into()));
    }

    #[test]
    fn an_answer_that_was_withheld_is_empty_and_filtered() {
        let body = br#"{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal"},
            "usage":{"input_tokens":7,"output_tokens":1}}"#;
        let answer = decode(body).unwrap();
        assert!(answer.is_empty());
        assert_eq!(answer.finish_reason, FinishReason::ContentFilter);
        assert_eq!(answer.usage, Some(Usage::reported(7, 1)));
    }

    #[test]
    fn an_answer_that_is_an_error_says_what_it_used_all_the_same() {
        let body =
            br#"{"error":{"message":"m"},"model":"m","usage":{"input_tokens":7,"output_tokens":1},"content":[]}"#;
        let error = decode(body).unwrap_err();
        let partial = error.partial().unwrap();
        assert_eq!((partial.usage, partial.model.as_deref()), (Some(Usage::reported(7, 1)), Some("m")));
    }

    #[test]
    fn an_answer_that_waits_to_be_continued_is_not_complete() {
        let body = br#"{"content":[{"type":"text","text":"a"}],"stop_reason":"pause_turn"}"#;
        let answer = decode(body).unwrap();
        assert!(!answer.is_complete() && !answer.is_good());
        assert_eq!(answer.finish_reason.as_str(), "pause_turn");
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_repeats_none_of_it() {
        for (body, kind) in [
            (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, ErrorKind::Overloaded),
            (r#"{"error":{"message":"m","code":404}}"#, ErrorKind::ModelNotFound),
            (r#"{"error":"m"}"#, ErrorKind::ServerError),
            (r#"{"detail":"Invalid API Key"}"#, ErrorKind::Authentication),
            (r#"{"choices":["secret"]}"#, ErrorKind::Undecodable),
            (r#"{"content":"secret"}"#, ErrorKind::Undecodable),
            (r#"["secret"]"#, ErrorKind::Undecodable),
            (r#"{"content":[{"text":"secret"#, ErrorKind::Undecodable),
            ("<html>secret", ErrorKind::Undecodable),
            ("", ErrorKind::Undecodable),
        ] {
            let error = decode(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{body}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_failure_is_told_by_its_type_and_names_its_request() {
        for (status, kind, message, expected) in [
            (400, "invalid_request_error", "messages: must not be empty", ErrorKind::Rejected),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 9 tokens > 8 maximum",
                ErrorKind::ContextTooLong,
            ),
            (
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 9 + 1 > 8",
                ErrorKind::ContextTooLong,
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
                ErrorKind::QuotaExhausted,
            ),
            (
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits.",
                ErrorKind::QuotaExhausted,
            ),
            (
                400,
                "invalid_request_error",
                "Output blocked by content filtering policy",
                ErrorKind::ContentFiltered,
            ),
            (401, "authentication_error", "invalid x-api-key", ErrorKind::Authentication),
            (402, "billing_error", "m", ErrorKind::QuotaExhausted),
            (403, "permission_error", "m", ErrorKind::PermissionDenied),
            (404, "not_found_error", "model: m", ErrorKind::ModelNotFound),
            (409, "conflict_error", "m", ErrorKind::ServerError),
            (413, "request_too_large", "m", ErrorKind::ContextTooLong),
            (429, "rate_limit_error", "m", ErrorKind::RateLimited),
            (500, "api_error", "m", ErrorKind::ServerError),
            (504, "timeout_error", "m", ErrorKind::ServerError),
            (529, "overloaded_error", "m", ErrorKind::Overloaded),
        ] {
            let body = json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_1" });
            let error = decode_error(status, body.to_string().as_bytes());
            assert_eq!((error.kind(), error.message()), (expected, message), "{status} {kind}");
            assert_eq!(error.request_id(), Some("req_1"));
        }
        assert_eq!(decode_error(502, b"<html>").kind(), ErrorKind::ServerError);
    }
}
