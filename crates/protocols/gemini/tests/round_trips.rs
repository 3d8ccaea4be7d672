//! What is written is read as the same, and nothing that comes breaks a decoder.

use serde_json::json;
use ultraai_core::{ChatRequest, ChatResponse, Message, Part, ResponseFormat, Role};
use ultraai_protocol_gemini::{GenerateContent, VENDOR};
use ultraai_testkit::{
    codecs::{nothing_is_dropped_in_silence, round_trips, survives},
    samples::Carries,
};

const CARRIES: Carries = Carries {
    reasoning_state: Some(VENDOR),
    cache: false,
    refusals: false,
    // Turns of one role are one.
    ..Carries::EVERYTHING
};

/// What the protocol has no words for: the names of schemas, the protocol itself, and the types of media, which Google wants
/// to be told. Results of several tools stand in one turn.
fn same_request(mut request: ChatRequest) -> ChatRequest {
    request.origin = None;
    if let Some(ResponseFormat::JsonSchema { name, .. }) = &mut request.response_format {
        name.clear();
    }
    let mut messages: Vec<Message> = Vec::new();
    for mut message in request.messages {
        for part in &mut message.content {
            if let Part::Image(media) = part {
                media.media_type = Some("image/png".into());
            }
        }
        match messages.last_mut().filter(|last| last.role == Role::Tool && message.role == Role::Tool) {
            Some(last) => last.content.append(&mut message.content),
            None => messages.push(message),
        }
    }
    request.messages = messages;
    request
}

/// The id of the exchange is the server's.
fn same_answer(mut answer: ChatResponse) -> ChatResponse {
    answer.request_id = None;
    answer
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let codec = GenerateContent::on_vertex();
    round_trips(&codec, &codec, &CARRIES, 500, same_request, same_answer);
    let codec = GenerateContent::new();
    // The Gemini API takes no names of documents.
    round_trips(&codec, &codec, &Carries { documents: false, ..CARRIES }, 500, same_request, same_answer);
}

#[test]
fn nothing_that_comes_breaks_a_decoder() {
    let codec = GenerateContent::on_vertex();
    survives(&codec, &codec, &CARRIES, 2000);
}

#[test]
fn several_choices_and_their_details_come_back() {
    use ultraai_core::{Answering, Choice, FinishReason, Losses, ServerCodec as _, TokenLogprob};
    use ultraai_testkit::codecs::{fold_frames, frames_of};

    let mut answer = ChatResponse::from_text("a");
    let mut token = TokenLogprob::default();
    token.token = "a".into();
    token.logprob = -0.5;
    answer.model = Some("m".into());
    answer.request_id = Some("r".into());
    answer.service_tier = Some("flex".into());
    answer.finish_reason = FinishReason::ContentFilter;
    answer.logprobs = vec![token];
    let mut other = Choice::default();
    other.content = vec![Part::text("b"), Part::text("c")];
    other.finish_reason = FinishReason::Length;
    answer.alternatives = vec![other];
    answer.raw.insert("novel".into(), json!(7));
    let codec = GenerateContent::new();
    let request = ChatRequest::from_prompt("hello");
    let to = Answering { request: &request, id: "x", created: 0 };
    let body = codec.encode_response(&to, &answer, &mut Losses::refused()).unwrap();
    let read = ultraai_protocol_gemini::decode(&body).unwrap();
    let frames = frames_of(&codec, &to, &answer).unwrap();
    let folded = fold_frames(&codec, &request, &frames).unwrap();
    assert_eq!(folded, read);
    // What has an own field is kept as it came besides.
    let mut expected = answer;
    expected.raw.insert("candidates".into(), read.raw["candidates"].clone());
    assert_eq!(read, expected);
}

#[test]
fn what_is_not_carried_is_refused_or_noted_and_never_dropped_in_silence() {
    let codec = GenerateContent::on_vertex();
    nothing_is_dropped_in_silence(&codec, &codec, 500);
}
