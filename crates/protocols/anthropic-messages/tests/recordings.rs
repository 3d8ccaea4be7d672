//! Every recorded exchange of this protocol is read as the vendor's own SDK reads it.
//!
//! The recordings lie outside the repository, as `ultraai_testkit::recordings` says.

use std::collections::VecDeque;

use serde_json::{Value, json};
use ultraai_core::{
    Answering, ChatRequest, ChatResponse, Codec as _, ErrorKind, Losses, Part, Result, ServerCodec as _,
};
use ultraai_protocol_anthropic_messages::Messages;
use ultraai_testkit::{
    codecs::{fold_frames, frames_of},
    recordings::{Recording, Recordings},
};
use ultraai_wire::SseDecoder;

/// Files that are read differently, by the start of their names, each with its reason.
const GAPS: &[(&str, &str)] = &[
    (
        "anthropic/parallel_tool_calls_stream__ai--fixtures-spliced-message-start",
        "a second answer in the stream is an interruption, which the SDK does not notice",
    ),
    ("openrouter/finish_length_stream__rig", "the SDK fails at a `[DONE]` after the end"),
];

fn read(recording: &Recording) -> Result<ChatResponse> {
    recording.read(&Messages::new(), "sse", |pieces| {
        let (mut decoder, mut frames) = (SseDecoder::new(16 << 20), VecDeque::new());
        pieces.iter().try_for_each(|piece| decoder.push(piece, &mut frames))?;
        decoder.end(&mut frames);
        Ok(frames.into_iter().map(|frame| (frame.name().to_owned(), frame.data)).collect())
    })
}

/// What differs from what the SDK reads.
fn difference(read: &Result<ChatResponse>, expected: &Value) -> Option<String> {
    let answer = match read {
        Err(error) => return Some(format!("{} {error}", error.kind())),
        Ok(answer) => answer,
    };
    let text = |key: &str| expected[key].as_str().unwrap_or_default();
    let finish = match text("finish") {
        "" => "unknown",
        "end_turn" | "stop_sequence" => "stop",
        "max_tokens" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        word => word,
    };
    let thought = |part: &Part| match part {
        Part::Reasoning(reasoning) => reasoning.text.clone(),
        _ => String::new(),
    };
    let reasoning: String = answer.content.iter().map(thought).collect();
    let usage = answer.usage.map(|usage| {
        let (read, written) = (usage.cache_read.unwrap_or(0), usage.cache_write.unwrap_or(0));
        [usage.input_tokens - read - written, usage.output_tokens, read, written]
    });
    let used = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    let used = used.map(|key| expected["usage"][key].as_u64());
    let used = used[0].is_some().then(|| used.map(Option::unwrap_or_default));
    if answer.text() != text("text") {
        Some(format!("text {:?}, expected {:?}", answer.text(), text("text")))
    } else if reasoning != text("reasoning") {
        Some(format!("reasoning {reasoning:?}, expected {:?}", text("reasoning")))
    } else if answer.finish_reason.as_str() != finish {
        Some(format!("finish {:?}, expected {finish:?}", answer.finish_reason))
    } else if calls(answer) != called(expected) {
        Some(format!("calls {:?}, expected {}", calls(answer), expected["tool_calls"]))
    } else if usage != used {
        Some(format!("usage {usage:?}, expected {}", expected["usage"]))
    } else if items(answer) != expected["items"] {
        Some(format!("blocks {}, expected {}", items(answer), expected["items"]))
    } else if answer.model.as_deref().unwrap_or_default() != text("model") {
        Some(format!("model {:?}, expected {}", answer.model, text("model")))
    } else {
        None
    }
}

/// The kinds of the blocks; a text that says nothing is none.
fn items(answer: &ChatResponse) -> Value {
    let kind = |part: &Part| match part {
        Part::Text { .. } => "text".into(),
        Part::Reasoning(_) => "thinking".into(),
        Part::ToolCall(_) => "tool_use".into(),
        Part::Vendor(state) => state.data["type"].clone(),
        other => other.kind().into(),
    };
    answer.content.iter().map(kind).collect()
}

fn calls(answer: &ChatResponse) -> Vec<(String, String, Value)> {
    let calls = answer.content.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.clone(), call.name.clone(), parsed(&call.arguments))),
        _ => None,
    });
    calls.collect()
}

fn called(expected: &Value) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = expected["tool_calls"].as_array().into_iter().flatten();
    calls.map(|call| (text(&call[0]), text(&call[1]), parsed(call[2].as_str().unwrap_or_default()))).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[test]
fn every_recorded_answer_is_read_as_the_vendors_sdk_reads_it() {
    let Some(recordings) = Recordings::of("anthropic.messages") else { return };
    let answers = recordings.compare(GAPS, read, difference);
    assert!(answers > 190, "{answers} answers");
}

#[test]
fn the_same_form_behind_another_vendors_address_is_read_too() {
    let Some(recordings) = Recordings::of("vertex.anthropic") else { return };
    let answers = recordings.compare(&[], read, difference);
    assert!(answers >= 10, "{answers} answers");
}

#[test]
fn every_recorded_answer_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("anthropic.messages") else { return };
    let (codec, mut answers) = (Messages::new(), 0);
    for recording in recordings.iter().filter(|recording| recording.status == 200) {
        let Ok(answer) = read(recording) else { continue };
        answers += 1;
        let request = ChatRequest::default();
        let to = Answering { request: &request, id: "x", created: 0 };
        let same = |mut read: ChatResponse| {
            read.request_id.clone_from(&answer.request_id);
            read
        };
        let body = codec.encode_response(&to, &answer, &mut Losses::refused()).unwrap();
        assert_eq!(same(codec.decode(&request, &body.into()).unwrap()), answer, "{}", recording.file);
        let frames = frames_of(&codec, &to, &answer).unwrap();
        assert_eq!(same(fold_frames(&codec, &request, &frames).unwrap()), answer, "{}", recording.file);
    }
    assert!(answers > 190, "{answers} answers");
}

/// Requests that are written differently, each with its reason.
const REQUEST_GAPS: &[(&str, &str)] = &[];

/// What is not written as it was read, as the crate's page says.
fn normalized(mut request: Value) -> Value {
    if let Some(format) = request.as_object_mut().and_then(|request| request.remove("output_format")) {
        request["output_config"] = json!({ "format": format });
    }
    if request["stream"] == false {
        request["stream"] = Value::Null;
    }
    one_text(&mut request["system"]);
    for turn in request["messages"].as_array_mut().into_iter().flatten() {
        for block in turn["content"].as_array_mut().into_iter().flatten() {
            if block["type"] == "tool_result" {
                one_text(&mut block["content"]);
                if block["is_error"] == false {
                    block["is_error"] = Value::Null;
                }
            }
        }
        one_text(&mut turn["content"]);
    }
    if request["tools"].as_array().is_some_and(Vec::is_empty) {
        request["tools"] = Value::Null;
    }
    for tool in request["tools"].as_array_mut().into_iter().flatten() {
        if tool["type"] == "custom" {
            tool["type"] = Value::Null;
        }
    }
    request
}

/// A text that stands alone in a list is a text, and those of white space alone are left out.
fn one_text(content: &mut Value) {
    let Value::Array(blocks) = content else { return };
    blocks.retain(|block| {
        block["type"] != "text" || !block["text"].as_str().unwrap_or_default().trim().is_empty()
    });
    if let [Value::Object(block)] = blocks.as_slice()
        && block["type"] == "text"
        && block.len() == 2
    {
        *content = block["text"].clone();
    }
}

#[test]
fn every_known_request_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("anthropic.messages") else { return };
    let codec = Messages::new();
    let requests = recordings.compare_requests(REQUEST_GAPS, &codec, &codec, normalized);
    assert!(requests > 190, "{requests} requests");
}

#[test]
fn every_known_request_to_vertex_is_written_as_it_was_read() {
    let Some(recordings) = Recordings::of("vertex.anthropic") else { return };
    let codec = Messages::on_vertex();
    let requests = recordings.compare_requests(&[], &codec, &codec, normalized);
    assert!(requests >= 10, "{requests} requests");
}

#[test]
fn every_recorded_failure_is_told_by_its_kind_and_the_vendors_words() {
    let Some(recordings) = Recordings::of("anthropic.messages") else { return };
    for recording in recordings.failures() {
        let error = Messages::new().error(recording.status, &recording.body);
        let expected = match recording.status {
            400 => ErrorKind::Rejected,
            401 => ErrorKind::Authentication,
            _ => ErrorKind::ModelNotFound,
        };
        assert_eq!(error.kind(), expected, "{}: {error}", recording.file);
        assert!(!error.message().contains("says no more"), "{}: {error}", recording.file);
        assert!(error.request_id().is_some(), "{}: {error}", recording.file);
    }
}
