//! What is written is read as the same, whatever is written, and nothing that comes breaks what reads it.

use ultraai_core::{ChatRequest, ChatResponse, ResponseFormat, ToolChoice};
use ultraai_protocol_ollama::Chat;
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    required_tool: false,
    named_tool: false,
    image_urls: false,
    documents: false,
    cache: false,
    refusals: false,
    split_texts: false,
    mixed_order: false,
    ..Carries::EVERYTHING
};

/// What the protocol does not say, or says by saying nothing.
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    request.extra.remove("truncate");
    request.tool_choice = request.tool_choice.filter(|choice| *choice != ToolChoice::Auto);
    if let Some(ResponseFormat::JsonSchema { name, .. }) = &mut request.response_format {
        *name = String::new();
    }
    request
}

fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.raw.remove("created_at");
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let chat = Chat::default();
    round_trips(&chat, &chat, &CARRIES, 500, same_request, same_answer);
}

#[test]
fn broken_bytes_break_nothing() {
    let chat = Chat::default();
    survives(&chat, &chat, &CARRIES, 2000);
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    let chat = Chat::default();
    nothing_is_dropped_in_silence(&chat, &chat, 500);
}
