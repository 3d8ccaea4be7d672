//! What is written is read as the same, whatever is written, and nothing that comes breaks what reads it.

use ultraai_core::{ChatRequest, ChatResponse, ResponseFormat, ToolChoice};
use ultraai_protocol_cohere::Chat;
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    named_tool: false,
    documents: false,
    effort: false,
    cache: false,
    refusals: false,
    mixed_order: false,
    ..Carries::EVERYTHING
};

/// What the protocol does not say, or says by saying nothing.
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    request.tool_choice = request.tool_choice.filter(|choice| *choice != ToolChoice::Auto);
    if let Some(ResponseFormat::JsonSchema { name, .. }) = &mut request.response_format {
        *name = String::new();
    }
    request
}

fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.request_id = None;
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    round_trips(&Chat, &Chat, &CARRIES, 500, same_request, same_answer);
}

#[test]
fn broken_bytes_break_nothing() {
    survives(&Chat, &Chat, &CARRIES, 2000);
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    nothing_is_dropped_in_silence(&Chat, &Chat, 500);
}
