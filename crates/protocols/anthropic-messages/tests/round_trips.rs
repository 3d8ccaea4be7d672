//! What is written is read as the same, and nothing breaks what reads.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use serde_json::Value;
use ultraai_core::{ChatRequest, ChatResponse, Losses, Part, ResponseFormat, Role};
use ultraai_protocol_anthropic_messages::{Messages, NAME};
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    reasoning_state: Some("anthropic"),
    // There is no block for what the model declined with.
    refusals: false,
    // Asked for by a tool, which is read as one.
    json_object: false,
    seed: false,
    penalties: false,
    ..Carries::EVERYTHING
};

/// What the protocol demands, names elsewhere, or says in one way where there are several.
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    request.max_tokens = request.max_tokens.or(Some(4096));
    if let Some(ResponseFormat::JsonSchema { name, schema, .. }) = &mut request.response_format {
        *name = String::new();
        schema["additionalProperties"] = Value::Bool(false);
    }
    // Results of one turn stand together.
    let mut messages = Vec::new();
    for message in request.messages.drain(..) {
        match messages.last_mut() {
            Some(last) if is_tool(&message) && is_tool(last) => last.content.extend(message.content),
            _ => messages.push(message),
        }
    }
    request.messages = messages;
    request
}

fn is_tool(message: &ultraai_core::Message) -> bool {
    message.role == Role::Tool
}

fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.request_id = None;
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for codec in [Messages::new(), Messages::on_vertex()] {
        let carries = Carries { image_urls: codec_takes_urls(&codec), ..CARRIES };
        round_trips(&codec, &codec, &carries, 500, same_request, same_answer);
    }
}

fn codec_takes_urls(codec: &Messages) -> bool {
    use ultraai_core::Codec as _;
    codec
        .route(&ChatRequest::from_prompt("a").with_model(ultraai_core::ModelName::new("m").unwrap()))
        .is_none()
}

#[test]
fn nothing_breaks_what_reads() {
    let codec = Messages::new();
    survives(&codec, &codec, &CARRIES, 2000);
}

#[test]
fn a_conversation_of_this_protocol_is_written_as_it_was_read() {
    use ultraai_core::{Codec as _, ServerCodec as _};
    let body = serde_json::json!({
        "model": "claude-opus-4-8", "max_tokens": 5,
        "system": [{ "type": "text", "text": "s", "cache_control": { "type": "ephemeral", "ttl": "1h" } }],
        "messages": [
            { "role": "user", "content": [
                { "type": "document", "source": { "type": "content", "content": "a" }, "title": "t" },
                { "type": "document", "source": { "type": "file", "file_id": "f" }, "context": "c", "citations": { "enabled": true } },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "<cut>" } },
                { "type": "search_result", "source": "x", "title": "t", "content": [{ "type": "text", "text": "a" }] },
                { "type": "text", "text": "a", "novel": [1] },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "", "signature": "s" },
                { "type": "redacted_thinking", "data": "x" },
                { "type": "server_tool_use", "id": "1", "name": "web_search", "input": { "query": "q" } },
                { "type": "web_search_tool_result", "tool_use_id": "1", "content": [] },
                { "type": "text", "text": "b", "citations": [{ "type": "char_location", "cited_text": "c" }] },
                { "type": "tool_use", "id": "2", "name": "f", "input": { "a": 1 }, "caller": { "type": "direct" } },
                { "type": "tool_use", "id": "3", "name": "g", "input": {}, "cache_control": { "type": "ephemeral", "novel": 1 } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "2", "is_error": true, "content": [
                    { "type": "image", "source": { "type": "url", "url": "https://host/a" } },
                    { "type": "tool_reference", "tool_name": "f" },
                ] },
                { "type": "tool_result", "tool_use_id": "3" },
                { "type": "text", "text": "go on" },
            ], "novel": 1 },
        ],
        "metadata": { "user_id": "u", "novel": 1 }, "service_tier": "novel", "top_k": 5,
        "tools": [
            { "name": "f", "input_schema": { "type": "object" }, "strict": true, "novel": 1 },
            { "type": "web_search_20250305", "name": "web_search" },
        ],
        "tool_choice": { "type": "auto", "novel": 1 },
        "thinking": { "type": "between_tools" },
        "output_config": { "effort": "novel", "task_budget": { "type": "tokens", "total": 7 }, "format": { "type": "grammar" } },
        "cache_control": { "type": "ephemeral" }, "stream": true, "container": "c",
    });
    // Sampling is refused by this model.
    let body: Value = {
        let mut body = body;
        body.as_object_mut().unwrap().remove("top_k");
        body
    };
    let codec = Messages::new();
    let request = codec.decode_request("/v1/messages", body.to_string().as_bytes()).unwrap();
    assert_eq!(request.origin, Some(NAME));
    let Part::ToolResult(result) = &request.messages[3].content[0] else {
        panic!("{:?}", request.messages[3])
    };
    assert_eq!(result.name.as_deref(), Some("f"));
    let written = codec.encode(&request, &mut Losses::refused()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), body);
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    let codec = Messages::new();
    nothing_is_dropped_in_silence(&codec, &codec, 500);
}
