//! What is written in this protocol is read as the same.

use ultraai_core::{ChatRequest, ChatResponse};
use ultraai_protocol_openai_responses::Responses;
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

/// Reasoning goes back to its vendor alone; tools and what the model said take no marks for the cache.
const CARRIED: Carries = Carries {
    reasoning_state: Some("openai"),
    cache: false,
    seed: false,
    top_k: false,
    penalties: false,
    stop: false,
    ..Carries::EVERYTHING
};

fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    // A caller can refer to nothing that is kept.
    request.extra.remove("store");
    // It is asked for wherever reasoning is.
    request.reasoning_state = None;
    request
}

fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.request_id = None;
    // SDKs want these counts, so they are 0 where nobody counted.
    if let Some(usage) = &mut answer.usage {
        usage.cache_read = usage.cache_read.filter(|tokens| *tokens > 0);
        usage.cache_write = usage.cache_write.filter(|tokens| *tokens > 0);
        usage.reasoning = usage.reasoning.filter(|tokens| *tokens > 0);
    }
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let responses = Responses::new();
    round_trips(&responses, &responses, &CARRIED, 500, same_request, same_answer);
}

#[test]
fn reasoning_without_state_is_told_to_callers() {
    let responses = Responses::new();
    let carried = Carries { reasoning_state: None, tools: false, ..CARRIED };
    // Requests lose it: see the README.
    let without = |mut request: ChatRequest| {
        for message in &mut request.messages {
            message.content.retain(|part| part.kind() != "reasoning");
        }
        same_request(request)
    };
    round_trips(&responses, &responses, &carried, 200, without, same_answer);
}

#[test]
fn nothing_that_is_broken_breaks_it() {
    let responses = Responses::new();
    survives(&responses, &responses, &CARRIED, 2000);
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    let responses = Responses::new();
    nothing_is_dropped_in_silence(&responses, &responses, 500);
}
